package webtest

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Wire is a connection to the server without any manners.
type Wire struct {
	*bufio.Reader
	Conn *net.TCPConn
	t    testing.TB
}

// Dial opens a connection. It is closed when the test ends.
func (s *Server) Dial() *Wire {
	s.t.Helper()
	conn := s.dial()
	return &Wire{bufio.NewReader(conn), conn, s.t}
}

// Send writes text with every LF as CR LF.
func (w *Wire) Send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.Conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		w.t.Fatal(err)
	}
}

// WantLine reads lines up to the first that begins so and returns it without its end.
func (w *Wire) WantLine(prefix string) string {
	w.t.Helper()
	var seen strings.Builder
	for {
		_ = w.Conn.SetDeadline(time.Now().Add(Patience))
		line, err := w.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); strings.HasPrefix(line, prefix) && (line != "" || err == nil) {
			return line
		}
		seen.WriteString(line + "\n")
		if err != nil {
			w.t.Fatalf("%v, want a line that begins %q after\n%.1000s", err, prefix, &seen)
		}
	}
}

// Rest reads up to the end of the connection, however it ends.
func (w *Wire) Rest() string {
	w.t.Helper()
	_ = w.Conn.SetDeadline(time.Now().Add(Patience))
	text, err := io.ReadAll(w)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		w.t.Fatalf("the connection stays open after %.300q", text)
	}
	return string(text)
}

// Cut ends the connection as a peer does that crashed (RST).
func (w *Wire) Cut() {
	_ = w.Conn.SetLinger(0)
	_ = w.Conn.Close()
}
