package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// socket is an open listener of a kind that can be lent.
type socket interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

// sockets are the process's listening sockets, for one server after another. They stay open between two servers, so
// that clients wait instead of being refused.
type sockets struct {
	main  socket
	admin socket // nil unless the admin UI is apart
}

// close closes the sockets that the last server has not closed.
func (s *sockets) close() {
	for _, open := range []socket{s.main, s.admin} {
		if open != nil {
			_ = open.Close()
		}
	}
}

// socketListener is a socket that one server uses. The server's Close only ends its Accept, unless the process ends.
type socketListener struct {
	socket
	ending func() error // static; not nil once the process ends
}

// listenerOn gives a socket to a server until ctx ends the process. The Accept of the server before has returned.
func listenerOn(ctx context.Context, s socket) (net.Listener, error) {
	return &socketListener{s, ctx.Err}, s.SetDeadline(time.Time{})
}

// Accept implements [net.Listener].
func (l *socketListener) Accept() (net.Conn, error) {
	conn, err := l.socket.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = net.ErrClosed
	}
	return conn, err
}

// Close implements [net.Listener].
func (l *socketListener) Close() error {
	if l.ending() != nil {
		return l.socket.Close() // so that new clients connect to another machine
	}
	return l.SetDeadline(time.Unix(1, 0))
}

// unixPrefix marks a listen address that is a socket file.
const unixPrefix = "unix:"

// listen opens host:port or unix:/path. A stale socket file is replaced; the new one may be used by its owner and
// group (mode 0660) and is removed when the listener is closed.
func listen(address string) (socket, error) {
	l, err := listenAny(address)
	if err != nil {
		return nil, err
	}
	return l.(socket), nil // like those of TCP and of unix sockets
}

func listenAny(address string) (net.Listener, error) {
	path, ok := strings.CutPrefix(address, unixPrefix)
	if !ok {
		// Heartbeats and the TCP user timeout, which Linux has, find dead peers sooner than keepalives would.
		var conf net.ListenConfig
		if runtime.GOOS == "linux" {
			conf.KeepAlive = -1
		}
		return conf.Listen(context.Background(), "tcp", address)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes the socket file of a server that has ended, and no other file.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen on %s: it exists and is no socket", path)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return fmt.Errorf("listen on %s: another server answers on it", path)
	}
	return os.Remove(path)
}

// adminURL returns the address of the admin UI for display: a unix socket has no URL.
func adminURL(addr net.Addr, secure bool) string {
	at := openURL(addr, secure)
	if strings.HasPrefix(at, unixPrefix) {
		return at + ", path /admin"
	}
	return at + "admin"
}

// openURL returns the URL for a browser on this machine: an address of all interfaces becomes the loopback one.
func openURL(addr net.Addr, secure bool) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return unixPrefix + addr.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, fmt.Sprint(tcp.Port)) + "/"
}
