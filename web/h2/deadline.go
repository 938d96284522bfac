package h2

import (
	"sync"
	"time"
)

// deadline is a time until which somebody waits. It may be set meanwhile. The zero time is none.
type deadline struct {
	mu      sync.Mutex
	at      time.Time
	changed chan struct{} // closed when at changes; nil while nobody waits
}

func (d *deadline) set(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

func (d *deadline) get() (at time.Time, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.at, d.changed
}

// wait waits for a value. ok is false if the deadline comes first.
func wait[T any](d *deadline, values <-chan T) (v T, ok bool) {
	for {
		at, changed := d.get()
		var over <-chan time.Time
		if !at.IsZero() {
			over = time.After(time.Until(at))
		}
		select {
		case v = <-values:
			return v, true
		case <-over:
			return v, false
		case <-changed:
		}
	}
}
