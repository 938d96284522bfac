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
)

// unixPrefix marks a listen address that is a socket file.
const unixPrefix = "unix:"

// listen opens host:port or unix:/path. A socket file that nobody answers on any more is replaced; the new one may be
// used by its owner and group (mode 0660) and is removed when the listener is closed.
func listen(address string) (net.Listener, error) {
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

// removeStale removes the socket file of a server that has ended. It leaves anything else alone.
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

// openURL is what to type into a browser on this machine: an address of all interfaces becomes the loopback one.
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
