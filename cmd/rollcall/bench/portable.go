package bench

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
)

// slowBuffer is the receive buffer in bytes that a slow stream asks the system for.
const slowBuffer = 4096

// portable is an engine of one goroutine and one buffer a stream, on package net.
type portable struct {
	requests *requests
	http2    *http2Dialer // nil for HTTP/1.1
	clock    clock
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

func newPortable(o Options, r *requests, c clock) *portable {
	ctx, cancel := context.WithCancel(context.Background())
	p := &portable{requests: r, clock: c, ctx: ctx, cancel: cancel}
	if o.HTTP2 {
		p.http2 = newHTTP2Dialer(r, o.StreamsPerConnection)
	}
	return p
}

func (p *portable) open(streams []*stream, window int) {
	slots := make(chan struct{}, window)
	for _, s := range streams {
		s.t.mu.Lock()
		s.state = streamDialing
		turn := s.turn
		s.t.mu.Unlock()
		p.wg.Go(func() { p.follow(s, turn, slots) })
	}
}

// follow connects s and reads it to its end. It does nothing more once the stream's turn is over.
func (p *portable) follow(s *stream, turn uint32, slots chan struct{}) {
	slots <- struct{}{}
	waiting := true
	leave := func() {
		if waiting {
			waiting = false
			<-slots
		}
	}
	defer leave()
	conn, err := p.dial(s)
	s.t.mu.Lock()
	if s.turn != turn {
		s.t.mu.Unlock()
		if conn != nil {
			conn.Close()
		}
		return
	}
	if err != nil {
		s.closedLocked(err)
		s.t.mu.Unlock()
		return
	}
	s.conn, s.state = conn, streamAsking
	request := p.requests.append(nil, s)
	s.t.mu.Unlock()

	_, err = conn.Write(request)
	if err == nil && s.slow {
		s.t.mu.Lock()
		if s.turn == turn {
			s.state = streamOpen
			s.t.counts.open++
		}
		s.t.mu.Unlock()
		return // whoever drops the stream closes the connection
	}
	buf := make([]byte, 16<<10)
	for err == nil {
		var n int
		s.t.mu.Lock()
		kept := len(s.tail)
		if kept+4096 > len(buf) {
			buf = make([]byte, 2*len(buf)+kept)
		}
		s.t.mu.Unlock()
		n, err = conn.Read(buf[kept:])
		if err == io.EOF {
			err = errEnded
		}
		now := p.clock.now()
		s.t.mu.Lock()
		if s.turn != turn {
			s.t.mu.Unlock()
			return
		}
		if n > 0 {
			copy(buf, s.tail)
			if bad := s.takeLocked(buf[:kept+n], kept, now); bad != nil {
				err = bad
			}
		}
		opened := s.state == streamOpen
		s.t.mu.Unlock()
		if opened {
			leave()
		}
	}
	conn.Close()
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	if s.turn == turn {
		s.conn = nil
		s.closedLocked(err)
	}
}

// dial connects to the server.
func (p *portable) dial(s *stream) (net.Conn, error) {
	if p.http2 != nil {
		return p.http2.dial(p.ctx, s), nil
	}
	var d net.Dialer
	to := p.requests.endpoint(s)
	conn, err := d.DialContext(p.ctx, "tcp", to.addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok && s.slow {
		tcp.SetReadBuffer(slowBuffer) // best effort
	}
	if !to.tls {
		return conn, nil
	}
	secure := tls.Client(conn, tlsConfig(to, p.requests.anyCertificate))
	if err := secure.HandshakeContext(p.ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

func (p *portable) drop(streams []*stream) {
	for _, s := range streams {
		s.t.mu.Lock()
		conn := s.conn
		s.conn = nil
		if s.state != streamFailed && s.state != streamEnded {
			s.closedLocked(nil)
		}
		s.t.mu.Unlock()
		if conn != nil {
			conn.Close()
		}
	}
}

// close expects that all streams have been dropped.
func (p *portable) close() {
	p.cancel()
	p.wg.Wait()
	if p.http2 != nil {
		p.http2.close()
	}
}
