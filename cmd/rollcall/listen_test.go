package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenReplacesAStaleSocket(t *testing.T) {
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
