package eventlog

import (
	"fmt"
	"testing"
)

// However many own channels the server makes, the events of others stay, and so does the memory of their losses: a
// channel without losses gets no gap.
func TestOwnChannelsPushOutOneAnother(t *testing.T) {
	m := newMemory(t, Options{Budget: 256 << 10, Rules: []Rule{{Match: OwnPattern("$own.>"), Events: 1}}})
	const orders = 100
	publish(t, m, "orders", orders)
	for i := range 5000 {
		publish(t, m, fmt.Sprint("$own.", i), 1)
	}
	check(t, m)
	batch := m.Next(&Cursor{Channels: []string{"orders", "unused"}}, Limit{}, nil)
	if len(batch.Records) != orders || len(batch.Gaps) > 0 {
		t.Errorf("of %d events %d are kept; the gaps are %v", orders, len(batch.Records), batch.Gaps)
	}
	if stats := m.Stats(); stats.EvictedForBudget > 0 {
		t.Errorf("%d events are counted as dropped for want of room", stats.EvictedForBudget)
	}
	if _, last := m.Last([]string{"$own.0", "$own.4999"}); last[0] != nil || last[1] == nil {
		t.Errorf("the oldest own event is %v and the newest %v; the newest is to be kept", last[0], last[1])
	}
	if floors := m.Floors([]string{"$own.0"}); floors[0] == 0 {
		t.Error("that an own channel has lost its event is forgotten")
	}
}
