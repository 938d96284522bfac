package web_test

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"rollcall/web"
)

// errDropped means that a client dropped its connection.
var errDropped = errors.New("dropped")

// dropReader fails behind so many bytes.
type dropReader struct {
	r    io.Reader
	left int
}

func (d *dropReader) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, errDropped
	}
	n, err := d.r.Read(p[:min(len(p), d.left)])
	d.left -= n
	return n, err
}

// writer publishes batches one after the other: one whenever its reader has received something. When stopped, it
// publishes one last event.
type writer struct {
	got  chan struct{} // capacity one
	stop chan struct{}
	all  chan []post // gets everything published
}

func (s *stage) write(channels ...string) writer {
	w := writer{make(chan struct{}, 1), make(chan struct{}), make(chan []post, 1)}
	s.Cleanup(func() {
		for range w.all { // has ended then
		}
	})
	go func() {
		defer close(w.all)
		var all []post
		rnd := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-w.stop:
				w.all <- append(all, s.publish(say(channels[0], "the end"))...)
				return
			case <-s.Context().Done(): // the test has failed
				return
			case <-w.got:
			}
			var batch []post
			for i := range 1 + rnd.IntN(8) {
				text := strconv.Itoa(len(all)+len(batch)) + strings.Repeat("~", rnd.IntN(300))
				batch = append(batch, say(channels[i*rnd.IntN(len(channels))%len(channels)], text))
			}
			all = append(all, s.publish(batch...)...)
		}
	}()
	return w
}

// more has the writer publish the next batch.
func (w writer) more() {
	select {
	case w.got <- struct{}{}:
	default:
	}
}

// A client that drops again and again, at any byte, while publishing goes on has
// seen every event of its channels once and in order in the end.
func TestTransportResume(t *testing.T) {
	overWays(t, web.Options{HistoryEvents: 1 << 20, HistoryBytes: 64 << 20}, func(t *testing.T, s *stage) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rnd := rand.New(rand.NewPCG(seed, 0))
		w := s.write("a", "b", "c", "d")

		var got []post
		var first uint64
		seen, done := "", false
		for drops := 0; !done; drops++ {
			c := s.open(ask{channels: "c,a,b", resume: seen})
			c.seen = seen
			c.events = bufio.NewReaderSize(&dropReader{c.body, 1 + rnd.IntN(10_000)}, 16)
			if drops == 20 { // enough; this one is the last
				close(w.stop)
				c.events = bufio.NewReader(c.body)
			}
			for n := 0; !done; n++ {
				w.more()
				e, err := c.next()
				if err != nil {
					if err != errDropped {
						t.Fatalf("%v behind %q", err, c.seen)
					}
					break
				}
				switch {
				case e.typ == ":":
				case e.typ == "registered" && n == 0:
					if resumed := strings.Contains(e.text(t), `"resumed":true`); resumed != (seen != "") {
						t.Fatalf("with the position %q: %q", seen, e.raw)
					}
					if seen == "" {
						first = post{ID: e.id}.seq(t)
					} else if e.id != seen {
						t.Fatalf("came back with %q, registered under %q", seen, e.id)
					}
				case e.typ == "lastEvent" && seen == "":
				case e.typ == "message":
					got = append(got, e.post(t))
					done = got[len(got)-1].Payload == "the end"
				default:
					t.Fatalf("got %s behind %q", brief(e), seen)
				}
			}
			seen = c.seen
			c.drop([]string{"close", "FIN", "RST"}[rnd.IntN(3)])
		}
		var want []post
		for _, p := range <-w.all {
			if p.Channel != "d" && p.seq(t) > first {
				want = append(want, p)
			}
		}
		wantSame(t, got, want)
	})
}

// wantSame fails the test unless got is want.
func wantSame(t *testing.T, got, want []post) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("event %d is %s, want %s", i, brief(got[i]), brief(want[i]))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	if len(want) == 0 {
		t.Fatal("nothing was published")
	}
}

func TestTransportGoneAndUnknownPositions(t *testing.T) {
	overWays(t, web.Options{HistoryEvents: 3}, func(t *testing.T, s *stage) {
		all := s.publish(say("a", "1"), say("a", "2"), say("a", "3"), say("a", "4"), say("a", "5"), say("b", "6"))
		c := s.open(ask{channels: "a,b", resume: all[0].ID})
		c.want("registered")
		if e := c.want("gap"); e.body(t).ChannelName != "a" || e.text(t) != `{"after":"`+all[0].ID+`","reason":"evicted"}` {
			t.Errorf("%q", e.raw)
		}
		c.wantPosts(all[2:]...)
		c = s.open(ask{channels: "b", resume: "other-1"})
		c.want("registered")
		if e := c.want("gap"); e.text(t) != `{"after":"other-1","reason":"epoch"}` {
			t.Errorf("%q", e.raw)
		}
		c.want("lastEvent")
		c.wantPosts(s.publish(say("b", "7"))...)
	})
}
