package traffic

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// open asks for the tab's stream. The end of ctx ends the body.
func (t *tab) open(ctx context.Context) (status int, body io.ReadCloser, err error) {
	if t.transport != nil {
		return t.openHTTP2(ctx)
	}
	conn, err := t.crowd.dial(ctx, t.person)
	if err != nil {
		return 0, nil, err
	}
	if t.person.slow {
		_ = conn.SetReadBuffer(4096)
	}
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), errDrop) && t.person.number%2 == 1 {
			_ = conn.SetLinger(0) // a reset, not an end in order
		}
		_ = conn.Close()
	})
	stream := &stream{conn: conn, stop: stop}
	if _, err = io.WriteString(conn, t.request()); err == nil {
		var response *http.Response
		if response, err = http.ReadResponse(bufio.NewReaderSize(conn, 1024), nil); err == nil {
			stream.Reader = response.Body
			return response.StatusCode, stream, nil
		}
	}
	_ = stream.Close()
	return 0, nil, err
}

// request is the head of an HTTP/1 request.
func (t *tab) request() string {
	var b strings.Builder
	version := "1.1"
	if t.person.way == http10 {
		version = "1.0"
	}
	fmt.Fprintf(&b, "GET %s HTTP/%s\r\nHost: %s\r\n", t.target(), version, t.crowd.host)
	for name, value := range t.header() {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value[0])
	}
	if t.person.way == http10 {
		b.WriteString("Connection: close\r\n")
	}
	return b.String() + "\r\n"
}

func (t *tab) header() http.Header {
	h := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}}
	if t.person.agent != "" {
		h.Set("User-Agent", t.person.agent)
	}
	if t.position != "" {
		h.Set("Last-Event-ID", t.position)
	}
	return h
}

// stream is the body of an answer that ends with its connection: to close it reads
// nothing more.
type stream struct {
	io.Reader
	conn net.Conn
	stop func() bool
}

func (s *stream) Close() error {
	s.stop()
	return s.conn.Close()
}

func (t *tab) openHTTP2(ctx context.Context) (int, io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.crowd.host+t.target(), nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header = t.header()
	response, err := t.transport.RoundTrip(request)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, response.Body, nil
}

// newTransport returns one that speaks HTTP/2 in clear from p's address.
func (c *Crowd) newTransport(p *person) *http.Transport {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols:          &protocols,
		DisableCompression: true,
		IdleConnTimeout:    time.Second,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.dial(ctx, p)
		},
	}
}

// dial connects from p's address or, if this system does not have it, from any.
func (c *Crowd) dial(ctx context.Context, p *person) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if c.loopback {
		dialer.LocalAddr = &net.TCPAddr{IP: p.address}
	}
	conn, err := dialer.DialContext(ctx, "tcp", c.host)
	if err != nil && c.loopback && ctx.Err() == nil {
		dialer.LocalAddr = nil
		conn, err = dialer.DialContext(ctx, "tcp", c.host)
	}
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}
