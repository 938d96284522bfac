package web_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// injections try to begin their own field on an event stream, with every line end that some client might accept.
var injections = []string{
	"x\nevent: evil\ndata: evil\n\n", "x\r\nevent: evil\r\ndata: evil\r\n\r\n", "x\revent: evil\rdata: evil\r\r", "x\n\nid: evil\n\nretry: 1\n\n",
	"x\u2028event: evil\u2028data: evil\u2028\u2028", "x\u2029data: evil", "x\u0085event: evil\u0085\u0085", "x\vdata: evil\fevent: evil", "x\x00\nid: evil",
	"x\"}\n\nevent: evil\ndata: {\"type\":\"evil\"}\n\n", "x\\nevent: evil\\n\\n", "\ufeffevent: evil\n", ": evil", "event: evil", "data: evil", "x\\u000aevent: evil", "\r", "\n\n",
}

// streamLine is every line that a stream may have here. What follows data: is JSON.
var streamLine = regexp.MustCompile(`^(|:.*|retry: [0-9]+|id: [A-Za-z0-9._]+-[0-9]+|event: (registered|lastEvent|gap|presence|online-presence|goodbye|snapshot|join|leave|update|message|custom [^\n]*)|data: \{.*\})$`)

// readUntil reads a stream's bytes up to a line with the mark and wants only lines that the server may write.
func readUntil(t testing.TB, r *bufio.Reader, mark string) {
	t.Helper()
	for seen := false; !seen; {
		text, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %.300q", err, text)
		}
		seen = strings.Contains(text, mark)
		line := strings.TrimSuffix(text, "\n")
		if strings.ContainsAny(line, "\r\n\v\f\x00") || !streamLine.MatchString(line) {
			t.Errorf("line %.300q", line)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && !json.Valid([]byte(data)) {
			t.Errorf("data %.300q", data)
		}
	}
}

// rawStream opens a stream without any framing, from its first event on.
func rawStream(srv *webtest.Server, target string, header ...string) *bufio.Reader {
	w := srv.Dial()
	w.Send("GET " + target + " HTTP/1.0\nHost: localhost\n" + strings.Join(append(header, ""), "\n") + "\n")
	w.WantLine("HTTP/1.0 200")
	for w.WantLine("") != "" {
	}
	return w.Reader
}

func TestSecurityFieldInjectionByPublishers(t *testing.T) {
	t.Parallel()
	srv := start(t)
	live := rawStream(srv, "/subscribe?channels=a,x%E2%80%A8data:%20evil&presence=channels,online")
	accepted := 0
	for _, evil := range injections {
		text := jsonOf(t, evil)
		for _, body := range []string{
			`{"events":[{"channelName":"a","type":"message","payload":` + text + `}]}`,
			`{"events":[{"channelName":"a","type":"message","payload":{` + text + `:[` + text + `]},"idempotencyKey":` + text + `}]}`,
			"{\"events\":[{\"channelName\":\"a\",\"type\":\"message\",\"payload\":{\n\"a\":\r\n1,\r\"b\"\n\n:\n\n2}}]}",
			`{"events":[{"channelName":"a","type":` + jsonOf(t, "custom "+evil) + `,"payload":1}]}`,
			`{"events":[{"channelName":` + text + `,"type":"message","payload":1}]}`,
		} {
			switch a := srv.Post("/publish", body); a.Status {
			case 200:
				accepted++
			case 400:
				a.WantHeader("Content-Type", "application/json; charset=utf-8").WantHeader("X-Content-Type-Options", "nosniff")
			default:
				t.Errorf("%s: %d %s", body, a.Status, a.Body)
			}
		}
	}
	if accepted < len(injections) {
		t.Errorf("%d batches were taken", accepted)
	}
	srv.Publish("a", `"the end"`)
	readUntil(t, live, "the end")
	// Kept events are sent as they were sent live, also by lastEvent.
	readUntil(t, rawStream(srv, "/subscribe?channels=a,x%E2%80%A8data:%20evil&lastEventId="+epochOf(srv.Head())+"-0"), "the end")
	readUntil(t, rawStream(srv, "/subscribe?channels=x%E2%80%A8data:%20evil,a"), "the end")
}

func TestSecurityFieldInjectionBySubscribers(t *testing.T) {
	t.Parallel()
	srv := start(t)
	live := rawStream(srv, "/subscribe?channels=a&presence=channels,online")
	watch := rawStream(srv, "/presence/stream")
	members := rawStream(srv, "/presence/stream?channels=a")
	for i, evil := range injections {
		escaped := url.QueryEscape(evil)
		info := url.QueryEscape(`{"x":` + jsonOf(t, evil) + ",\n\r\"y\":1}")
		header := "X: y"
		if !strings.ContainsAny(evil, "\r\n\x00\v\f") {
			header = "User-Agent: " + evil
		}
		for _, query := range []string{
			"clientId=" + escaped, fmt.Sprintf("clientId=c%d&info=%s", i, info), fmt.Sprintf("clientId=d%d&lastEventId=%s", i, escaped), "presence=" + escaped,
			"channel=" + escaped, "last_event_id=" + url.QueryEscape("x-1"+evil) + "&info=" + escaped, "&" + escaped + "=" + escaped,
		} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/subscribe?channels=a&"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			name, value, _ := strings.Cut(header, ": ")
			req.Header[name] = []string{value}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode == 200 {
				srv.Publish("a", fmt.Sprintf(`"mark %d"`, i))
				readUntil(t, bufio.NewReader(resp.Body), fmt.Sprintf("mark %d", i))
			} else if resp.StatusCode != 400 || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %d", query, resp.StatusCode)
			}
			_ = resp.Body.Close()
		}
	}
	srv.Publish("a", `"the end"`)
	readUntil(t, live, "the end")
	subscribedEnd := srv.Subscribe("channels=a&clientId=the%20end")
	subscribedEnd.WantRegistered()
	readUntil(t, watch, "the end")
	readUntil(t, members, "the end")
}

