package clients

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"
)

var (
	plainNode = tool{"the example in Node", []string{"node"}, nil}
	python    = tool{"the example in Python", []string{"python3"}, nil}
	golang    = tool{"the example in Go", []string{"go"}, nil}
)

// The backends of docs/examples mint tokens, answer Rollcall's questions, verify its webhooks and publish.
func TestExampleBackends(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "docs", "examples")
	for name, start := range map[string]func(t *testing.T) *exec.Cmd{
		"Node": func(t *testing.T) *exec.Cmd {
			return exec.Command(plainNode.need(t), filepath.Join(dir, "backend.mjs"))
		},
		"Python": func(t *testing.T) *exec.Cmd { return exec.Command(python.need(t), filepath.Join(dir, "backend.py")) },
		"Go": func(t *testing.T) *exec.Cmd {
			program := filepath.Join(t.TempDir(), "backend")
			for _, args := range [][]string{{"vet", "."}, {"build", "-race", "-o", program, "."}} {
				cmd := exec.Command(golang.need(t), args...)
				cmd.Dir = filepath.Join(dir, "go")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("go %s: %v\n%s", args[0], err, out)
				}
			}
			return exec.Command(program)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := startExample(t, start(t))
			t.Run("token", x.token)
			t.Run("authorize", x.authorize)
			t.Run("orders", x.orders)
			t.Run("viewers", x.viewers)
			t.Run("signatures", x.signatures)
		})
	}
}

const (
	exampleJWTSecret  = "an example's secret of enough bytes"
	exampleHookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
)

// example is a backend, and the server that it belongs to.
type example struct {
	server *server
	relay  *httptest.Server // between the backend and the server
	broken atomic.Int64     // answers that the relay drops, after it has passed on the request
	url    string           // of the backend
}

func startExample(t *testing.T, cmd *exec.Cmd) *example {
	t.Helper()
	x := new(example)
	var to atomic.Pointer[httputil.ReverseProxy]
	x.relay = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x.broken.Add(-1) >= 0 {
			to.Load().ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		to.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(x.relay.Close)
	out, err := exec.Command(binary, "key", "new", "--name=backend", "--allow=publish,presence", "--channels=>").Output()
	key, line, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || !ok {
		t.Fatalf("key new: %v, %s", err, out)
	}
	lines := strings.Split(line, "\n")
	x.url = x.startBackend(t, cmd, key)
	config := filepath.Join(t.TempDir(), "rollcall.yaml")
	text := fmt.Sprintf("webhooks:\n  - url: %s/webhooks\n    secret: %s\n    allow-private: true\n    channels: [\"documents.*\"]\n", x.url, exampleHookSecret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	x.server = startServer(t, "--config="+config, "--api-key="+lines[len(lines)-1], "--jwt-secret="+exampleJWTSecret,
		"--authorize-url="+x.url+"/authorize", "--authorize-cookies=session", "--presence-grace=0")
	target, err := url.Parse(x.server.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = x.server.client.Transport
	to.Store(proxy)
	return x
}

// startBackend starts the backend and returns its address.
func (x *example) startBackend(t *testing.T, cmd *exec.Cmd, key string) string {
	t.Helper()
	cmd.Env = append(os.Environ(), "PORT=0", "ROLLCALL_SERVER="+x.relay.URL, "ROLLCALL_KEY="+key, "ROLLCALL_JWT_SECRET="+exampleJWTSecret,
		"WEBHOOK_SECRET="+exampleHookSecret)
	var said bytes.Buffer
	cmd.Stderr = &said
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			select {
			case line <- lines.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the backend printed\n%s", said.String())
		}
	})
	select {
	case text := <-line:
		return strings.TrimPrefix(text, "listening on ")
	case <-ended:
		t.Fatal("the backend ended at once")
	case <-time.After(patience):
		t.Fatal("the backend does not listen")
	}
	return ""
}

// ask sends a request to the backend, and decodes the answer's JSON.
func (x *example) ask(t *testing.T, method, path, body, cookie string, into any) (status int, h http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, x.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := x.server.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if into != nil && json.Unmarshal(text, into) != nil {
		t.Fatalf("%s %s: %s %s", method, path, res.Status, text)
	}
	return res.StatusCode, res.Header
}

// logIn returns the cookie of a user.
func (x *example) logIn(t *testing.T, user string) string {
	t.Helper()
	_, h := x.ask(t, "GET", "/login?user="+user, "", "", nil)
	cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	if !strings.HasPrefix(cookie, "session=") {
		t.Fatalf("the login sets %q", h.Get("Set-Cookie"))
	}
	return cookie
}

// feed is a stream of the server.
type feed struct {
	status int
	events chan sse.Event
	close  func()
}

// subscribe opens a stream, which ends with the test.
func (x *example) subscribe(t *testing.T, query, cookie string) *feed {
	t.Helper()
	req, err := http.NewRequest("GET", x.server.url("/subscribe?"+query), nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	client := &http.Client{Transport: x.server.client.Transport}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b := &feed{res.StatusCode, make(chan sse.Event, 100), func() { res.Body.Close() }}
	t.Cleanup(b.close)
	go func() {
		defer close(b.events)
		for ev, err := range sse.Read(res.Body, nil) {
			if err != nil {
				return
			}
			b.events <- ev
		}
	}()
	return b
}

// want reads on to the next event of a type, and wants a text in it.
func (b *feed) want(t *testing.T, typ, text string) sse.Event {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case ev, ok := <-b.events:
			switch {
			case !ok:
				t.Fatalf("the stream ended with no %s; its status was %d", typ, b.status)
			case ev.Type == typ && !strings.Contains(ev.Data, text):
				t.Fatalf("%s is %s, want %s in it", typ, ev.Data, text)
			case ev.Type == typ:
				return ev
			}
		case <-late:
			t.Fatalf("no %s came", typ)
		}
	}
}

