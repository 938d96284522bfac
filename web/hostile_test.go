package web_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestUnknownPathsAndMethods(t *testing.T) {
	srv := start(t)
	for _, path := range []string{"/none", "/subscribe/x", "/Subscribe", "/publish//", "//subscribe", "/presence", "/presence/clients/a/b", "/..%2f..%2fetc/passwd", "/assets/none.js", "/%00"} {
		srv.Get(path).WantHeader("Location", "").WantFault(404, "not_found", "")
	}
	srv.Do("DELETE", "/presence/connections/", "").WantFault(404, "not_found", "")
	for target, allowed := range map[string]string{
		"DELETE /subscribe": "GET, POST", "HEAD /subscribe/": "GET, POST", "PUT /publish": "POST", "GET /publish": "POST", "POST /lastEvent": "GET",
		"POST /history": "GET", "PUT /presence/clients": "GET", "POST /presence/clients/x": "GET, DELETE", "GET /presence/connections/x": "DELETE",
		"POST /presence/stream": "GET", "POST /healthz": "GET, HEAD", "POST /": "GET, HEAD", "PROPFIND /subscribe": "GET, POST",
	} {
		method, path, _ := strings.Cut(target, " ")
		a := srv.Do(method, path, "").WantStatus(405)
		for _, m := range strings.Split(allowed, ", ") {
			if !strings.Contains(a.Header.Get("Allow"), m) {
				t.Errorf("%s: Allow is %q, want %q", target, a.Header.Get("Allow"), allowed)
			}
		}
		if method != "HEAD" {
			a.WantFault(405, "method_not_allowed", "")
		}
	}
}

func TestTooLongURLAndHeader(t *testing.T) {
	srv := start(t)
	fits := "/subscribe?channels=a&x=" + strings.Repeat("x", 32<<10-len("/subscribe?channels=a&x="))
	srv.Open("GET", fits, "").WantRegistered()
	srv.Get(fits+"x").WantFault(414, "url_too_long", "")
	srv.Get("/none?"+strings.Repeat("x", 33<<10)).WantFault(414, "url_too_long", "")
	srv.Open("GET", "/subscribe?channels=a", "", "X-Long: "+strings.Repeat("x", 32<<10)).WantRegistered()

	// What is longer than the server reads is refused before anything looks at it.
	w := srv.Dial()
	w.Send("GET /subscribe?channels=a HTTP/1.1\nHost: x\nX-Long: " + strings.Repeat("x", 80<<10) + "\n\n")
	w.WantLine("HTTP/1.1 431 ")
}

func TestHTTP10(t *testing.T) {
	srv := start(t)
	roster := srv.Watch("")
	for i, head := range []string{"HTTP/1.0\n", "HTTP/1.0\nHost: x\nConnection: keep-alive\n", "HTTP/1.1\nHost: x\nConnection: close\n"} {
		id := fmt.Sprint("old", i)
		w := srv.Dial()
		w.Send("GET /subscribe?channels=a&clientId=" + id + " " + head + "\n")
		w.WantLine("HTTP/1.")
		for line := "x"; line != ""; line = w.WantLine("") {
			if strings.HasPrefix(line, "Transfer-Encoding") && strings.Contains(head, "1.0") {
				t.Errorf("%q is answered in chunks", head)
			}
		}
		w.WantLine("event: registered")
		w.WantLine("event: lastEvent")
		srv.Publish("a", `"to all"`)
		w.WantLine("event: message")
		w.WantLine(`data: {"channelName":"a","type":"message","payload":"to all"`)
		roster.WantThere("", id)
		srv.Delete("/presence/clients/" + id)
		w.WantLine("event: goodbye")
		w.Rest() // the end of the connection is the end of the body
		roster.WantGone("", id)
	}
}

func TestHead(t *testing.T) {
	srv := start(t)
	for _, path := range []string{"/", "/healthz", "/readyz", "/assets/rollcall.css"} {
		if a := srv.Do("HEAD", path, ""); a.Status != 200 || a.Body != "" {
			t.Errorf("HEAD %s: status %d, body %q", path, a.Status, a.Body)
		}
	}
	// HEAD opens no stream.
	srv.Do("HEAD", "/subscribe?channels=a", "").WantStatus(405)
	if _, p := clients(t, srv, ""); p.Total != 0 {
		t.Errorf("%+v", p)
	}
}

// What is sent behind a subscribe request doesn't disturb the stream.
func TestPipelinedRequest(t *testing.T) {
	srv := start(t)
	roster := srv.Watch("")
	w := srv.Dial()
	w.Send("GET /subscribe?channels=a&clientId=ada HTTP/1.1\nHost: x\n\nPOST /publish HTTP/1.1\nHost: x\nContent-Length: " +
		fmt.Sprint(len(batch)) + "\n\n" + batch + "GET /subscribe?channels=b HTTP/1.1\nHost: x\n\n")
	w.WantLine("event: registered")
	w.WantLine(`data: {"channelName":"a","type":"lastEvent"`)
	roster.WantThere("", "ada")
	w.Send("garbage\n\n\x00\xff")
	for i := range 3 {
		srv.Publish("a", fmt.Sprint(i))
		if line := w.WantLine("data: "); !strings.HasPrefix(line, fmt.Sprintf(`data: {"channelName":"a","type":"message","payload":%d,`, i)) {
			t.Errorf("line %s", line)
		}
	}
	if _, p := clients(t, srv, ""); p.Total != 1 {
		t.Errorf("a second request was served beside the stream: %+v", p)
	}
	srv.Delete("/presence/clients/ada")
	w.WantLine("event: goodbye")
}

