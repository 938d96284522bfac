package h2

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Listener returns a listener that serves the HTTP/2 connections of l, and accepts the others: of TLS, those whose handshake
// chose another protocol, and everything that the hub can't take over. TLS connections are accepted after their handshake.
func (srv *Server) Listener(l net.Listener) net.Listener {
	f := &listener{Listener: l, srv: srv, others: make(chan accepted), closed: make(chan struct{})}
	go f.run()
	return f
}

type listener struct {
	net.Listener
	srv    *Server
	others chan accepted
	closed chan struct{}
	once   sync.Once
}

type accepted struct {
	conn net.Conn
	err  error
}

// Accept implements [net.Listener].
func (f *listener) Accept() (net.Conn, error) {
	select {
	case a := <-f.others:
		return a.conn, a.err
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (f *listener) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Listener.Close()
}

func (f *listener) run() {
	for {
		conn, err := f.Listener.Accept()
		over, isTLS := conn.(*tls.Conn)
		switch {
		case err != nil:
			if !f.pass(nil, err) || errors.Is(err, net.ErrClosed) {
				return
			}
		case !f.srv.opts.Hub.CanTakeOver(conn) || !isTLS && !f.srv.opts.Clear:
			f.pass(conn, nil)
		case isTLS:
			go f.sort(conn, func() (bool, error) { return f.shake(over) })
		default:
			go f.sort(conn, func() (bool, error) { return f.srv.hasPreface(conn.(*net.TCPConn)) })
		}
	}
}

// pass has a connection or an error accepted.
func (f *listener) pass(conn net.Conn, err error) bool {
	select {
	case f.others <- accepted{conn, err}:
		return true
	case <-f.closed:
		if conn != nil {
			conn.Close()
		}
		return false
	}
}

// sort has a connection served or accepted, once it is clear what it speaks.
func (f *listener) sort(conn net.Conn, isHTTP2 func() (bool, error)) {
	count := f.srv.opts.State
	count(conn, http.StateNew)
	f.srv.opts.Tune(conn)
	_ = conn.SetDeadline(time.Now().Add(f.srv.timeouts.header))
	stop := context.AfterFunc(f.srv.context, func() { _ = conn.SetDeadline(time.Now()) })
	is, err := isHTTP2()
	if stop() {
		_ = conn.SetDeadline(time.Time{})
	}
	switch {
	case err != nil:
		conn.Close()
		count(conn, http.StateClosed)
	case is:
		f.srv.link(conn)
	default:
		count(conn, http.StateHijacked) // whoever accepts it counts it
		f.pass(conn, nil)
	}
}

// shake does the handshake, and reports whether it chose HTTP/2.
func (f *listener) shake(over *tls.Conn) (bool, error) {
	err := over.HandshakeContext(f.srv.context)
	if err == nil {
		return over.ConnectionState().NegotiatedProtocol == "h2", nil
	}
	f.srv.opts.Log.Debug("a TLS handshake failed", "remote", over.RemoteAddr().String(), "error", err)
	if in, ok := errors.AsType[tls.RecordHeaderError](err); ok && in.Conn != nil && isHTTP(in.RecordHeader) {
		_, _ = io.WriteString(in.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	}
	return false, err
}

// isHTTP reports whether what should be the header of a TLS record begins a request in clear.
func isHTTP(head [5]byte) bool {
	switch string(head[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "QUERY":
		return true
	}
	return false
}
