package hooks

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/hub/outbox"
	"rollcall/presence"
)

// drop breaks the connection without an answer.
func drop(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

// Whatever an endpoint does wrong, it is asked again, and the events arrive in order.
func TestFaultyEndpoints(t *testing.T) {
	for name, fault := range map[string]struct {
		do   func(w http.ResponseWriter, r *http.Request)
		says string
	}{
		"500":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "it answered 500"},
		"404":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "it answered 404"},
		"reset":   {func(w http.ResponseWriter, _ *http.Request) { drop(w) }, "read failed"},
		"hanging": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "redirects are not followed"},
		"huge": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); flood(w) }, "it answered 500"},
		"huge head": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			w.WriteHeader(200)
		}, "the request failed"},
		"retry soon": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, "it answered 429"},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			r := receive(t, func(w http.ResponseWriter, r *http.Request, m message) bool {
				if n.Add(1)%3 == 0 { // every third attempt is good
					return false
				}
				fault.do(w, r)
				return true
			})
			p := quick()
			p.timeout = 200 * time.Millisecond
			w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: p})
			w.join("ann")
			w.join("bob")
			r.until("both", func() bool { return len(r.told()) == 2 })
			w.join("cleo")
			r.want("client.online ann", "client.online bob", "client.online cleo")
			r.until("the cursor moves", func() bool { return w.status().Failing == 0 })
			found := false
			for _, a := range w.h.Attempts(w.status().ID) {
				found = found || strings.Contains(a.Err, fault.says)
			}
			if !found {
				t.Errorf("no attempt failed with %q: %+v", fault.says, w.h.Attempts(w.status().ID))
			}
			for _, m := range r.messages() {
				if strings.Contains(m.ID, "elsewhere") {
					t.Error("a redirect was followed")
				}
			}
		})
	}
}

// flood writes until the reader stops.
func flood(w http.ResponseWriter) {
	for {
		if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
			return
		}
	}
}

// An answer of 200 counts however much follows, and little of it is read.
func TestHugeAnswerOfSuccess(t *testing.T) {
	r := receive(t, nil)
	r.fault = func(w http.ResponseWriter, _ *http.Request, m message) bool {
		r.accept(m)
		flood(w)
		return true
	}
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}})
	w.join("ann")
	r.until("it counts", func() bool { return w.status().Delivered == 1 })
	if n := len(r.messages()); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

// The same attempts of a message have the same id and the same body.
func TestAttemptsAreTheSameMessage(t *testing.T) {
	var n atomic.Int32
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, m message) bool {
		if n.Add(1) < 5 {
			w.WriteHeader(503)
			return true
		}
		return false
	})
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}})
	w.join("ann", "room")
	r.until("it is taken", func() bool { return len(r.told()) == 3 })
	all := r.messages()
	for _, m := range all {
		if fmt.Sprint(m) != fmt.Sprint(all[0]) {
			t.Errorf("attempts differ: %v and %v", m, all[0])
		}
	}
	if len(all) != 5 {
		t.Errorf("sent %d times", len(all))
	}
}

// One endpoint that hangs delays no other one.
func TestHangingEndpointBlocksNobody(t *testing.T) {
	hanging := receive(t, func(_ http.ResponseWriter, r *http.Request, _ message) bool { <-r.Context().Done(); return true })
	good := receive(t, nil)
	p := quick()
	p.timeout, p.closing = time.Hour, time.Millisecond
	w := begin(t, Options{Endpoints: []Endpoint{hanging.endpoint(), good.endpoint()}, pace: p})
	w.join("ann")
	hanging.until("it hangs", func() bool { return len(hanging.messages()) == 1 })
	w.join("bob")
	good.want("client.online ann", "client.online bob")
}

func TestWrongCertificate(t *testing.T) {
	r := &receiver{t: t, secret: secretA, seen: map[string]bool{}, wake: make(chan struct{}, 1)}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	p := quick()
	p.closing = time.Millisecond
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: p})
	w.join("ann")
	r.until("it fails", func() bool { return strings.Contains(w.status().LastErr, "its certificate is not trusted") })
	if len(r.messages()) > 0 {
		t.Error("something was sent to a server that nobody vouches for")
	}
	trusted := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, roots: trusting(r.Server)})
	trusted.join("bob")
	r.want("client.online bob")
}

