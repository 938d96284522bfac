package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/web/auth"
)

// backend is a real server that is asked.
type backend struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int64
	last   atomic.Pointer[string] // the body of the last question
}

func serveBackend(t testing.TB, answer http.HandlerFunc) *backend {
	e := &backend{}
	e.do(answer)
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		text, _ := io.ReadAll(r.Body)
		body := string(text)
		e.last.Store(&body)
		(*e.answer.Load())(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *backend) do(f http.HandlerFunc) { e.answer.Store(&f) }

// saying is a backend that always says the same, which counts for no longer than it must.
func saying(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// asking returns a Backend with these options, which ends with the test.
func asking(t testing.TB, o auth.BackendOptions) *auth.Backend {
	t.Helper()
	b, err := auth.NewBackendAt(o, auth.AskPace(time.Minute, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// question is an anonymous one about news.
func question(b *auth.Backend, header ...string) *auth.Question {
	r := httptest.NewRequest("GET", "/subscribe", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return b.Question(r, []string{"news"}, "ann", "192.0.2.1")
}

// The backend receives the question and the listed headers, and otherwise neither cookies nor credentials.
func TestBackendIsToldWhatIsListed(t *testing.T) {
	t.Parallel()
	e := serveBackend(t, saying(401, ""))
	headers := []string{
		"Cookie", "session=s1; theme=dark", "Cookie", "session=s2", "Authorization", "Basic xyz", "Accept-Language", "de",
		"X-Tenant", "a", "X-Tenant", "b\xff", "X-Api-Key", "k",
	}
	for _, tt := range []struct {
		options auth.BackendOptions
		want    string
	}{
		{auth.BackendOptions{}, `{"channels":["news"],"clientId":"ann","remoteAddr":"192.0.2.1","headers":{},"cookies":{}}`},
		{auth.BackendOptions{Headers: []string{"accept-language", "x-tenant", "X-Missing"}, Cookies: []string{"session", "missing"}},
			`{"channels":["news"],"clientId":"ann","remoteAddr":"192.0.2.1","headers":{"Accept-Language":"de","X-Tenant":"a, b` + "\uFFFD" + `"},"cookies":{"session":"s1"}}`},
		{auth.BackendOptions{Headers: []string{"Authorization"}},
			`{"channels":["news"],"clientId":"ann","remoteAddr":"192.0.2.1","headers":{"Authorization":"Basic xyz"},"cookies":{}}`},
	} {
		tt.options.URL = e.URL
		b := asking(t, tt.options)
		if _, err := b.Ask(t.Context(), question(b, headers...)); !errors.Is(err, auth.ErrLogin) {
			t.Fatal(err)
		}
		if got := *e.last.Load(); got != tt.want {
			t.Errorf("the backend was told\n%s\nwant\n%s", got, tt.want)
		}
	}
	b := asking(t, auth.BackendOptions{URL: e.URL})
	if _, err := b.Ask(t.Context(), b.Question(httptest.NewRequest("GET", "/", nil), nil, "", "")); err == nil || !strings.Contains(*e.last.Load(), `"channels":[],`) {
		t.Errorf("without channels the backend was told %s", *e.last.Load())
	}
}

// A password in the URL is sent as Basic authentication, and the question is JSON.
func TestBackendRequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	e := serveBackend(t, func(w http.ResponseWriter, r *http.Request) { got = r; w.WriteHeader(403) })
	b := asking(t, auth.BackendOptions{URL: strings.Replace(e.URL, "://", "://rollcall:secret@", 1) + "/authorize?v=1"})
	if _, err := b.Ask(t.Context(), question(b)); !errors.Is(err, auth.ErrNotAllowed) {
		t.Fatal(err)
	}
	user, password, _ := got.BasicAuth()
	if got.Method != "POST" || got.URL.String() != "/authorize?v=1" || got.Header.Get("Content-Type") != "application/json" || user != "rollcall" || password != "secret" {
		t.Errorf("the backend got %s %s %v", got.Method, got.URL, got.Header)
	}
	if _, there := got.Header["X-Idempotency-Key"]; there {
		t.Error("a header meant for net/http was sent")
	}
}

// An answer gives what a token with the same claims gives.
func TestBackendAnswerIsAGrant(t *testing.T) {
	t.Parallel()
	expires := time.Now().Add(time.Hour).Unix()
	e := serveBackend(t, saying(200, fmt.Sprintf(`{"clientId":"ann","channels":{"subscribe":["news","room.*","a.>"]},"info":{"name": "Ann"},"expires":%d,"more":1}`, expires)))
	b := asking(t, auth.BackendOptions{URL: e.URL})
	g, err := b.Ask(t.Context(), question(b))
	if err != nil {
		t.Fatal(err)
	}
	if g.Kind != auth.Asked || g.ClientID != "ann" || g.Identity() != "backend:ann" || string(g.Info) != `{"name":"Ann"}` || g.Expires.Unix() != expires || !g.Ambient {
		t.Errorf("the grant is %+v", g)
	}
	for channel, may := range map[string]bool{"news": true, "room.1": true, "a.b.c": true, "room": false, "other": false, "room.1.x": false} {
		if g.MaySubscribe(channel) != may || g.MayReadHistory(channel) != may || g.MaySeePresence(channel) != may {
			t.Errorf("%s: the grant does not say %v", channel, may)
		}
		if g.MayPublish(channel) {
			t.Errorf("%s may be published to", channel)
		}
	}
	if g.FullPresence() || g.Admin() || g.MayChooseClientID() {
		t.Error("the grant permits too much")
	}
}

// Without a clientId the answer identifies no client, and without channels it permits nothing.
func TestBackendAnswerWithLittle(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"clientId":"","channels":null,"info":null,"expires":null}`, `{"channels":{}}`} {
		e := serveBackend(t, saying(200, body))
		b := asking(t, auth.BackendOptions{URL: e.URL})
		g, err := b.Ask(t.Context(), question(b))
		if err != nil || g.ClientID != "" || g.Identity() != "" || g.MayChooseClientID() || !g.Expires.IsZero() || g.MaySubscribeSome() || !g.NoChannels() {
			t.Errorf("%s gives %+v, %v", body, g, err)
		}
	}
}

// An unclear answer refuses the request.
func TestBackendFailsClosed(t *testing.T) {
	t.Parallel()
	past, millis := time.Now().Add(-time.Second).Unix(), time.Now().Add(time.Hour).UnixMilli()
	good := `{"clientId":"ann","channels":{"subscribe":[">"]}}`
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		reason string
	}{
		"500":                  {saying(500, good), "status 500"},
		"400":                  {saying(400, good), "status 400"},
		"404":                  {saying(404, good), "status 404"},
		"201":                  {saying(201, good), "status 201"},
		"204":                  {saying(204, ""), "status 204"},
		"redirect":             {saying(302, good, "Location", "/elsewhere"), "redirects are not followed"},
		"nothing":              {saying(200, ""), "not valid JSON"},
		"page":                 {saying(200, "<!doctype html><title>Log in</title>"), "not valid JSON"},
		"list":                 {saying(200, "[]"), "not a JSON object"},
		"text":                 {saying(200, `"yes"`), "not a JSON object"},
		"null":                 {saying(200, " null "), "not a JSON object"},
		"two":                  {saying(200, good+good), "not valid JSON"},
		"name twice":           {saying(200, `{"clientId":"ann","clientId":"bob"}`), "not valid JSON"},
		"no UTF-8":             {saying(200, "{\"clientId\":\"a\xff\"}"), "not valid JSON"},
		"channels as a list":   {saying(200, `{"channels":["news"]}`), "/channels"},
		"channels as a text":   {saying(200, `{"channels":{"subscribe":"news"}}`), "/channels/subscribe"},
		"no pattern":           {saying(200, `{"channels":{"subscribe":["a,b"]}}`), "channels.subscribe[0] is not a pattern"},
		"patterns without end": {saying(200, `{"channels":{"subscribe":["a"`+strings.Repeat(`,"a"`, 1000)+`]}}`), "more than 1000 patterns"},
		"clientId as a number": {saying(200, `{"clientId":7}`), "/clientId"},
		"long clientId":        {saying(200, `{"clientId":"`+strings.Repeat("x", 256)+`"}`), "clientId must be"},
		"control character":    {saying(200, `{"clientId":"a\u0007"}`), "clientId must be"},
		"info as a list":       {saying(200, `{"info":[]}`), "info must be"},
		"large info":           {saying(200, `{"info":{"a":"`+strings.Repeat("x", 1024)+`"}}`), "info must be"},
		"expires in the past":  {saying(200, fmt.Sprintf(`{"expires":%d}`, past)), "in the past"},
		"expires in ms":        {saying(200, fmt.Sprintf(`{"expires":%d}`, millis)), "/expires"},
		"expires as a text":    {saying(200, `{"expires":"2100-01-01T00:00:00Z"}`), "/expires"},
		"huge":                 {saying(200, `{"info":{"a":"`+strings.Repeat("x", 64<<10)+`"}}`), "larger than 65536 bytes"},
		"huge by white space":  {saying(200, good+strings.Repeat(" ", 64<<10)), "larger than 65536 bytes"},
		"huge head":            {saying(200, good, "X-Much", strings.Repeat("x", 100<<10)), "header"},
		"compressed, unasked":  {saying(200, "\x1f\x8b\x08\x00", "Content-Encoding", "gzip"), "not valid JSON"},
		"reset":                {reset, "reset"},
		"broken off":           {brokenOff, "EOF"},
		"without an end":       {endless, "larger than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantNoAnswer(t, serveBackend(t, tt.answer).URL, tt.reason)
		})
	}
}

// endless answers without an end.
func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, strings.Repeat(" ", 64<<10)); err != nil {
			return
		}
	}
}

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

// brokenOff answers with less than it announces.
func brokenOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, `{"clientId":"ann"}`)
}

// wantNoAnswer wants a question refused for lack of a valid answer, and one line in the log with the reason and
// without the URL's secret.
func wantNoAnswer(t *testing.T, url, reason string, pace ...time.Duration) {
	t.Helper()
	var text strings.Builder
	if len(pace) == 0 {
		pace = []time.Duration{time.Minute, 10 * time.Second}
	}
	b, err := auth.NewBackendAt(auth.BackendOptions{
		URL: strings.Replace(url, "://", "://rollcall:secret1@", 1) + "/authorize?key=secret2", Log: slog.New(slog.NewTextHandler(&text, nil)),
	}, auth.AskPace(pace[0], pace[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for range 2 {
		g, err := b.Ask(t.Context(), question(b))
		var failed *auth.BackendError
		if g != nil || !errors.As(err, &failed) || failed.Busy || failed.Retry <= 0 {
			t.Fatalf("the question gives %+v, %v", g, err)
		}
	}
	if st := b.Stats(); st.Failed != 2 || st.Asked() != 2 || !st.Failing || st.Held != 0 {
		t.Errorf("the counts are %+v", st)
	}
	if log := text.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, reason) || strings.Contains(log, "secret") || !strings.Contains(log, "failed=1") {
		t.Errorf("the log is %q, want one line with %q", log, reason)
	}
}

// A backend without a certificate that is trusted gets no question.
func TestBackendWrongCertificate(t *testing.T) {
	t.Parallel()
	asked := false
	e := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	e.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	e.StartTLS()
	t.Cleanup(e.Close)
	wantNoAnswer(t, e.URL, "certificate")
	if asked {
		t.Error("it was asked")
	}
}

// A backend that is down.
func TestBackendDown(t *testing.T) {
	t.Parallel()
	e := httptest.NewServer(nil)
	e.Close()
	wantNoAnswer(t, e.URL, "refused")
}

// A backend that never answers is given up in time, and Close does not wait for it.
func TestBackendHangs(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	e := serveBackend(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	wantNoAnswer(t, e.URL, "no answer within 20ms", time.Minute, 20*time.Millisecond)

	before := e.asked.Load() // fewer than the questions, if one ended before it arrived
	slow := asking(t, auth.BackendOptions{URL: e.URL})
	done := make(chan error)
	go func() {
		_, err := slow.Ask(context.Background(), question(slow))
		done <- err
	}()
	for e.asked.Load() <= before {
		time.Sleep(0)
	}
	slow.Close()
	var failed *auth.BackendError
	if err := <-done; !errors.As(err, &failed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := slow.Ask(t.Context(), question(slow)); !errors.As(err, &failed) {
		t.Errorf("a question after Close: %v", err)
	}
}

// A request that ends does not wait, and its question goes on for the next one.
func TestBackendAskedByOneThatLeaves(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	e := serveBackend(t, func(w http.ResponseWriter, _ *http.Request) { <-release; io.WriteString(w, `{"clientId":"ann"}`) })
	b := asking(t, auth.BackendOptions{URL: e.URL})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := b.Ask(ctx, question(b))
		left <- err
	}()
	for e.asked.Load() == 0 {
		time.Sleep(0)
	}
	leave()
	var failed *auth.BackendError
	if err := <-left; !errors.As(err, &failed) {
		t.Fatal(err)
	}
	close(release)
	if g, err := b.Ask(t.Context(), question(b)); err != nil || g.ClientID != "ann" || e.asked.Load() != 1 {
		t.Errorf("the next one gets %+v, %v after %d questions", g, err, e.asked.Load())
	}
}

// A connection that the backend has closed meanwhile is no failure.
func TestBackendClosesIdleConnections(t *testing.T) {
	t.Parallel()
	e := serveBackend(t, saying(200, `{"clientId":"ann"}`))
	b := asking(t, auth.BackendOptions{URL: e.URL})
	for range 20 {
		if _, err := b.Ask(t.Context(), question(b)); err != nil {
			t.Fatal(err)
		}
		e.CloseClientConnections()
	}
}

// What options are refused, and why.
func TestBackendOptions(t *testing.T) {
	t.Parallel()
	good := "https://app.example.org/authorize"
	for _, tt := range []struct {
		options auth.BackendOptions
		want    string
	}{
		{auth.BackendOptions{URL: good, Headers: []string{"X-Tenant", "authorization"}, Cookies: []string{"session"}, Rate: 1}, ""},
		{auth.BackendOptions{URL: "http://10.0.0.1:3000/authorize"}, ""},
		{auth.BackendOptions{URL: ""}, "must be like"},
		{auth.BackendOptions{URL: "app.example.org"}, "must be like"},
		{auth.BackendOptions{URL: "ftp://app.example.org/"}, "must be like"},
		{auth.BackendOptions{URL: good + "#x"}, "must be like"},
		{auth.BackendOptions{URL: good, Headers: []string{"Cookie"}}, "among the cookies"},
		{auth.BackendOptions{URL: good, Headers: []string{"host"}}, "not passed on"},
		{auth.BackendOptions{URL: good, Headers: []string{"X Tenant"}}, "not the name of a header"},
		{auth.BackendOptions{URL: good, Headers: []string{""}}, "not the name of a header"},
		{auth.BackendOptions{URL: good, Cookies: []string{"a;b"}}, "not the name of a cookie"},
		{auth.BackendOptions{URL: good, Rate: -1}, "out of range"},
	} {
		b, err := auth.NewBackend(tt.options)
		if err == nil {
			b.Close()
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.options, err, tt.want)
		}
	}
	var none *auth.Backend
	none.Close()
	if st := none.Stats(); st.Asked() != 0 {
		t.Error("no backend was asked")
	}
}
