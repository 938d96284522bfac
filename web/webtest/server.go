package webtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/web"
)

// Patience bounds every wait. Only a failing test reaches it.
const Patience = 30 * time.Second

// Server is a running server. Its methods fail the test that it was started with.
type Server struct {
	*web.Server
	Addr string // host:port
	URL  string // without a slash at its end

	t      testing.TB
	client *http.Client
}

// Start runs a server on a loopback port until the test ends. It answers under every name.
func Start(t testing.TB, opts web.Options) *Server {
	t.Helper()
	opts.AnyHost = true
	return StartLocal(t, opts)
}

// StartLocal runs a server on a loopback port until the test ends. If it is open, it answers as localhost only.
func StartLocal(t testing.TB, opts web.Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return StartOn(t, opts, l)
}

// StartOn runs a server on l until the test ends. Without a PresenceGrace, clients leave at once.
func StartOn(t testing.TB, opts web.Options, l net.Listener) *Server {
	t.Helper()
	if opts.PresenceGrace == 0 {
		opts.PresenceGrace = -1 // tests see a leave at once
	}
	inner, err := web.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return Run(t, inner, l)
}

// Run runs a server that was made before on l until the test ends.
func Run(t testing.TB, inner *web.Server, l net.Listener) *Server {
	transport := &http.Transport{DisableCompression: true}
	s := &Server{
		Server: inner, Addr: l.Addr().String(), URL: "http://" + l.Addr().String(), t: t,
		client: &http.Client{
			Transport:     transport,
			Timeout:       Patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	served := make(chan error, 1)
	go func() { served <- inner.Serve(l) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = inner.Close() // what a listener says that was closed before is of no interest
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// For returns the same server with methods that fail t.
func (s *Server) For(t testing.TB) *Server {
	other := *s
	other.t = t
	return &other
}

// At returns the same server as it is reached at another address.
func (s *Server) At(t testing.TB, addr string) *Server {
	other := s.For(t)
	other.Addr, other.URL = addr, "http://"+addr
	return other
}

// Answer is a whole response.
type Answer struct {
	Status int
	Header http.Header
	Body   string

	t    testing.TB
	what string // the request
}

// Do makes a request. Each header is "Name: value".
func (s *Server) Do(method, target, body string, header ...string) *Answer {
	s.t.Helper()
	a := s.DoReader(method, target, strings.NewReader(body), header...)
	a.what = fmt.Sprintf("%s %.300s", a.what, body)
	return a
}

// DoReader makes a request with the body that r reads, chunked where its length
// isn't known.
func (s *Server) DoReader(method, target string, body io.Reader, header ...string) *Answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	setHeader(req, header)
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %.200s: %v", method, target, err)
	}
	return &Answer{resp.StatusCode, resp.Header, string(text), s.t, fmt.Sprintf("%s %.200s", method, target)}
}

func setHeader(req *http.Request, header []string) {
	for _, line := range header {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if http.CanonicalHeaderKey(name) == "Host" {
			req.Host = value
		}
		req.Header.Add(name, value)
	}
}

// Get makes a GET request.
func (s *Server) Get(target string, header ...string) *Answer {
	s.t.Helper()
	return s.Do(http.MethodGet, target, "", header...)
}

// Post makes a POST request with a JSON body.
func (s *Server) Post(target, body string, header ...string) *Answer {
	s.t.Helper()
	return s.Do(http.MethodPost, target, body, append([]string{"Content-Type: application/json"}, header...)...)
}

// Delete makes a DELETE request that must be answered with 204.
func (s *Server) Delete(target string) {
	s.t.Helper()
	s.Do(http.MethodDelete, target, "").WantStatus(http.StatusNoContent)
}

// Publish publishes one batch of events of type message on one channel, each
// payload a JSON text, and returns their ids.
func (s *Server) Publish(channel string, payloads ...string) []string {
	s.t.Helper()
	events := make([]map[string]any, len(payloads))
	for i, p := range payloads {
		events[i] = map[string]any{"channelName": channel, "type": "message", "payload": json.RawMessage(p)}
	}
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.PublishBody(string(body))
}

// PublishBody publishes a batch that must be accepted and returns the ids.
func (s *Server) PublishBody(body string) []string {
	s.t.Helper()
	var got struct{ Events []struct{ ID string } }
	s.Post("/publish", body).WantStatus(http.StatusOK).Into(&got)
	ids := make([]string, len(got.Events))
	for i, ev := range got.Events {
		ids[i] = ev.ID
	}
	return ids
}

// Head returns the position of the newest event.
func (s *Server) Head() string {
	s.t.Helper()
	var got struct{ Next string }
	s.Get("/history?channel=head&limit=1").WantStatus(http.StatusOK).Into(&got)
	return got.Next
}

// WantStatus wants the answer's status and returns the answer.
func (a *Answer) WantStatus(status int) *Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("%s: status %d, want %d; body %.300s", a.what, a.Status, status, a.Body)
	}
	return a
}

// WantHeader wants one value of a header, or with "" no such header.
func (a *Answer) WantHeader(name, value string) *Answer {
	a.t.Helper()
	if got := strings.Join(a.Header.Values(name), " | "); got != value {
		a.t.Fatalf("%s: header %s is %q, want %q", a.what, name, got, value)
	}
	return a
}

// WantJSON wants status 200 and exactly this text as JSON.
func (a *Answer) WantJSON(body string) *Answer {
	a.t.Helper()
	a.WantStatus(http.StatusOK).WantHeader("Content-Type", "application/json; charset=utf-8")
	if strings.TrimSuffix(a.Body, "\n") != body {
		a.t.Fatalf("%s: body\n%s\nwant\n%s", a.what, a.Body, body)
	}
	return a
}

// WantFault wants an error of the form that all have, and returns its message.
func (a *Answer) WantFault(status int, code, field string) string {
	a.t.Helper()
	a.WantStatus(status).WantHeader("Content-Type", "application/json; charset=utf-8")
	var got struct {
		Error *struct{ Code, Message, Field string }
	}
	a.Into(&got)
	switch {
	case got.Error == nil:
		a.t.Fatalf("%s: no error in %s", a.what, a.Body)
	case got.Error.Code != code || got.Error.Field != field:
		a.t.Fatalf("%s: code %q, field %q, want %q and %q; %s", a.what, got.Error.Code, got.Error.Field, code, field, got.Error.Message)
	case len(got.Error.Message) < 10 || field != "" && !strings.HasPrefix(got.Error.Message, field+" "):
		a.t.Fatalf("%s: the message %q is no sentence about the field %q", a.what, got.Error.Message, field)
	}
	return got.Error.Message
}

// Into decodes the body.
func (a *Answer) Into(v any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.Body), v); err != nil {
		a.t.Fatalf("%s: %v in %.300s", a.what, err, a.Body)
	}
}
