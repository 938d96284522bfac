package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// ownNames returns a body that subscribes to n channels of its own.
func ownNames(i, n int) string {
	list := make([]string, n)
	for j := range list {
		list[j] = fmt.Sprintf(`"own.%d.%d"`, i, j)
	}
	return `{"channels":[` + strings.Join(list, ",") + `]}`
}

// TestSubscriptionsHaveATotal: streams with many names of their own are refused beyond
// half the budget for one address, and count until their grace has passed.
func TestSubscriptionsHaveATotal(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"grace": time.Hour, "none": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Half of it is for three streams of 1000 names, and not for a fourth.
			srv := webtest.Start(t, web.Options{SubscriptionBudget: 7_200_000, PresenceGrace: grace})
			var open []*webtest.Stream
			for i := range 3 {
				st := srv.Open("POST", "/subscribe", ownNames(i, 1000))
				st.WantRegistered()
				open = append(open, st)
			}
			full := func() bool {
				a := srv.Open("POST", "/subscribe", ownNames(9, 1000))
				defer a.Close()
				ev, err := a.Parser.Next()
				if err != nil {
					t.Fatal(err)
				}
				if ev.Type == "goodbye" && !strings.Contains(ev.Data, "of this address") {
					t.Error(ev.Data)
				}
				return ev.Type == "goodbye"
			}
			if !full() {
				t.Error("a fourth stream of 1000 names is let in")
			}
			srv.Subscribe("channels=own.0.0").WantRegistered() // a small one has room
			for _, st := range open {
				st.Close()
			}
			eventually(t, "they have ended", func() bool { return srv.Streams() == 1 })
			if grace > 0 != full() {
				t.Errorf("with a grace of %v a stream is refused: %v", grace, grace == 0)
			}
		})
	}
}

// TestSubscriptionsCostWhatTheyCount: what the process keeps of streams with names of
// their own is no more than what they are counted for.
func TestSubscriptionsCostWhatTheyCount(t *testing.T) {
	const streams, names = 50, 1000
	srv := webtest.Start(t, web.Options{})
	wires := make([]*webtest.Wire, streams)
	before := heap()
	for i := range wires {
		body := ownNames(i, names)
		wires[i] = srv.Dial()
		wires[i].Send(fmt.Sprintf("POST /subscribe HTTP/1.1\nHost: x\nContent-Length: %d\n\n%s", len(body), body))
	}
	for i, w := range wires { // its start is complete when the last name has come
		w.WantLine(fmt.Sprintf(`data: {"channelName":"own.%d.%d"`, i, names-1))
	}
	grown, counted := heap()-before, srv.SubscriptionBytes()
	if grown > counted {
		t.Errorf("%d streams of %d names take %d KiB, counted as %d KiB", streams, names, grown>>10, counted>>10)
	}
	t.Logf("%d bytes for each name, counted as %d", grown/streams/names, counted/streams/names)
}
