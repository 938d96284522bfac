package hooks

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/presence"
)

// patience is how long tests wait for what must come.
const patience = 30 * time.Second

var secretA, secretB = newSecret(1), newSecret(2)

func newSecret(n byte) string {
	key := make([]byte, 32)
	for i := range key {
		key[i] = n
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// quick is a pace for tests.
func quick() *pace {
	return &pace{
		gather: 5 * time.Millisecond, rank: 200 * time.Millisecond, settle: 50 * time.Millisecond, store: 50 * time.Millisecond,
		checkpoint: 20 * time.Millisecond, lease: 300 * time.Millisecond, renew: 50 * time.Millisecond, timeout: 5 * time.Second,
		giveUp: time.Hour, first: time.Millisecond, most: 5 * time.Millisecond, closing: patience,
	}
}

// receiver is an endpoint. It answers 200 and remembers what it was sent, unless fault says otherwise.
type receiver struct {
	*httptest.Server
	t      testing.TB
	secret string
	fault  func(w http.ResponseWriter, r *http.Request, m message) bool // true if it has answered

	mu     sync.Mutex
	all    []message // everything that came
	events []Event   // of messages that were accepted, each id once
	seen   map[string]bool
	wake   chan struct{}
}

func receive(t testing.TB, fault func(http.ResponseWriter, *http.Request, message) bool) *receiver {
	r := &receiver{t: t, secret: secretA, fault: fault, seen: map[string]bool{}, wake: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender has ended
	}
	hook, err := webhooks.NewWebhook(r.secret)
	if err == nil {
		err = hook.Verify(body, req.Header)
	}
	var m message
	if err != nil || req.Method != http.MethodPost || json.Unmarshal(body, &m) != nil || m.ID != req.Header.Get("Webhook-Id") {
		r.t.Errorf("a request is wrong: %v %s %s", err, req.Method, body)
	}
	r.mu.Lock()
	r.all = append(r.all, m)
	r.mu.Unlock()
	if r.fault != nil && r.fault(w, req, m) {
		poke(r.wake)
		return
	}
	r.accept(m)
}

func (r *receiver) accept(m message) {
	r.mu.Lock()
	if !r.seen[m.ID] {
		r.seen[m.ID] = true
		r.events = append(r.events, m.Events...)
	}
	r.mu.Unlock()
	poke(r.wake)
}

// told returns the accepted events as texts.
func (r *receiver) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]string, len(r.events))
	for i, e := range r.events {
		list[i] = text(e)
	}
	return list
}

func text(e Event) string {
	s := e.Type
	for _, part := range []string{e.ChannelName, e.ClientID, string(e.Info), e.Reason} {
		if part != "" {
			s += " " + part
		}
	}
	return s
}

// messages returns everything that came.
func (r *receiver) messages() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// until waits until the accepted events make ok true.
func (r *receiver) until(what string, ok func() bool) {
	r.t.Helper()
	timeout := time.After(patience)
	for !ok() {
		select {
		case <-r.wake:
		case <-time.After(10 * time.Millisecond): // what ok looks at may be elsewhere
		case <-timeout:
			r.t.Fatalf("waited in vain: %s; told %v", what, r.told())
		}
	}
}

func (r *receiver) want(want ...string) {
	r.t.Helper()
	r.until(fmt.Sprint("want ", want), func() bool { return len(r.told()) >= len(want) })
	if got := r.told(); !slices.Equal(got, want) {
		r.t.Fatalf("told\n%v, want\n%v", got, want)
	}
}

func (r *receiver) endpoint() Endpoint {
	return Endpoint{URL: r.URL + "/hook", Secrets: []string{r.secret}, AllowPrivate: true}
}

// world is a registry whose edges are reported.
type world struct {
	t        testing.TB
	h        *Hooks
	registry *presence.Registry
	n        int
}

func begin(t testing.TB, o Options) *world {
	t.Helper()
	w := unstopped(t, o)
	t.Cleanup(w.close)
	return w
}

// unstopped is a world that the test ends.
func unstopped(t testing.TB, o Options) *world {
	t.Helper()
	if o.pace == nil {
		o.pace = quick()
	}
	h, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, h: h, registry: presence.NewRegistry(0)}
	h.Start(w.registry.Has)
	return w
}

func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.h.Close(ctx); err != nil {
		w.t.Log(err)
	}
}

func (w *world) join(client string, channels ...string) *presence.Connection {
	w.n++
	c := &presence.Connection{ID: fmt.Sprint(client, "-", w.n), ClientID: client, ConnectedAt: time.Now()}
	w.registry.Join(c, channels, nil)
	w.h.Edges(w.registry.Take())
	return c
}

func (w *world) leave(c *presence.Connection) {
	w.registry.Leave(c)
	w.h.Edges(w.registry.Take())
}

func (w *world) status() Status { return w.h.Endpoints()[0] }

// trusting is a TLS configuration that trusts a test server.
func trusting(s *httptest.Server) *tls.Config {
	return s.Client().Transport.(*http.Transport).TLSClientConfig
}