// After ten minutes, here two seconds, a batch is a dead letter; an operator may send it again.
func TestDeadLetters(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		if broken.Load() {
			w.WriteHeader(500)
		}
		return broken.Load()
	})
	p := quick()
	p.giveUp = 2 * time.Second
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: p})
	w.join("ann")
	r.until("the letter is dead", func() bool { return w.status().Dead == 1 })
	broken.Store(false)
	w.join("bob") // others go on
	r.want("client.online bob")
	id := w.status().ID
	letters, err := w.h.Letters(context.Background(), id, 10)
	if err != nil || len(letters) != 1 || letters[0].Events != 1 || !strings.Contains(letters[0].Reason, "500") {
		t.Fatalf("the dead letters are %+v, %v", letters, err)
	}
	broken.Store(true)
	if a, known, err := w.h.Revive(context.Background(), id, letters[0].Seq); a.OK() || !known || err != nil || w.status().Dead != 1 {
		t.Errorf("a letter that is refused again: %+v %v %v", a, known, err)
	}
	broken.Store(false)
	if a, known, err := w.h.Revive(context.Background(), id, letters[0].Seq); !a.OK() || !known || err != nil || w.status().Dead != 0 {
		t.Errorf("a letter that is taken: %+v %v %v", a, known, err)
	}
	r.want("client.online bob", "client.online ann")
	if _, known, _ := w.h.Revive(context.Background(), id, letters[0].Seq); known {
		t.Error("a letter that was taken is still there")
	}
}

// An operator needn't wait for the next attempt.
func TestRetryNow(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		if broken.Load() {
			w.WriteHeader(500)
		}
		return broken.Load()
	})
	p := quick()
	p.first, p.most = time.Hour, time.Hour
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: p})
	w.join("ann")
	r.until("it waits", func() bool { return !w.status().NextAt.IsZero() })
	broken.Store(false)
	if !w.h.Retry(w.status().ID) || w.h.Retry("nobody") {
		t.Error("Retry does not know its endpoints")
	}
	r.want("client.online ann")
	a := w.h.Attempts(w.status().ID)
	if answer, known := w.h.SendAgain(context.Background(), w.status().ID, a[0].Seq); !known || !answer.OK() {
		t.Errorf("sending again: %+v %v", answer, known)
	}
	if n := len(r.messages()); n != 3 {
		t.Errorf("sent %d messages, want 3", n)
	}
}

// broken is a store that can't be used at times.
type broken struct {
	outbox.Store
	now atomic.Bool
}

func (b *broken) Append(ctx context.Context, after uint64, data []byte) error {
	if b.now.Load() {
		return outbox.ErrUnavailable
	}
	return b.Store.Append(ctx, after, data)
}

func TestStoreOutage(t *testing.T) {
	r := receive(t, nil)
	store := &broken{Store: outbox.NewMemory(1 << 20)}
	store.now.Store(true)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: store})
	ann := w.join("ann")
	w.h.Ended("ann", "gone")
	w.leave(ann)
	w.join("bob")
	store.now.Store(false)
	r.want("client.online ann", "stream.ended ann gone", "client.offline ann", "client.online bob")
}

// While the store can't be used, what waits is reduced to the last change of each membership.
func TestIntakeIsBounded(t *testing.T) {
	r := receive(t, nil)
	store := &broken{Store: outbox.NewMemory(64 << 20)}
	store.now.Store(true)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: store})
	edges := make([]presence.Edge, 0, maxQueue+2)
	for i := range maxQueue + 2 {
		kind := []presence.Kind{presence.Join, presence.Leave}[i%2]
		edges = append(edges, presence.Edge{Kind: kind, Channel: presence.Everyone, ClientID: fmt.Sprint("u", i/2%7), Time: time.Now()})
	}
	w.h.Edges(edges)
	w.join("last")
	r.until("it is reduced", func() bool { return w.h.Dropped() > 0 })
	store.now.Store(false)
	r.want("client.online last")
}