// No parameter becomes a header of the answer, or two of them.
func TestSecurityHeaderInjection(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{CORSOrigins: []string{"https://app.example"}}))
	srv.Publish("a", `1`)
	evil := url.QueryEscape("x\r\nX-Evil: 1\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>")
	for _, target := range []string{
		"/subscribe?channels=" + evil, "/subscribe?channels=a&clientId=" + evil, "/subscribe?channels=a&presence=" + evil, "/history?channel=" + evil, "/history?channel=a&after=" + evil,
		"/history?channel=a&limit=" + evil, "/lastEvent?channel=" + evil, "/presence/clients?q=" + evil, "/presence/clients?cursor=" + evil, "/presence/clients/" + evil, "/presence/channels?q=" + evil,
		"/" + evil, "/admin?" + evil, "/admin/login?next=" + evil, "/admin/login?next=/admin/" + evil, "/admin/" + evil, "/assets/" + evil, "/presence/stream?channels=" + evil, "/publish" + evil,
		"/subscribe/" + strings.ReplaceAll(evil, "+", "%20"), "//evil.example/%2e%2e", "/admin//evil.example",
	} {
		a := srv.Get(target)
		if a.Header.Get("X-Evil") != "" || strings.Contains(a.Header.Get("Set-Cookie"), "a=b") || strings.ContainsAny(a.Header.Get("Location"), "\r\n") || strings.HasPrefix(a.Header.Get("Location"), "//") {
			t.Errorf("%s: %v", target, a.Header)
		}
		kind := a.Header.Get("Content-Type")
		if strings.HasPrefix(kind, "application/json") {
			a.WantHeader("X-Content-Type-Options", "nosniff")
		}
		if strings.Contains(a.Body, "<script>alert") && kind != "application/json; charset=utf-8" {
			t.Errorf("%s: %s", target, a.Body)
		}
	}
}

// record is a buffer that many may write to.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// Whatever is asked, a line of the log is one line, and no credential is in it.
func TestSecurityLogs(t *testing.T) {
	t.Parallel()
	for kind, handler := range map[string]func(*record) slog.Handler{
		"text": func(r *record) slog.Handler {
			return slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})
		},
		"JSON": func(r *record) slog.Handler {
			return slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var out record
			g := guard(t, func(o *web.Options) { *o = withAdmins(*o); o.Log = slog.New(handler(&out)) })
			good, bad := token(t, "eve\u2028time=2026-01-01", "room.*", ""), forge(t, hs512, tokenSecret, everywhere)
			key := strings.TrimPrefix(g.root, "X-API-Key: ")
			const line = "x\r\ntime=2026-01-01T00:00:00Z level=INFO msg=forged {\"msg\":\"forged\"}\n"
			evil := url.QueryEscape(line)
			for _, d := range (&witness{guarded: g, stream: &webtest.Stream{}}).doors() {
				if d.method == "POST" && d.target == "/subscribe" {
					continue // which is a stream, whatever the query
				}
				for _, query := range []string{"access_token=" + bad, "access_token=" + key, "access_token=" + good + "&clientId=" + evil + "&x=" + evil + "&channel=" + evil} {
					_ = (&witness{guarded: g}).knock(d, query+"&presence=none&limit=x&cursor=!&block=x", "User-Agent: a\tb=\"c\"", "X-Forwarded-For: x y=z")
				}
			}
			st := g.Open("GET", "/subscribe?channels=room.a&access_token="+good, "")
			st.WantRegistered()
			st.Close()
			named := g.Subscribe("channels=room.a&clientId="+url.QueryEscape("a b=c \"d\" \u2028\u2029 \\n"), g.root)
			named.WantRegistered()
			named.Cut()
			until(t, "the streams are gone", func() bool { return g.Streams() == 0 })
			stranger(t, g.Server).post("/admin/login", "username", line, "password", good)
			for _, raw := range []string{
				"GET /subscribe?access_token=" + good + "\x01 HTTP/1.1\nHost: x\n\n", "GET /%zz?access_token=" + good + " HTTP/1.1\nHost: x\n\n",
				"GET / HTTP/1.1\nHost: x\nAuthorization : Bearer " + good + "\n\n", "PRI * HTTP/2.0\n\nSM\n\n" + key, "\x16\x03\x01 " + key + "\n\n",
			} {
				w := g.Dial()
				w.Send(raw)
				_ = w.Conn.CloseWrite()
				w.Rest()
			}
			until(t, "the log tells of two streams", func() bool { return strings.Count(out.String(), "stream ended") == 2 })
			text := out.String()
			for _, secret := range []string{good, bad, key, good[strings.LastIndexByte(good, '.')+1:], "access_token"} {
				if strings.Contains(text, secret) {
					t.Errorf("%.60s is in the log", secret)
				}
			}
			for got := range strings.Lines(text) {
				if kind == "text" && !strings.HasPrefix(got, "time=20") || kind == "JSON" && !json.Valid([]byte(got)) || strings.Contains(got, "msg=forged") && !strings.Contains(got, `\n`) {
					t.Errorf("line %q", got)
				}
			}
		})
	}
}
