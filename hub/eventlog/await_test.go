package eventlog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A reader that comes from a server that is ahead waits until the follower has its position.
func TestAwaitFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newFollower(t, Options{}, 0)
		follow(t, m, stored(3, "a"))
		if err := m.Await(t.Context(), 3); err != nil {
			t.Errorf("the head: %v", err)
		}
		for name, move := range map[string]func(seq uint64){
			"Follow":  func(seq uint64) { follow(t, m, stored(seq, "a")) },
			"Advance": m.Advance,
			"Lose":    func(seq uint64) { m.Lose("a", seq) },
			"LoseAll": m.LoseAll,
			"Miss": func(seq uint64) {
				if err := m.Miss(t.Context(), []string{"a"}, seq); err != nil {
					t.Error(err)
				}
			},
		} {
			at := m.Head().Seq + 5
			arrived := make(chan error, 1)
			go func() { arrived <- m.Await(context.Background(), at) }()
			synctest.Wait()
			move(at - 1)
			synctest.Wait()
			select {
			case err := <-arrived:
				t.Fatalf("%s: %v at %d, one before", name, err, at-1)
			default:
			}
			move(at)
			if err := <-arrived; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Await(ctx, m.Head().Seq+1); !errors.Is(err, ErrBehind) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a position that does not come: %v", err)
		}
		if len(m.waiters.list) != 0 {
			t.Errorf("%d waiters are left", len(m.waiters.list))
		}
		closed := make(chan error, 1)
		go func() { closed <- m.Await(context.Background(), m.Head().Seq+1) }()
		synctest.Wait()
		m.Close()
		if err := <-closed; !errors.Is(err, ErrClosed) {
			t.Errorf("as the log closes: %v", err)
		}
		if err := m.Await(t.Context(), m.Head().Seq+1); !errors.Is(err, ErrClosed) {
			t.Errorf("after the log has closed: %v", err)
		}
	})
}
