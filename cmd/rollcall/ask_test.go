package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/web/auth"
)

// reply is a whole answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// newClient returns a client for one test, which follows no redirects and keeps cookies. edit, if not nil, changes
// how it connects.
func newClient(t *testing.T, edit func(*http.Transport)) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	if edit != nil {
		edit(transport)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// throughSocket makes a client connect to a socket file, whatever host it asks for.
func throughSocket(path string) func(*http.Transport) {
	return func(transport *http.Transport) {
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) }
	}
}

// overTLS makes a client take any certificate, in HTTP/2 or not.
func overTLS(h2 bool) func(*http.Transport) {
	return func(transport *http.Transport) {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		transport.ForceAttemptHTTP2 = h2
	}
}

// ask makes a request. Each header is "Name: value"; a body makes it a POST.
func ask(t *testing.T, client *http.Client, url, body string, headers ...string) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answer := send(t, ctx, client, url, body, headers...)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return reply{answer.StatusCode, answer.Header, string(text)}
}

func send(t *testing.T, ctx context.Context, client *http.Client, url, body string, headers ...string) *http.Response {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return answer
}

// follow opens a stream that must be given, and reads up to its registered event.
func follow(t *testing.T, client *http.Client, url string, headers ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	answer := send(t, ctx, client, url, "", headers...)
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "text/event-stream" {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s: %s %s", url, answer.Status, text)
	}
	s := &stream{t: t, lines: bufio.NewScanner(answer.Body)}
	s.want("registered")
	s.want("lastEvent")
	return s
}

// want fails the test unless the answer has this status and says this.
func (r reply) want(t *testing.T, status int, says string) reply {
	t.Helper()
	if r.status != status || !strings.Contains(r.body, says) {
		t.Fatalf("got %d %.300s, want %d and %q", r.status, r.body, status, says)
	}
	return r
}

// hello is a batch for the channel news.
const hello = `{"events":[{"channelName":"news","type":"message","payload":"hello"}]}`

// newKey makes an API key and its line.
func newKey(t *testing.T, name string, allow auth.Scopes, channels string) (text, line string) {
	t.Helper()
	patterns, err := auth.ParsePatterns(channels)
	if err != nil {
		t.Fatal(err)
	}
	text, key, err := auth.NewKey(name, allow, patterns)
	if err != nil {
		t.Fatal(err)
	}
	return text, key.String()
}

// replaced replaces a file by text atomically.
func replaced(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// newFile makes a file with this text.
func newFile(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	replaced(t, path, text)
	return path
}

// logIn returns a client that has logged in to the admin UI at base.
func logIn(t *testing.T, base, user, password string) *http.Client {
	t.Helper()
	client := newClient(t, overTLS(false))
	form := url.Values{"username": {user}, "password": {password}}.Encode()
	got := ask(t, client, base+"/admin/login", form, "Content-Type: application/x-www-form-urlencoded")
	got.want(t, http.StatusSeeOther, "")
	ask(t, client, base+"/admin", "").want(t, http.StatusOK, user)
	return client
}