func TestBodyOnGet(t *testing.T) {
	srv := start(t)
	st := srv.Open("GET", "/subscribe?channels=a", `{"channels":["b"]}`)
	st.WantRegistered()
	st.WantLast("a", `{}`)
	srv.Publish("a", `1`)
	st.WantEvent("a", "message", `1`)
}

// startHasty runs a server that gives requests little time.
func startHasty(t *testing.T) *webtest.Server {
	t.Helper()
	inner, err := web.New(web.Options{AnyHost: true})
	if err != nil {
		t.Fatal(err)
	}
	inner.SetReadTimeout(50 * time.Millisecond)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Run(t, inner, l)
}

// A head that comes too slowly is cut, and so is a body.
func TestSlowRequest(t *testing.T) {
	srv := startHasty(t)
	for _, part := range []string{
		"", "GET", "GET /subscribe?channels=a HTTP/1.1\nHost: x\n", "GET /subscribe?channels=a HTTP/1.1\nHost: x\nX-Slow: ",
		"POST /publish HTTP/1.1\nHost: x\nContent-Length: 10\n\n{", "POST /subscribe HTTP/1.1\nHost: x\nContent-Length: 10\n\n{",
		"POST /publish HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n1\n{\n",
		"GET /subscribe?channels=a HTTP/1.1\nHost: x\nContent-Length: 10\n\n", "GET /presence/stream HTTP/1.1\nHost: x\nContent-Length: 10\n\nx",
	} {
		w := srv.Dial()
		w.Send(part)
		if rest := w.Rest(); strings.Contains(rest, "200 OK") || strings.Contains(part, "Content-Length") && !strings.Contains(rest, `"code":"incomplete_body"`) {
			t.Errorf("%q is answered with %q", part, rest)
		}
	}
	// A stream that has begun is not held to it.
	st := subscribed(t, srv, "", "a")
	srv.Dial().Rest()
	srv.Publish("a", `1`)
	st.WantEvent("a", "message", `1`)
}

func TestPeerGoes(t *testing.T) {
	srv := start(t)
	roster := srv.Watch("")
	for i, end := range []func(*webtest.Stream){(*webtest.Stream).Close, (*webtest.Stream).Cut} {
		for _, open := range []func(id string) *webtest.Stream{
			func(id string) *webtest.Stream { return srv.Subscribe("channels=a&clientId=" + id) },
			func(id string) *webtest.Stream {
				return srv.Open("POST", "/subscribe", `{"channels":["a"],"clientId":"`+id+`"}`)
			},
		} {
			id := fmt.Sprint("client", i)
			st := open(id)
			roster.Want("join", "", id)
			end(st)
			roster.Want("leave", "", id)
			st = open(id)
			roster.Want("join", "", id)
			st.WantRegistered()
			end(st)
			roster.Want("leave", "", id)
		}
	}
}

// A peer that goes before its request is whole leaves nothing behind.
func TestPeerGoesEarly(t *testing.T) {
	srv := start(t)
	for _, part := range []string{
		"", "POST /publish HTTP/1.1\nHost: x\nContent-Length: 100\n\n{\"events\":[",
		"POST /subscribe HTTP/1.1\nHost: x\nContent-Length: 100\n\n{", "POST /publish HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n5\n{",
	} {
		w := srv.Dial()
		w.Send(part)
		_ = w.Conn.CloseWrite()
		if rest := w.Rest(); strings.Contains(rest, " 200 ") {
			t.Errorf("%q is answered with %q", part, rest)
		}
	}
	if _, p := clients(t, srv, ""); p.Total != 0 || !strings.HasSuffix(srv.Head(), "-0") {
		t.Errorf("%+v, head %s", p, srv.Head())
	}
}

// failing is a listener whose first Accepts find no file descriptors left.
type failing struct {
	net.Listener
	failures atomic.Int32
}

func (l *failing) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestAcceptErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scarce := &failing{Listener: l}
	scarce.failures.Store(3)
	srv := webtest.StartOn(t, web.Options{}, scarce)
	st := subscribed(t, srv, "", "a")
	scarce.failures.Store(2)
	srv.Publish("a", `1`)
	st.WantEvent("a", "message", `1`)
	subscribed(t, srv, "", "b")
}

// A listener that fails for good ends Serve with its error.
func TestServeFails(t *testing.T) {
	srv, err := web.New(web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if err := srv.Serve(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("Serve: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Accept() (net.Conn, error) { return nil, errBroken }
func (broken) Close() error              { return nil }
func (broken) Addr() net.Addr            { return &net.TCPAddr{} }
