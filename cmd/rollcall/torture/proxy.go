package torture

import (
	"net"
	"sync"
	"time"
)

// Shape is a proxy's effect on one direction. The zero value passes everything at once.
type Shape struct {
	Hold  bool          // nothing passes; the connections stay open, as in a network that drops packets
	Delay time.Duration // until a byte passes
	Rate  int           // bytes a second, of each connection; 0 is any
}

// Proxy stands between any two processes and simulates network faults.
type Proxy struct {
	target  string
	l       net.Listener
	running sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed with each change
	shapes  [2]Shape      // to the target, and from it
	cut     bool
	closed  bool
	conns   map[net.Conn]bool
	taken   int
}

// NewProxy listens on a free port of loopback, for connections to target.
func NewProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, l: l, changed: make(chan struct{}), conns: make(map[net.Conn]bool)}
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns the proxy's address.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Taken returns how many connections came through to the target.
func (p *Proxy) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// Set gives the directions to the target and from it these shapes.
func (p *Proxy) Set(to, from Shape) { p.change(func() { p.shapes = [2]Shape{to, from} }) }

// Reset resets all connections; new ones pass.
func (p *Proxy) Reset() { p.change(p.reset) }

// Cut resets all connections, and each new one, until it is called with false.
func (p *Proxy) Cut(cut bool) {
	p.change(func() {
		p.cut = cut
		if cut {
			p.reset()
		}
	})
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	_ = p.l.Close()
	p.change(func() {
		p.closed = true
		p.reset()
	})
	p.running.Wait()
}

func (p *Proxy) change(what func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) reset() {
	for c := range p.conns {
		abort(c)
	}
	clear(p.conns)
}

// abort closes a connection with a reset.
func abort(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func (p *Proxy) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.connect(in) })
	}
}

// connect serves a connection until it ends on either side.
func (p *Proxy) connect(in net.Conn) {
	out, err := net.DialTimeout("tcp", p.target, patience)
	if err != nil {
		abort(in)
		return
	}
	if !p.keep(in, out) {
		abort(in)
		abort(out)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(out, in, 0) })
	both.Go(func() { p.copy(in, out, 1) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, in)
	delete(p.conns, out)
}

// keep registers a connection, unless none is allowed.
func (p *Proxy) keep(in, out net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut || p.closed {
		return false
	}
	p.conns[in], p.conns[out] = true, true
	p.taken++
	return true
}

// piece is bytes on their way.
type piece struct {
	data []byte
	came time.Time
}

// copy passes bytes in one direction, and closes both connections at the end.
func (p *Proxy) copy(dst, src net.Conn, way int) {
	defer dst.Close()
	pieces := make(chan piece, 64)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer src.Close()
	done := make(chan struct{})
	defer close(done)
	reading.Go(func() {
		defer close(pieces)
		for {
			buf := make([]byte, 4<<10)
			n, err := src.Read(buf)
			if n > 0 {
				select {
				case pieces <- piece{buf[:n], time.Now()}:
				case <-done:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	var before time.Time
	for next := range pieces {
		if !p.admit(way, next, before) {
			return
		}
		before = time.Now()
		if _, err := dst.Write(next.data); err != nil {
			return
		}
	}
}

// admit waits until a piece may pass, of which the one before passed then, and returns false if the proxy has ended.
func (p *Proxy) admit(way int, next piece, before time.Time) bool {
	for {
		p.mu.Lock()
		shape, changed, closed := p.shapes[way], p.changed, p.closed
		p.mu.Unlock()
		if closed {
			return false
		}
		due := next.came.Add(shape.Delay)
		if shape.Rate > 0 {
			if due.Before(before) {
				due = before
			}
			due = due.Add(time.Duration(len(next.data)) * time.Second / time.Duration(shape.Rate))
		}
		wait := time.Until(due)
		if !shape.Hold && wait <= 0 {
			return true
		}
		var timer <-chan time.Time
		if !shape.Hold {
			timer = time.After(wait)
		}
		select {
		case <-timer:
		case <-changed:
		}
	}
}
