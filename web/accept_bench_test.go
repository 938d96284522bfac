package web_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// BenchmarkAccept opens a stream on five channels over a connection of its own, reads its registered event and closes it.
func BenchmarkAccept(b *testing.B) {
	srv := webtest.Start(b, web.Options{})
	request := []byte("GET /subscribe?channels=a,b,c,d,e&clientId=u1 HTTP/1.1\r\nHost: " + srv.Addr + "\r\n\r\n")
	in := bufio.NewReader(nil)
	b.ReportAllocs()
	for b.Loop() {
		conn, err := net.Dial("tcp", srv.Addr)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		in.Reset(conn)
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if string(line) == "event: registered\n" {
				break
			}
		}
		_ = conn.Close()
	}
}

// BenchmarkPublishRequest publishes one event in a request, through the handler alone.
func BenchmarkPublishRequest(b *testing.B) {
	srv, err := web.New(web.Options{Access: &auth.Options{Open: true}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close() })
	handler, body := srv.Handler(), `{"events":[{"channelName":"a","type":"message","payload":"hi"}]}`
	w := &discard{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequest(http.MethodPost, "http://localhost/publish", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.RemoteAddr = "127.0.0.1:1234"
		handler.ServeHTTP(w, req)
		if w.status != http.StatusOK {
			b.Fatalf("answered with %d", w.status)
		}
	}
}

// discard is a response that only its status is kept of.
type discard struct {
	header http.Header
	status int
}

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(status int)      { w.status = status }
func (w *discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
