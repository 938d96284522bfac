package presence

import (
	"fmt"
	"testing"
)

// TestListsMatchOutsideTheLock: what a list compares is compared while others may use
// the registry, and a long list lets them in between.
func TestListsMatchOutsideTheLock(t *testing.T) {
	r := NewRegistry(0)
	const n = 3 * lockSteps
	for i := range n {
		r.Join(&Connection{ID: fmt.Sprint(i), ClientID: fmt.Sprint("u", i)}, []string{fmt.Sprint("c", i)}, nil)
	}
	asked := 0
	_, total, _ := r.Channels(Query{Limit: 1, Allow: func(string) bool {
		if asked++; !r.mu.TryLock() {
			t.Fatal("the registry is locked while a pattern is matched")
		}
		r.mu.Unlock()
		return true
	}})
	if asked != n || total != n {
		t.Errorf("%d asked for, %d in all, want %d", asked, total, n)
	}
	if _, total, _ := r.Clients(Query{Search: "U", Limit: 1}); total != n {
		t.Errorf("%d clients, want %d", total, n)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() { // a client joins and leaves all the time
		defer close(done)
		for {
			select {
			case <-quit:
				return
			default:
				c := &Connection{ID: "x", ClientID: "u0"}
				r.Join(c, []string{"c0", "x"}, nil)
				r.Leave(c)
				takeAll(r)
			}
		}
	}()
	for range 50 {
		if page, total, _ := r.Clients(Query{}); total != n || len(page) != n {
			t.Errorf("%d clients of %d, want %d", len(page), total, n)
		}
		if _, total, _ := r.Channels(Query{Search: "C"}); total != n {
			t.Errorf("%d channels, want %d", total, n)
		}
	}
	close(quit)
	<-done
}
