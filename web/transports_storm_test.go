package web_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/web"
)

// TestTransportStorm has many clients come and go while much is written
// to all of them, so that file descriptors are used again and again with writes
// under way. Each is on a channel of its own: an event that reaches the wrong
// connection is seen. It runs alone, for it counts what is left in the process.
func TestTransportStorm(t *testing.T) {
	for _, w := range ways {
		clients := 150
		switch {
		case w.name == "clear":
			clients = 1500
			if n, err := strconv.Atoi(os.Getenv("ROLLCALL_STORM")); err == nil {
				clients = n
			}
		case testing.Short():
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			s := w.start(t, web.Options{PresenceGrace: 50 * time.Millisecond, HistoryBudget: 16 << 20})
			empty := func() bool { return s.srv.Streams() == 0 }
			storm(s, 50) // what there is but once is there then
			until(t, "no streams", empty)
			before := goleak.IgnoreCurrent()
			files := openFiles()
			storm(s, clients)
			until(t, "no streams", empty)
			until(t, "nobody online", func() bool { return s.online() == 0 })
			var channels struct{ Total int }
			if s.call("GET", "/presence/channels", nil, &channels); channels.Total != 0 {
				t.Errorf("%d channels have members", channels.Total)
			}
			until(t, "as many open files as before", func() bool { return openFiles() <= files })
			goleak.VerifyNone(t, before)
		})
	}
}

// openFiles counts the process's file descriptors; 0 if they can't be counted.
func openFiles() int {
	dir, _ := os.ReadDir("/proc/self/fd")
	return len(dir)
}

// active are the channels that have a client now.
type active struct {
	mu    sync.Mutex
	names []string
	at    map[string]int
}

func (a *active) add(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[name] = len(a.names)
	a.names = append(a.names, name)
}

func (a *active) remove(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, last := a.at[name], a.names[len(a.names)-1]
	a.names[i], a.at[last] = last, i
	a.names = a.names[:len(a.names)-1]
	delete(a.at, name)
}

// some returns up to n of them, perhaps one more than once.
func (a *active) some(n int) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	n = min(n, len(a.names))
	names := make([]string, n)
	for i := range names {
		names[i] = a.names[rand.IntN(len(a.names))]
	}
	return names
}

func storm(s *stage, clients int) {
	s.Helper()
	there := &active{at: make(map[string]int)}
	var crowd sync.WaitGroup
	var seen atomic.Int64
	var next atomic.Int64
	for range 48 {
		crowd.Go(func() {
			for {
				i := int(next.Add(1))
				if i > clients || s.Failed() {
					return
				}
				name := fmt.Sprintf("c%d.", i)
				there.add(name)
				n, err := visit(s, name, rand.IntN(6), there)
				there.remove(name)
				seen.Add(int64(n))
				if err != nil {
					s.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	crowd.Wait()
	s.Logf("%d clients saw %d events", clients, seen.Load())
	if seen.Load() == 0 {
		s.Error("no client saw an event")
	}
}

// visit is one client's life: it sees so many events and leaves in one way or
// another. 0 leaves at once, 1 without reading anything. For every event that it
// waits for it publishes one to itself and some to others.
func visit(s *stage, name string, events int, others *active) (seen int, err error) {
	how := []string{"close", "FIN", "RST", "half-close"}[rand.IntN(4)]
	if events == 0 && s.proto != "HTTP/2.0" {
		c := s.dial(ask{})
		_, _ = c.conn.Write([]byte(s.request(ask{channels: name, clientID: name})))
		c.drop(how)
		c.raw.Close()
		return 0, nil
	}
	c := s.open(ask{channels: name, clientID: name})
	defer c.raw.Close()
	if events <= 1 {
		c.drop(how)
		return 0, nil
	}
	filler := strings.Repeat("-", 1<<10)
	for n := 0; seen < events; n++ {
		if n > 1 {
			batch := []post{say(name, name)}
			for _, other := range others.some(5) {
				batch = append(batch, say(other, other+filler[:rand.IntN(1<<rand.IntN(11))]))
			}
			s.publish(batch...)
		}
		e, err := c.next()
		if err != nil {
			return seen, err
		}
		switch {
		case e.typ == "registered" && n == 0:
			if !strings.Contains(e.text(s), `{"clientId":"`+name+`"`) {
				return seen, fmt.Errorf("greeted as another: %q", e.raw)
			}
		case e.typ == "lastEvent" && n == 1:
			if got := e.body(s); got.ChannelName != name || e.text(s) != "{}" && !strings.Contains(e.text(s), `"payload":"`+name) {
				return seen, fmt.Errorf("another's event: %q", e.raw)
			}
		case e.typ == "message" && n > 1:
			if got := e.post(s); got.Channel != name || !strings.HasPrefix(got.Payload, name) {
				return seen, fmt.Errorf("another's event: %q", e.raw)
			}
			seen++
		default:
			return seen, fmt.Errorf("got %q", e.raw)
		}
	}
	c.drop(how)
	return seen, nil
}
