package torture

import (
	"io"
	"net"
	"testing"
	"time"
)

// echo is a server that says what it hears, until the test's end.
func echo(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("heard %q, %v; want %q", got, err, want)
	}
}

// hearEnd wants the connection to have ended.
func hearEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Fatalf("heard %d bytes, want the end", n)
	}
}

func TestProxy(t *testing.T) {
	p, err := NewProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn := dial(t, p)
	say(t, conn, "one")
	hear(t, conn, "one")
	for name, shape := range map[string]Shape{"delay": {Delay: 20 * time.Millisecond}, "rate": {Rate: 10_000}} {
		p.Set(shape, shape)
		say(t, conn, name)
		hear(t, conn, name)
	}

	for _, held := range [][2]Shape{{{Hold: true}, {}}, {{}, {Hold: true}}} {
		p.Set(held[0], held[1])
		say(t, conn, "two")
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Fatalf("heard %d bytes through a proxy that holds", n)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		p.Set(Shape{}, Shape{})
		hear(t, conn, "two")
	}

	p.Reset()
	hearEnd(t, conn)
	conn = dial(t, p)
	say(t, conn, "three")
	hear(t, conn, "three")

	p.Cut(true)
	hearEnd(t, conn)
	if conn, err := net.Dial("tcp", p.Addr()); err == nil { // else it was cut before
		_ = conn.SetDeadline(time.Now().Add(patience))
		hearEnd(t, conn)
		_ = conn.Close()
	}
	p.Cut(false)
	conn = dial(t, p)
	say(t, conn, "four")
	hear(t, conn, "four")
	if n := p.Taken(); n != 3 {
		t.Errorf("%d connections came through, want 3", n)
	}
	p.Set(Shape{Hold: true}, Shape{Hold: true})
	say(t, conn, "swallowed")
}
