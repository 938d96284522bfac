package hub

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// endless is the room of a fake that takes everything.
const endless = -1

var errFake = errors.New("the peer is gone")

// fake is a Transport in memory. Its script is its room: how many bytes it takes
// before it blocks. Safe for concurrent use.
type fake struct {
	framed bool // static: it wants chunks

	mu     sync.Mutex
	conn   *Conn
	room   int // bytes that it still takes, or endless
	fail   bool
	owed   bool      // a Write was short: the shard waits for Ready
	since  time.Time // of the short Write
	taken  []byte    // everything it took
	last   time.Time // of the last byte taken
	before func()    // called at the beginning of the next Write, once
	closed int
	cut    bool
	wrong  []string // what the shard must not do and did
	grown  chan struct{}
}

var _ Transport = (*fake)(nil)

func newFake(chunked bool, room int) *fake {
	return &fake{framed: chunked, room: room, last: time.Now(), grown: make(chan struct{}, 1)}
}

func (f *fake) Open(c *Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn != nil || len(f.taken) > 0 {
		f.wrong = append(f.wrong, "Open twice or late")
	}
	f.conn = c
}

func (f *fake) Chunked() bool { return f.framed }

func (f *fake) Write(bufs [][]byte) (int, error) {
	f.mu.Lock()
	before := f.before
	f.before = nil
	f.mu.Unlock()
	if before != nil {
		before()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.conn == nil:
		f.wrong = append(f.wrong, "Write before Open")
	case f.closed > 0:
		f.wrong = append(f.wrong, "Write after Close")
	case f.owed:
		f.wrong = append(f.wrong, "Write after a short one, before Ready")
	}
	if f.fail {
		return 0, errFake
	}
	n := 0
	for _, b := range bufs {
		take := len(b)
		if f.room >= 0 {
			take = min(take, f.room)
			f.room -= take
		}
		f.taken = append(f.taken, b[:take]...)
		n += take
		if take < len(b) {
			f.owed, f.since = true, time.Now()
			break
		}
	}
	if n > 0 {
		f.last = time.Now()
	}
	f.signal()
	return n, nil
}

func (f *fake) Close(cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	f.cut = cut
	if f.closed > 1 {
		f.wrong = append(f.wrong, "Close twice")
	}
	f.signal()
}

func (f *fake) signal() {
	select {
	case f.grown <- struct{}{}:
	default:
	}
}

// give sets the room and, if the shard waits for it, notifies it.
func (f *fake) give(room int) {
	f.mu.Lock()
	f.room = room
	ready := f.owed && room != 0
	if ready {
		f.owed = false
	}
	c := f.conn
	f.mu.Unlock()
	if ready {
		c.Ready()
	}
}

// breakDown makes every further Write fail.
func (f *fake) breakDown() {
	f.mu.Lock()
	f.fail = true
	f.mu.Unlock()
}

// ambush has fn called in the middle of the next turn that writes to f.
func (f *fake) ambush(fn func()) {
	f.mu.Lock()
	f.before = fn
	f.mu.Unlock()
}

// look returns what f is like now.
func (f *fake) look() fakeState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fakeState{f.taken, f.owed, f.since, f.last, f.closed > 0, f.cut, f.fail, fmt.Sprint(f.wrong)}
}

type fakeState struct {
	taken       []byte // grows; what is there never changes
	owed        bool
	since, last time.Time
	closed, cut bool
	fail        bool
	wrong       string // "[]" if nothing
}

// owner is an Owner that counts its ends and queues its refreshes.
type owner struct {
	mu      sync.Mutex
	ends    []Reason
	onEnd   func(*Conn, Reason)
	refresh func(c *Conn, channels []string, online bool)
}

func (o *owner) Ended(c *Conn, why Reason) {
	o.mu.Lock()
	o.ends = append(o.ends, why)
	onEnd := o.onEnd
	o.mu.Unlock()
	if onEnd != nil {
		onEnd(c, why)
	}
}

func (o *owner) Refresh(c *Conn, channels []string, online bool) {
	if o.refresh != nil {
		o.refresh(c, channels, online)
	}
}

// ended returns the reasons that it received; at most one is right.
func (o *owner) ended() []Reason {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Reason(nil), o.ends...)
}
