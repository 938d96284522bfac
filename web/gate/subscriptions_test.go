package gate

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestDefaultsLetACrowdIn: 20 000 clients of five channels each behind one address have
// room, also when all come back at once while what they left is within its grace.
func TestDefaultsLetACrowdIn(t *testing.T) {
	x := Subscriptions{Limit: subscriptionBytes}
	proxy := netip.MustParseAddr("192.0.2.1")
	var all []seat
	for i := range 2 * 20_000 {
		names := make([]string, 5)
		for j := range names {
			names[j] = fmt.Sprintf("tenant-000%d.room.%016d", j, i)
		}
		p := seat{addr: proxy, cost: costOf(names)}
		if over := x.acquire(&p); over != "" {
			t.Fatalf("client %d: %s", i, over)
		}
		all = append(all, p)
	}
	for _, p := range all {
		x.release(p)
	}
	if held, _, _, refused := x.State(); held != 0 || refused != 0 || len(x.byAddress) != 0 {
		t.Errorf("%d bytes are held, %d were refused, %d addresses remembered", held, refused, len(x.byAddress))
	}
}
