package stream

import (
	"context"
	"net/http"
	"sync"
	"time"

	"rollcall/hub"
)

// queueBytes is how much a handlerTransport holds beside what it is writing.
const queueBytes = 64 << 10

// handlerTransport writes a stream through net/http, on the goroutine of its
// handler: for every connection that can't be taken over. What a
// shard hands over waits in a short queue of shared bytes.
type handlerTransport struct {
	// Static after Attach.
	w     http.ResponseWriter
	rc    *http.ResponseController
	stall time.Duration
	wake  chan struct{} // capacity one
	conn  *hub.Conn

	mu     sync.Mutex
	queue  [][]byte
	queued int
	unsent int  // bytes that were taken and are not written
	full   bool // the shard was refused and waits for Ready
	closed bool
	cut    bool
	over   bool // the handler has returned or will not write again
}

var _ hub.Transport = (*handlerTransport)(nil)

func newHandlerTransport(w http.ResponseWriter, rc *http.ResponseController, stall time.Duration) *handlerTransport {
	return &handlerTransport{w: w, rc: rc, stall: stall, wake: make(chan struct{}, 1)}
}

// Open implements [hub.Transport]. The handler has the Conn already, from Attach.
func (t *handlerTransport) Open(*hub.Conn) {}

// Chunked implements [hub.Transport]: net/http does the framing.
func (t *handlerTransport) Chunked() bool { return false }

// Write implements [hub.Transport]: all or nothing.
func (t *handlerTransport) Write(bufs [][]byte) (int, error) {
	n := 0
	t.mu.Lock()
	if t.full = t.queued >= queueBytes; !t.full {
		for _, b := range bufs {
			n += len(b)
		}
		t.queue = append(t.queue, bufs...)
		t.queued += n
		t.unsent += n
	}
	t.mu.Unlock()
	t.signal()
	return n, nil
}

// Close implements [hub.Transport].
func (t *handlerTransport) Close(cut bool) {
	t.mu.Lock()
	t.closed, t.cut = true, cut
	if cut && !t.over {
		_ = t.rc.SetWriteDeadline(time.Now()) // ends a write under way
	}
	t.mu.Unlock()
	t.signal()
}

func (t *handlerTransport) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run writes what the shard hands over until it closes the transport. The
// handler calls it once and returns after it.
func (t *handlerTransport) run(ctx context.Context) {
	gone := ctx.Done()
	var spare [][]byte
	for {
		select {
		case <-t.wake:
		case <-gone:
			gone = nil
			t.conn.Lost()
			continue
		}
		t.mu.Lock()
		batch, full, closed := t.queue, t.full, t.closed
		t.queue, t.queued, t.full = spare[:0], 0, false
		if closed && (t.cut || t.over) {
			batch = nil
		}
		if closed {
			t.over = true // Close sets no deadline any more
		}
		over := t.over
		t.mu.Unlock()
		if len(batch) > 0 && (!over || closed) {
			if why, ok := t.write(batch); !ok {
				t.mu.Lock()
				t.over = true
				t.mu.Unlock()
				t.conn.End(why)
			}
		}
		clear(batch)
		spare = batch[:0]
		if closed {
			return
		}
		if full {
			t.conn.Ready()
		}
	}
}

// write writes and flushes a batch within the stall time, or tells why it could
// not.
func (t *handlerTransport) write(batch [][]byte) (why hub.Reason, ok bool) {
	deadline := time.Now().Add(t.stall)
	t.mu.Lock()
	cut := t.cut
	if !cut { // else the deadline of Close stands
		_ = t.rc.SetWriteDeadline(deadline)
	}
	t.mu.Unlock()
	if cut {
		return hub.Gone, false
	}
	for _, b := range batch {
		if _, err := t.w.Write(b); err != nil {
			return whyNot(deadline), false
		}
	}
	if t.rc.Flush() != nil {
		return whyNot(deadline), false
	}
	n := 0
	for _, b := range batch {
		n += len(b)
	}
	t.mu.Lock()
	t.unsent -= n
	if !t.closed {
		_ = t.rc.SetWriteDeadline(time.Time{}) // over HTTP/2 it ends a stream that has nothing to write, too
	}
	t.mu.Unlock()
	return hub.Reason{}, true
}

// pending returns how many bytes were taken and are not written.
func (t *handlerTransport) pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unsent
}

// whyNot returns why a write failed. Over HTTP/2 the error does not contain it.
func whyNot(deadline time.Time) hub.Reason {
	if time.Now().Before(deadline) {
		return hub.Gone
	}
	return hub.Slow
}
