package web_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// wantNoSecond sends bytes that hide a second request, and wants an answer with one of these statuses and the end of
// the connection, without the second answer.
func wantNoSecond(t *testing.T, srv *webtest.Server, name, text string, statuses ...string) {
	t.Helper()
	w := srv.Dial()
	if _, err := io.WriteString(w.Conn, text); err != nil {
		t.Fatal(err)
	}
	rest := w.Rest() // the server ends it: this end is open
	ok := false
	for _, status := range statuses {
		ok = ok || strings.HasPrefix(rest, "HTTP/1.1 "+status+" ") || strings.HasPrefix(rest, "HTTP/1.0 "+status+" ") || status == "" && rest == ""
	}
	served := strings.Count(rest, "HTTP/1.") - strings.Count(rest, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain") // by net/http, to what is no request
	if !ok || served > 1 {
		t.Errorf("%s: answered %.600q, want %q", name, rest, statuses)
	}
	if a := srv.Get("/history?channel=smuggled"); !strings.Contains(a.Body, `{"events":[]`) {
		t.Fatalf("%s: %s", name, a.Body)
	}
}

// second is a request that must not be served.
var second = func() string {
	body := oneEvent("smuggled", `1`)
	return fmt.Sprintf("POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}()

func TestSecuritySmugglingLengthAndChunks(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{}))
	all := len("0\r\n\r\n") + len(second)
	good := oneEvent("a", `1`)
	for name, head := range map[string]string{
		"length, then chunks": fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", all),
		"chunks, then length": fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", all),
		"a length of 0":       "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
		"kept alive":          fmt.Sprintf("Connection: keep-alive\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n", all),
		"a folded header":     fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding:\r\n chunked\r\n", all),
		"a tab":               fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding:\tchunked\r\n", all),
		"capitals":            fmt.Sprintf("Content-Length: %d\r\ntRANSFER-eNCODING: CHUNKED\r\n", all),
	} {
		for _, line := range []string{"POST /publish", "POST /subscribe", "GET /presence/clients", "GET /none", "POST /none", "DELETE /presence/clients/ada", "GET /healthz", "PUT /publish", "POST /admin/login", "GET /?" + strings.Repeat("x", 33<<10)} {
			wantNoSecond(t, srv, name+": "+line[:min(len(line), 40)], line+" HTTP/1.1\r\nHost: x\r\n"+head+"\r\n0\r\n\r\n"+second, "200", "400", "401", "403", "404", "405", "414", "429")
		}
		wantNoSecond(t, srv, name+": a good publish", "POST /publish HTTP/1.1\r\nHost: x\r\n"+head+fmt.Sprintf("\r\n%x\r\n%s\r\n0\r\n\r\n", len(good), good)+second, "200")
	}
	if n := len(history(t, srv, "channel=a").Events); n != 7 {
		t.Errorf("%d events", n)
	}
}

// A request that is refused before its body is read hides nothing in it either.
func TestSecuritySmugglingBehindARefusal(t *testing.T) {
	t.Parallel()
	g := guard(t, func(o *web.Options) { o.AddressLimits.PublishesPerSecond = 0.001 })
	hidden := strings.Replace(second, "Host: x", "Host: x\r\n"+g.root, 1)
	head := fmt.Sprintf(" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n", 5+len(hidden))
	before := g.head()
	for _, first := range []string{"POST /publish" + head, "POST /publish" + head + bearer("x") + "\r\n", "POST /publish" + head + "Origin: " + foreign + "\r\n", "POST /publish" + head + "Content-Encoding: gzip\r\n"} {
		w := g.Dial()
		if _, err := io.WriteString(w.Conn, first+"\r\n0\r\n\r\n"+hidden); err != nil {
			t.Fatal(err)
		}
		if rest := w.Rest(); strings.Count(rest, "HTTP/1.1 4") != 1 || strings.Contains(rest, " 200 ") {
			t.Errorf("%q", rest)
		}
	}
	if after := g.head(); after != before {
		t.Errorf("the head went from %s to %s", before, after)
	}
}

func TestSecuritySmugglingBadLengths(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for _, head := range []string{
		"Content-Length: 4\r\nContent-Length: 5", "Content-Length: 4, 5", "Content-Length: 4, 4", "Content-Length: +4", "Content-Length: -1", "Content-Length: 0x4", "Content-Length: 4 4",
		"Content-Length: \uff14", "Content-Length: 4.0", "Content-Length: 4e0", "Content-Length: 99999999999999999999", "Content-Length:\r\nContent-Length: 4", "Content-Length : 4", "Content-Length\t: 4", " Content-Length: 4",
		"Content-Length: 4\x00", "Content-Length: 4\rX: y", "Content\x00-Length: 4", "Content-Length: 4\r\nContent-Length: 4\r\nContent-Length: 40",
	} {
		for _, line := range []string{"POST /publish", "GET /presence/clients", "GET /subscribe?channels=a"} {
			wantNoSecond(t, srv, line+" "+head, line+" HTTP/1.1\r\nHost: x\r\n"+head+"\r\n\r\n{}{}"+second, "400")
		}
	}
}

func TestSecuritySmugglingBadEncodings(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for _, value := range []string{
		"Transfer-Encoding: identity", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked;q=1",
		"Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding: \vchunked", "Transfer-Encoding: chun ked",
		"Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", "Transfer-Encoding: chunked\x00", "Transfer-Encoding:", " Transfer-Encoding: chunked", "Transfer-Encoding: chunked\rX: y", "Transfer\x00-Encoding: chunked",
	} {
		for _, line := range []string{"POST /publish", "GET /presence/clients", "GET /subscribe?channels=a"} {
			wantNoSecond(t, srv, line+" "+value, line+" HTTP/1.1\r\nHost: x\r\n"+value+"\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"+second, "400", "501")
		}
	}
}

func TestSecuritySmugglingBadChunks(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for _, body := range []string{
		"0\n\n", "2\n{}\n0\n\n", "2\r\n{}\n0\r\n\r\n", "2;a=b\n{}\r\n0\r\n\r\n", "2;x\nGET / HTTP/1.1\r\n{}\r\n0\r\n\r\n", "0x2\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "+2\r\n{}\r\n0\r\n\r\n", "fffffffffffffffff\r\n{}\r\n", "\r\n0\r\n\r\n",
		"2\r{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n", "2\r\n{}X\r\n0\r\n\r\n", "2 3\r\n{}\r\n0\r\n\r\n", "g\r\n{}\r\n0\r\n\r\n", "2\r\n{}\r\n0\n\n", "2\r\n{}\r\n0\r\nContent-Length : 9\r\n\r\n", strings.Repeat("0", 5000) + "2\r\n{}\r\n0\r\n\r\n",
		"2;" + strings.Repeat("x", 20<<10) + "\r\n{}\r\n0\r\n\r\n",
	} {
		for _, line := range []string{"POST /publish", "POST /subscribe", "GET /presence/clients"} {
			wantNoSecond(t, srv, fmt.Sprintf("%s %.60q", line, body), line+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+body+second, "400", "200")
		}
	}
}

func TestSecuritySmugglingBadHeads(t *testing.T) {
	t.Parallel()
	srv := start(t)
	hide := "\r\n\r\n" + second
	for name, text := range map[string]string{
		"no version":             "GET /subscribe?channels=a" + hide,
		"two versions":           "GET /presence/clients HTTP/1.1 HTTP/1.1\r\nHost: x" + hide,
		"a space in the target":  "GET /presence/clients /x HTTP/1.1\r\nHost: x" + hide,
		"a CR in a value":        "GET /presence/clients HTTP/1.1\r\nHost: x\r\nX: a\rPOST /publish HTTP/1.1" + hide,
		"a NUL in a value":       "GET /presence/clients HTTP/1.1\r\nHost: x\r\nX: a\x00b" + hide,
		"a space in a name":      "GET /presence/clients HTTP/1.1\r\nHost: x\r\nX Y: a" + hide,
		"no colon":               "GET /presence/clients HTTP/1.1\r\nHost: x\r\nnonsense" + hide,
		"two hosts":              "GET /presence/clients HTTP/1.1\r\nHost: x\r\nHost: y" + hide,
		"no host":                "GET /presence/clients HTTP/1.1\r\nX: y" + hide,
		"a newer HTTP":           "GET /presence/clients HTTP/3.0\r\nHost: x" + hide,
		"a tab for a space":      "GET\t/presence/clients\tHTTP/1.1\r\nHost: x" + hide,
		"a method that is none":  "GE(T /presence/clients HTTP/1.1\r\nHost: x" + hide,
		"HTTP/2 without a taker": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + second,
		"chunks in HTTP/1.0":     "POST /publish HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second,
		"an early close":         "GET /presence/clients HTTP/1.1\r\nHost: x\r\nConnection: close" + hide,
		"an unknown expectation": "POST /publish HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 0" + hide,
		"control characters":     "GET /presence/clients?\x01 HTTP/1.1\r\nHost: x" + hide,
		"a CONNECT":              "CONNECT /publish HTTP/1.1\r\nHost: x\r\nConnection: close" + hide,
	} {
		wantNoSecond(t, srv, name, text, "400", "417", "505", "404", "405", "200")
	}
}

// A body without an end is read no further than a body may be long.
func TestSecurityEndlessBody(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{MaxBodyBytes: 64 << 10})
	for _, line := range []string{"POST /publish", "POST /subscribe", "GET /presence/clients", "DELETE /presence/clients/ada"} {
		w := srv.Dial()
		w.Send(line + " HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n")
		sent := make(chan error, 1)
		go func() {
			chunk := fmt.Sprintf("%x\r\n%s\r\n", 16<<10, strings.Repeat("[", 16<<10))
			for {
				if _, err := io.WriteString(w.Conn, chunk); err != nil {
					sent <- err
					return
				}
			}
		}()
		w.WantLine("HTTP/1.1 413 ")
		w.WantLine("Connection: close")
		<-sent // the server hangs up
	}
	w := srv.Dial()
	w.Send("GET /presence/clients HTTP/1.1\nHost: x\n")
	for i := 0; ; i++ {
		if _, err := fmt.Fprintf(w.Conn, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
			break
		}
		if i > 10_000 {
			t.Fatal("a head of 10 MB is read")
		}
	}
}
