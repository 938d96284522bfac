package clients

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy passes TCP connections on to a server and does to them what networks do. Its methods are safe for concurrent
// use; each takes effect on the next bytes.
type proxy struct {
	t       *testing.T
	l       net.Listener
	running sync.WaitGroup

	mu     sync.Mutex
	target string // address of the server; "" for one that does not answer
	links  map[*link]bool
	gate   chan struct{} // not nil: nothing passes until it is closed
	piece  int           // bytes passed on at once; 0 means as they come
	pause  time.Duration // between pieces
	trap   *trap
	closed bool
}

// link is one connection and its other half.
type link struct {
	client, server net.Conn
	lost           bool // whatever it gets is gone
	tail           []byte
}

// trap waits for a text on its way to a client, to end the connection in the middle of it.
type trap struct {
	text   []byte
	sprung chan struct{}
}

// A fault is how a connection ends.
type fault bool

const (
	fin fault = false // in order, as a server does that ends
	rst fault = true  // by a reset, as a crashed machine or an angry firewall does
)

// startProxy starts a proxy to the server at the address target.
func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, l: l, target: target, links: make(map[*link]bool)}
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// url returns the address of a path behind the proxy.
func (p *proxy) url(path string) string { return "http://" + p.l.Addr().String() + path }

// to sends the next connections to another server, or to none.
func (p *proxy) to(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
}

// cut ends all connections there are.
func (p *proxy) cut(how fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.end(how)
	}
}

// cutWithin ends the connection on which text passes next, half way through it. The channel is closed when it has.
func (p *proxy) cutWithin(text string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.tail = nil
	}
	p.trap = &trap{[]byte(text), make(chan struct{})}
	return p.trap.sprung
}

// lose leaves the connections there are open but lets nothing through any more; new ones work.
func (p *proxy) lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.lost = true
	}
}

// stall holds everything up, on new connections too, until the returned func is called.
func (p *proxy) stall() (flow func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gate := make(chan struct{})
	p.gate = gate
	flow = sync.OnceFunc(func() {
		p.mu.Lock()
		p.gate = nil
		p.mu.Unlock()
		close(gate)
	})
	p.t.Cleanup(flow)
	return flow
}

// throttle passes bytes on in pieces, with a pause after each.
func (p *proxy) throttle(piece int, pause time.Duration) {
	p.mu.Lock()
	p.piece, p.pause = piece, pause
	p.mu.Unlock()
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.l.Close()
	p.cut(rst)
	p.running.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		l := &link{client: client}
		if target != "" {
			l.server, err = net.Dial("tcp", target)
		}
		if l.server == nil || err != nil {
			l.end(rst)
			continue
		}
		p.mu.Lock()
		if p.closed {
			l.end(rst)
		}
		p.links[l] = true
		p.mu.Unlock()
		p.running.Go(func() { p.carry(l) })
	}
}

// carry moves bytes both ways until both ends have said all.
func (p *proxy) carry(l *link) {
	var up sync.WaitGroup
	up.Go(func() { p.pump(l, l.client, l.server) })
	p.pump(l, l.server, l.client)
	up.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	l.end(fin)
}

// pump moves bytes one way.
func (p *proxy) pump(l *link, from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			step := p.next(l, to, rest)
			if !step.lost {
				if _, err := to.Write(rest[:step.size]); err != nil {
					l.end(rst)
				}
			}
			if step.trap != nil {
				l.end(fin)
				close(step.trap.sprung)
				return
			}
			rest = rest[step.size:]
			if step.pause > 0 {
				time.Sleep(step.pause) // this is the slowness of the network, no test waits for it
			}
		}
		if err != nil {
			if !p.next(l, to, nil).lost {
				_ = to.(*net.TCPConn).CloseWrite()
			}
			return
		}
	}
}

// step is what is to happen to the first bytes of those that wait.
type step struct {
	size  int
	pause time.Duration // after them
	lost  bool          // they go nowhere
	trap  *trap         // not nil: the connection ends after them
}

// next waits while the proxy is stalled.
func (p *proxy) next(l *link, to net.Conn, waiting []byte) step {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.gate != nil {
		gate := p.gate
		p.mu.Unlock()
		<-gate
		p.mu.Lock()
	}
	s := step{size: len(waiting), pause: p.pause, lost: l.lost}
	if p.piece > 0 {
		s.size = min(s.size, p.piece)
	}
	if p.trap != nil && to == l.client && !l.lost {
		if half, ok := l.spring(waiting[:s.size], p.trap.text); ok {
			s.size, s.trap, p.trap = half, p.trap, nil
		}
	}
	return s
}

// spring looks for the text in the last bytes and the next ones. If it is there, it returns the length of piece up to
// its middle.
func (l *link) spring(piece, text []byte) (int, bool) {
	got := len(l.tail)
	l.tail = append(l.tail, piece...)
	if at := bytes.Index(l.tail, text); at >= 0 {
		return max(0, at+len(text)/2-got), true
	}
	l.tail = l.tail[max(0, len(l.tail)-len(text)+1):]
	return len(piece), false
}

// end closes both halves.
func (l *link) end(how fault) {
	for _, conn := range []net.Conn{l.client, l.server} {
		if conn == nil {
			continue
		}
		if how == rst {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}
}