const ann = `\"clientId\":\"ann\"`

func (x *example) token(t *testing.T) {
	if status, _ := x.ask(t, "GET", "/token", "", "", nil); status != http.StatusUnauthorized {
		t.Errorf("without a login the token is answered with %d", status)
	}
	var got struct{ Token string }
	x.ask(t, "GET", "/token", "", x.logIn(t, "ann"), &got)
	x.subscribe(t, "channels=orders.ann&clientId=eve&access_token="+got.Token, "").want(t, "registered", ann)
	if b := x.subscribe(t, "channels=orders.bob&access_token="+got.Token, ""); b.status != http.StatusForbidden {
		t.Errorf("the orders of bob: %d", b.status)
	}
}

func (x *example) authorize(t *testing.T) {
	cookie := x.logIn(t, "ann")
	x.subscribe(t, "channels=orders.ann,documents.1&clientId=eve", cookie).want(t, "registered", ann)
	for query, status := range map[string]int{"channels=orders.bob": http.StatusForbidden, "channels=orders.ann": http.StatusUnauthorized} {
		with := cookie
		if status == http.StatusUnauthorized {
			with = "session=guessed"
		}
		if b := x.subscribe(t, query, with); b.status != status {
			t.Errorf("%s as %s: %d, want %d", query, with, b.status, status)
		}
	}
}

func (x *example) orders(t *testing.T) {
	cookie := x.logIn(t, "ann")
	stream := x.subscribe(t, "channels=orders.ann", cookie)
	stream.want(t, "registered", ann)
	type result struct {
		ID        string
		Duplicate bool
	}
	var first, again, next result
	x.broken.Store(2) // the backend does not hear that its event was published
	if status, _ := x.ask(t, "POST", "/orders/42", `{"state":"paid"}`, cookie, &first); status != http.StatusOK || first.ID == "" {
		t.Fatalf("the order: %d %+v", status, first)
	}
	x.ask(t, "POST", "/orders/42", `{"state":"paid"}`, cookie, &again)
	x.ask(t, "POST", "/orders/42", `{"state":"sent"}`, cookie, &next)
	if !first.Duplicate || !again.Duplicate || again.ID != first.ID || next.Duplicate || next.ID == first.ID {
		t.Errorf("the events are %+v, %+v and %+v", first, again, next)
	}
	if ev := stream.want(t, "order", "paid"); ev.LastEventID != first.ID {
		t.Errorf("the event is %s, not %s", ev.LastEventID, first.ID)
	}
	stream.want(t, "order", "sent")
}

func (x *example) viewers(t *testing.T) {
	var last []string
	want := func(names ...string) {
		t.Helper()
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			var got struct{ Viewers []string }
			x.ask(t, "GET", "/documents/7/viewers", "", "", &got)
			if last = got.Viewers; slices.Equal(last, names) {
				return
			}
		}
		t.Fatalf("document 7 is viewed by %q, want %q", last, names)
	}
	want()
	x.subscribe(t, "channels=documents.7", x.logIn(t, "ann"))
	want("ann")
	bob := x.subscribe(t, "channels=documents.7,documents.8", x.logIn(t, "bob"))
	want("ann", "bob")
	bob.close()
	want("ann")
}

func (x *example) signatures(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(exampleHookSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"id":"msg_1","events":[{"type":"member.joined","channelName":"documents.9","clientId":"eve"}]}`
	sign := func(key []byte, id string, at int64) string {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.%s", id, at, body)
		return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	now := time.Now().Unix()
	for _, tt := range []struct {
		name, signature string
		at              int64
		status          int
	}{
		{"none", "", now, http.StatusUnauthorized},
		{"no signature", "v1,", now, http.StatusUnauthorized},
		{"another key", sign(make([]byte, 32), "msg_1", now), now, http.StatusUnauthorized},
		{"another id", sign(key, "msg_2", now), now, http.StatusUnauthorized},
		{"another time", sign(key, "msg_1", now-1), now, http.StatusUnauthorized},
		{"another version", strings.Replace(sign(key, "msg_1", now), "v1,", "v2,", 1), now, http.StatusUnauthorized},
		{"old", sign(key, "msg_1", now-600), now - 600, http.StatusUnauthorized},
		{"one of two", sign(make([]byte, 32), "msg_1", now) + " " + sign(key, "msg_1", now), now, http.StatusNoContent},
	} {
		req, err := http.NewRequest("POST", x.url+"/webhooks", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Webhook-Id", "msg_1")
		req.Header.Set("Webhook-Timestamp", fmt.Sprint(tt.at))
		req.Header.Set("Webhook-Signature", tt.signature)
		res, err := x.server.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, res.StatusCode, tt.status)
		}
	}
}
