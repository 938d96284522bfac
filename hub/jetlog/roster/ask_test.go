package roster

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// answers answers the questions to a node until the test ends.
func (w *watched) answers(f func(q Question) []byte) {
	go func() {
		for {
			select {
			case q := <-w.Asked():
				if text := f(q); text != nil {
					if err := q.Answer(text); err != nil && !errors.Is(err, ErrInvalid) {
						w.t.Errorf("%s: %v", w.opts.Node, err)
					}
				}
			case <-w.done:
				return
			}
		}
	}()
}

// A question reaches all other nodes, or that of a session, and Ask returns when all have answered. A node that does not
// answer costs no more than the time given.
func TestAsk(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a, b, c := join(t, s.ClientURL(), "a"), join(t, s.ClientURL(), "b"), join(t, s.ClientURL(), "c")
	until(t, "a sees the others", func() bool { return len(a.Nodes()) == 3 })
	var silent atomic.Bool
	for _, w := range []*watched{a, b, c} {
		w.answers(func(q Question) []byte {
			if q.Kind == "large" {
				return make([]byte, MaxAnswer+1)
			}
			if q.Kind != "name" || w == c && silent.Load() {
				return nil
			}
			return []byte(w.opts.Node + " " + string(q.Payload))
		})
	}
	asked := func(wait time.Duration, session, kind string) (list []string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		answers, err := a.Ask(ctx, session, kind, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		for _, answer := range answers {
			list = append(list, answer.Node+": "+string(answer.Payload))
		}
		slices.Sort(list)
		return list
	}
	if got := asked(20*time.Second, "", "name"); !slices.Equal(got, []string{"b: b x", "c: c x"}) {
		t.Errorf("all answered %q", got)
	}
	if got := asked(20*time.Second, c.Session(), "name"); !slices.Equal(got, []string{"c: c x"}) {
		t.Errorf("one answered %q", got)
	}
	if got := asked(time.Second, "nobody", "name"); got != nil {
		t.Errorf("nobody answered %q", got)
	}
	silent.Store(true)
	if got := asked(time.Second, "", "name"); !slices.Equal(got, []string{"b: b x"}) {
		t.Errorf("b answered %q", got)
	}
	if got := asked(time.Second, "", "large"); got != nil {
		t.Errorf("a large answer has %d bytes", len(got[0]))
	}
	if _, err := a.Ask(t.Context(), "", "x", make([]byte, MaxWord+1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a large question: %v", err)
	}
}
