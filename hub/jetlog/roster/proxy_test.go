package roster

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between a node and its server.
type proxy struct {
	ln net.Listener
	to string

	mu    sync.Mutex
	moved *sync.Cond
	held  bool // nothing goes through; connections stay
	cut   bool // connections end
	conns map[net.Conn]bool
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, to: to, conns: map[net.Conn]bool{}}
	p.moved = sync.NewCond(&p.mu)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", p.to)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.conns[in], p.conns[out] = true, true
			if p.cut {
				_, _ = in.Close(), out.Close()
			}
			p.mu.Unlock()
			running.Go(func() { p.copy(in, out) })
			running.Go(func() { p.copy(out, in) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.set(false, true)
		running.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.ln.Addr().String() }

func (p *proxy) copy(dst, src net.Conn) {
	defer func() {
		_, _ = src.Close(), dst.Close()
		p.mu.Lock()
		delete(p.conns, src)
		p.mu.Unlock()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		p.mu.Lock()
		for p.held && !p.cut {
			p.moved.Wait()
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
		if _, err := dst.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) set(held, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.cut = held, cut
	if cut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
	p.moved.Broadcast()
}
