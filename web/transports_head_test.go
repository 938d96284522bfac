package web_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/web"
)

// The head of an answer does not reveal whether a connection is taken over, except that it announces the end: net/http
// would send the same.
func TestTransportHeads(t *testing.T) {
	t.Parallel()
	const origin = "https://app.example"
	for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
		for _, header := range [][]string{nil, {"Origin: " + origin}, {"Connection: keep-alive"}, {"Connection: close"}} {
			t.Run(fmt.Sprint(proto, header), func(t *testing.T) {
				t.Parallel()
				var want http.Header
				for _, w := range slices.Backward(ways) { // the one that leaves all to net/http is the last
					if w.proto == "HTTP/2.0" || w.proto == "HTTP/1.0" {
						continue
					}
					w.proto = proto
					s := w.start(t, web.Options{CORSOrigins: []string{origin}})
					before := time.Now().Add(-2 * time.Second)
					c := s.open(ask{channels: "a", clientID: "u", header: header})
					c.want("registered")
					if c.status != proto+" 200 OK" {
						t.Errorf("%s: %q", w.name, c.status)
					}
					at, err := time.Parse(http.TimeFormat, c.head.Get("Date"))
					if err != nil || at.Before(before) || at.After(time.Now()) || len(c.head["Date"]) != 1 {
						t.Errorf("%s: Date %q, %v", w.name, c.head["Date"], err)
					}
					c.head.Del("Date")
					// One that is taken over ends with its stream, and must say so: a pool would use
					// it again. Of HTTP/1.0, the end of the connection is the body's either way.
					if taken := w.name == "clear" || w.name == "foreign"; taken && proto == "HTTP/1.1" && c.head.Get("Connection") != "close" {
						t.Errorf("%s: Connection %q", w.name, c.head["Connection"])
					}
					c.head.Del("Connection")
					if want == nil {
						want = c.head
						continue
					}
					if fmt.Sprint(c.head) != fmt.Sprint(want) {
						t.Errorf("%s: %v\nwant %v", w.name, c.head, want)
					}
				}
				for name, value := range map[string]string{
					"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no",
				} {
					if got := want[name]; len(got) != 1 || got[0] != value {
						t.Errorf("%s: %q, want %q", name, got, value)
					}
				}
				if allowed := want.Get("Access-Control-Allow-Origin"); (allowed == origin) != strings.Contains(fmt.Sprint(header), origin) {
					t.Errorf("Access-Control-Allow-Origin: %q", allowed)
				}
			})
		}
	}
}

// POST asks for a stream too, and what is taken over begins behind its body.
func TestTransportPostIsTakenOver(t *testing.T) {
	t.Parallel()
	const ask1 = `{"channels":["a"],"clientId":"u"}`
	for name, request := range map[string]string{
		"length": fmt.Sprintf("POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(ask1), ask1),
		"chunks": fmt.Sprintf("POST /subscribe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(ask1), ask1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ways[0].start(t, web.Options{})
			c := s.dial(ask{})
			if _, err := io.WriteString(c.conn, request); err != nil {
				t.Fatal(err)
			}
			c.readStream("HTTP/1.1")
			c.want("registered")
			c.want("lastEvent")
			c.wantPosts(s.publish(say("a", "1"))...)
		})
	}
}

// What a client sends behind its request is neither parsed nor answered, and the
// stream goes on.
func TestTransportStrayData(t *testing.T) {
	t.Parallel()
	for _, w := range ways[:2] { // those that are taken over
		for _, joined := range []bool{true, false} { // to the request, or later
			t.Run(fmt.Sprint(w.name, joined), func(t *testing.T) {
				t.Parallel()
				s := w.start(t, web.Options{})
				a := ask{channels: "a", clientID: "u"}
				stray := "DELETE /presence/clients/other " + w.proto + "\r\nHost: rollcall.test\r\n\r\n" +
					"GET /healthz " + w.proto + "\r\nHost: rollcall.test\r\n\r\n\x00\xff garbage"
				other := s.open(ask{channels: "a", clientID: "other"})
				other.want("registered")
				other.want("lastEvent")
				c := s.dial(a)
				text := s.request(a)
				if joined {
					text += stray
				}
				if _, err := io.WriteString(c.conn, text); err != nil {
					t.Fatal(err)
				}
				c.readStream(w.proto)
				c.want("registered")
				c.want("lastEvent")
				for i := 0; len(stray) > 0; i++ {
					if !joined {
						n := min(len(stray), 1+i*7)
						if _, err := io.WriteString(c.conn, stray[:n]); err != nil {
							t.Fatal(err)
						}
						stray = stray[n:]
					}
					got := s.publish(say("a", fmt.Sprint(i)))
					c.wantPosts(got...)
					other.wantPosts(got...)
					if joined {
						break
					}
				}
				s.call("DELETE", "/presence/clients/u", nil, nil)
				c.want("goodbye").goodbye(t, "kicked")
				c.wantEnd()
				if rest, err := io.ReadAll(c.conn); err != nil || len(rest) > 0 {
					t.Errorf("behind the end: %q, %v", rest, err)
				}
			})
		}
	}
}

// A client that goes on sending is sent away.
func TestTransportTooMuchStrayData(t *testing.T) {
	t.Parallel()
	for _, w := range ways[:2] {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := w.start(t, web.Options{})
			c := s.open(ask{channels: "a", clientID: "u"})
			c.want("registered")
			c.want("lastEvent")
			garbage := strings.Repeat("GET /healthz HTTP/1.1\r\nHost: rollcall.test\r\n\r\n", 100)
			if _, err := io.WriteString(c.conn, garbage[:2<<10]); err != nil {
				t.Fatal(err)
			}
			c.wantPosts(s.publish(say("a", "still there"))...)
			for range 100 {
				if _, err := io.WriteString(c.conn, garbage); err != nil {
					break // it was cut
				}
				if why, _ := s.ends.of("u"); why != "" {
					break
				}
			}
			s.wantEnd("u", "gone")
			s.wantGone("u")
			if e, err := c.next(); err == nil {
				t.Errorf("got %q", e.raw)
			}
		})
	}
}
