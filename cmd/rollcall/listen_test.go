package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenReplacesAStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()

	l, err := listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket has mode %v, %v; want 0660", info.Mode(), err)
	}
	if _, err := listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a second server on the socket: %v", err)
	}
}

func TestListenLeavesOtherFilesAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("got %v, want a refusal", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("the file is now %q, %v", text, err)
	}
}

func TestOpenURL(t *testing.T) {
	t.Parallel()
	for want, addr := range map[string]net.Addr{
		"http://127.0.0.1:9090/": &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9090},
		"http://127.0.0.1:80/":   &net.TCPAddr{IP: net.IPv6unspecified, Port: 80},
		"http://127.0.0.1:81/":   &net.TCPAddr{IP: net.IPv4zero, Port: 81},
		"http://[::1]:9090/":     &net.TCPAddr{IP: net.IPv6loopback, Port: 9090},
		"unix:/run/r.sock":       &net.UnixAddr{Name: "/run/r.sock", Net: "unix"},
	} {
		if got := openURL(addr, false); got != want {
			t.Errorf("%v: got %s, want %s", addr, got, want)
		}
	}
}

// A socket stays open between two servers: new clients wait for the next one. When the process ends, the server closes
// it.
func TestSocketStaysOpenBetweenServers(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
		s, err := listen(address)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, end := context.WithCancel(t.Context())
		defer end()
		answer := func(name string) (stop func()) {
			l, err := listenerOn(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Connection", "close")
				fmt.Fprint(w, name)
			})}
			served := make(chan error)
			go func() { served <- server.Serve(l) }()
			return func() {
				if err := server.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if err := <-served; !errors.Is(err, http.ErrServerClosed) {
					t.Error(err)
				}
			}
		}
		ask := func(conn net.Conn) string {
			_, _ = fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
			text, _ := io.ReadAll(conn)
			return string(text[max(len(text)-len("first"), 0):])
		}
		dial := func() (net.Conn, error) { return net.Dial(s.Addr().Network(), s.Addr().String()) }
		come := func() net.Conn {
			conn, err := dial()
			if err != nil {
				t.Fatalf("%s: %v", address, err)
			}
			return conn
		}
		stop := answer("first")
		if got := ask(come()); got != "first" {
			t.Errorf("%s: %q", address, got)
		}
		stop()
		waiting := come()
		stop = answer("other")
		if got := ask(waiting); got != "other" {
			t.Errorf("%s: %q", address, got)
		}
		end()
		stop()
		if conn, err := dial(); err == nil {
			conn.Close()
			t.Errorf("%s: the socket is open when the process ends", address)
		}
	}
}
