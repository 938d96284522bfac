package bench

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// http2Dialer makes connections that look to the portable engine as if they spoke HTTP/1.1, but are streams of HTTP/2.
type http2Dialer struct {
	requests *requests
	each     int // streams on a connection

	mu         sync.Mutex
	transports map[int]*http.Transport // by connection
}

func newHTTP2Dialer(r *requests, each int) *http2Dialer {
	return &http2Dialer{requests: r, each: each, transports: make(map[int]*http.Transport)}
}

// transport returns the connection of s.
func (d *http2Dialer) transport(s *stream) *http.Transport {
	d.mu.Lock()
	defer d.mu.Unlock()
	number := s.id / len(d.requests.endpoints) / d.each * len(d.requests.endpoints)
	number += s.id % len(d.requests.endpoints)
	t := d.transports[number]
	if t == nil {
		to := d.requests.endpoint(s)
		t = &http.Transport{MaxConnsPerHost: 1, Protocols: new(http.Protocols)}
		t.Protocols.SetHTTP2(to.tls)
		t.Protocols.SetUnencryptedHTTP2(!to.tls)
		if to.tls {
			t.TLSClientConfig = tlsConfig(to, d.requests.anyCertificate)
			t.TLSClientConfig.NextProtos = []string{"h2"}
		}
		d.transports[number] = t
	}
	return t
}

func (d *http2Dialer) dial(ctx context.Context, s *stream) net.Conn {
	ctx, cancel := context.WithCancel(ctx)
	return &http2Stream{transport: d.transport(s), to: d.requests.endpoint(s), ctx: ctx, cancel: cancel}
}

func (d *http2Dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.transports {
		t.CloseIdleConnections()
	}
}

// http2Stream is a [net.Conn] whose Write sends the request and whose Read reads the answer.
type http2Stream struct {
	transport *http.Transport
	to        endpoint
	ctx       context.Context
	cancel    context.CancelFunc
	answer    io.Reader
}

// Write sends a request, which must be whole.
func (c *http2Stream) Write(p []byte) (int, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(p)))
	if err != nil {
		return 0, err
	}
	scheme := "http"
	if c.to.tls {
		scheme = "https"
	}
	r.URL = &url.URL{Scheme: scheme, Host: c.to.addr, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	r.RequestURI = ""
	answer, err := c.transport.RoundTrip(r.WithContext(c.ctx))
	if err != nil {
		return 0, err
	}
	head := bytes.NewBufferString("HTTP/1.1 " + answer.Status + "\r\n")
	_ = answer.Header.Write(head) // to memory
	head.WriteString("\r\n")
	c.answer = io.MultiReader(head, answer.Body)
	return len(p), nil
}

func (c *http2Stream) Read(p []byte) (int, error) { return c.answer.Read(p) }

func (c *http2Stream) Close() error { c.cancel(); return nil }

func (c *http2Stream) LocalAddr() net.Addr              { return nil }
func (c *http2Stream) RemoteAddr() net.Addr             { return nil }
func (c *http2Stream) SetDeadline(time.Time) error      { return nil }
func (c *http2Stream) SetReadDeadline(time.Time) error  { return nil }
func (c *http2Stream) SetWriteDeadline(time.Time) error { return nil }
