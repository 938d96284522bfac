package hooks

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/presence"
)

// Whatever clients and the endpoint do: every event is reported at least once, no other event is, and those of each
// client and channel are in order, without repetition among messages with different ids.
func TestAtLeastOnceAndInOrder(t *testing.T) {
	for range 20 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(seed, 0))
			faults := make(chan int, 1<<16)
			for range cap(faults) {
				faults <- chance.IntN(10)
			}
			var r *receiver
			r = receive(t, func(w http.ResponseWriter, req *http.Request, m message) bool {
				switch <-faults {
				case 0:
					w.WriteHeader(500)
				case 1:
					drop(w)
				case 2: // it has it, and says so too late
					r.accept(m)
					drop(w)
				case 3:
					<-req.Context().Done()
				default:
					return false
				}
				return true
			})
			p := quick()
			p.timeout = 50 * time.Millisecond
			w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: p})
			conns := map[string][]*presence.Connection{}
			want := map[string][]string{} // by client
			for range 150 {
				client := fmt.Sprint("u", chance.IntN(5))
				if list := conns[client]; len(list) > 0 && chance.IntN(2) == 0 {
					w.h.Ended(client, "gone")
					want[client] = append(want[client], "stream.ended "+client+" gone")
					conns[client] = list[1:]
					w.registry.Leave(list[0])
				} else {
					c := &presence.Connection{ID: fmt.Sprint(chance.Uint64()), ClientID: client, ConnectedAt: time.Now()}
					w.registry.Join(c, []string{fmt.Sprint("c", chance.IntN(3))}, nil)
					conns[client] = append(list, c)
				}
				edges := w.registry.Take()
				for _, e := range edges {
					text := map[presence.Kind]string{presence.Join: "member.joined ", presence.Leave: "member.left "}[e.Kind] + e.Channel + " " + e.ClientID
					if e.Channel == presence.Everyone {
						text = map[presence.Kind]string{presence.Join: "client.online ", presence.Leave: "client.offline "}[e.Kind] + e.ClientID
					}
					want[e.ClientID] = append(want[e.ClientID], text)
				}
				w.h.Edges(edges)
			}
			total := 0
			for _, list := range want {
				total += len(list)
			}
			got := map[string][]string{}
			r.until("everything is told", func() bool {
				n := 0
				clear(got)
				for _, text := range r.told() {
					if parts := strings.Fields(text); !strings.HasPrefix(parts[0], "channel.") {
						client := parts[len(parts)-1]
						if parts[0] == StreamEnded {
							client = parts[1]
						}
						got[client] = append(got[client], text)
						n++
					}
				}
				return n >= total
			})
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("told\n%v, want\n%v", got, want)
			}
			occupied := map[string]int{}
			for _, text := range r.told() {
				if channel, ok := strings.CutPrefix(text, "channel.occupied "); ok {
					occupied[channel]++
				} else if channel, ok := strings.CutPrefix(text, "channel.vacated "); ok {
					occupied[channel]--
				}
			}
			for channel, n := range occupied {
				lists, _ := w.registry.Snapshot(channel)
				if there := len(lists[0]) > 0; there && n != 1 || !there && n != 0 {
					t.Errorf("%s was told to be occupied %d times more than vacated; is it %v", channel, n, there)
				}
			}
		})
	}
}
