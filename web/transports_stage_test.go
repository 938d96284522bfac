package web_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// patience is how long a test waits for what must happen before it gives up. No
// test waits for it to pass.
const patience = webtest.Patience

// way is one way in which streams reach the real server.
type way struct {
	name    string
	proto   string // of the requests
	tls     bool
	unix    bool
	wrapped bool                         // connections are of an unknown type
	net     bool                         // HTTP/2 is net/http's
	foreign string                       // the handler is mounted in another server: "context" with ConnContext, "bare" without
	listen  func() (net.Listener, error) // nil: on loopback
	snug    bool                         // the server's send buffers are small: a reader that stops is soon noticed
}

var ways = []way{
	{name: "clear", proto: "HTTP/1.1"},
	{name: "HTTP 1.0", proto: "HTTP/1.0"},
	{name: "TLS", proto: "HTTP/1.1", tls: true},
	{name: "TLS of others", proto: "HTTP/1.1", tls: true, wrapped: true},
	{name: "HTTP 2", proto: "HTTP/2.0", tls: true},
	{name: "HTTP 2 of net", proto: "HTTP/2.0", tls: true, net: true},
	{name: "h2c", proto: "HTTP/2.0"},
	{name: "unix", proto: "HTTP/1.1", unix: true},
	{name: "wrapped", proto: "HTTP/1.1", wrapped: true},
	{name: "foreign", proto: "HTTP/1.1", foreign: "context"},
	{name: "foreign bare", proto: "HTTP/1.1", foreign: "bare"},
}

// overWays runs a test over every way, each with a server of its own.
func overWays(t *testing.T, opts web.Options, test func(t *testing.T, s *stage)) {
	overSomeWays(t, opts, false, test)
}

// overSnugWays is overWays with small send buffers.
func overSnugWays(t *testing.T, opts web.Options, test func(t *testing.T, s *stage)) {
	overSomeWays(t, opts, true, test)
}

func overSomeWays(t *testing.T, opts web.Options, snug bool, test func(t *testing.T, s *stage)) {
	t.Parallel()
	for _, w := range ways {
		w.snug = snug
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, w.start(t, opts))
		})
	}
}

// opaqueListener hides what its connections are.
type opaqueListener struct{ net.Listener }

func (l opaqueListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return opaqueConn{conn}, nil
}

type opaqueConn struct{ net.Conn }

// snugListener gives its connections small send buffers.
type snugListener struct{ net.Listener }

func (l snugListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		err = conn.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(64 << 10)
	}
	return conn, err
}

func (l snugListener) SyscallConn() (syscall.RawConn, error) {
	return l.Listener.(syscall.Conn).SyscallConn()
}

// stage is a server that is reached in one way.
type stage struct {
	*testing.T
	way
	srv  *web.Server
	addr net.Addr
	ends *endings
}

// start serves with the given options until the end of the test.
func (w way) start(t *testing.T, opts web.Options) *stage {
	t.Helper()
	s := &stage{T: t, way: w, ends: &endings{changed: make(chan struct{})}}
	opts.AnyHost = true
	opts.NetHTTP2 = w.net
	opts.H2C = w.proto == "HTTP/2.0" && !w.tls
	opts.Log = slog.New(s.ends)
	listen := w.listen
	if listen == nil {
		listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	}
	if w.unix {
		listen = func() (net.Listener, error) { return net.Listen("unix", filepath.Join(t.TempDir(), "s")) }
	}
	l, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr()
	if w.snug {
		l = snugListener{l}
	}
	if w.wrapped {
		l = opaqueListener{l}
	}
	if w.tls {
		l = web.TLSListener(l, serverTLS())
	}
	if opts.PresenceGrace == 0 {
		opts.PresenceGrace = -1
	}
	if s.srv, err = web.New(opts); err != nil {
		t.Fatal(err)
	}
	serve, stop := s.srv.Serve, s.srv.Close
	if w.foreign != "" {
		other := &http.Server{Handler: s.srv.Handler()}
		if w.foreign == "context" {
			other.ConnContext = web.ConnContext
		}
		serve = func(l net.Listener) error {
			if err := other.Serve(l); err != http.ErrServerClosed {
				return err
			}
			return nil
		}
		stop = func() error { s.srv.Close(); return other.Close() }
	}
	served := make(chan error, 1)
	go func() { served <- serve(l) }()
	t.Cleanup(func() {
		_ = stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := s.srv.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
	return s
}

var serverTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}},
		NextProtos:   []string{"h2", "http/1.1"},
	}
})

// call has the server answer a request that comes on no connection.
func (s *stage) call(method, target string, body any, answer any) int {
	s.Helper()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	w := httptest.NewRecorder()
	s.srv.Handler().ServeHTTP(w, httptest.NewRequest(method, target, bytes.NewReader(text)))
	if answer != nil && w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
			s.Fatalf("%s %s: %v in %q", method, target, err, w.Body)
		}
	}
	return w.Code
}

// post is an event: to publish, or published and then with its id.
type post struct {
	Channel string `json:"channelName"`
	Type    string `json:"type"`
	Payload string `json:"payload"`
	ID      string `json:"-"`
}

func (p post) seq(t testing.TB) uint64 {
	t.Helper()
	_, digits, _ := strings.Cut(p.ID, "-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		t.Fatalf("id %q", p.ID)
	}
	return n
}

// say is the event with this payload.
func say(channel, payload string) post {
	return post{Channel: channel, Type: "message", Payload: payload}
}

// publish publishes a batch and returns it with the ids.
func (s *stage) publish(batch ...post) []post {
	s.Helper()
	var answer struct{ Events []struct{ ID string } }
	if code := s.call("POST", "/publish", map[string]any{"events": batch}, &answer); code != http.StatusOK || len(answer.Events) != len(batch) {
		s.Fatalf("publishing %d events: %d, ids for %d", len(batch), code, len(answer.Events))
	}
	batch = slices.Clone(batch)
	for i := range batch {
		batch[i].ID = answer.Events[i].ID
	}
	return batch
}

// connection is what the presence API says of a client's only connection.
type connection struct {
	ConnectionID, Protocol string
	Channels               []string
	EventsSent, BytesSent  uint64
	Behind                 int
}

// connection returns false if the client is not online.
func (s *stage) connection(clientID string) (connection, bool) {
	s.Helper()
	var answer struct{ Connections []connection }
	if s.call("GET", "/presence/clients/"+url.PathEscape(clientID), nil, &answer) != http.StatusOK || len(answer.Connections) == 0 {
		return connection{}, false
	}
	return answer.Connections[0], true
}

// online counts the clients that are online.
func (s *stage) online() int {
	s.Helper()
	var answer struct{ Total int }
	s.call("GET", "/presence/clients", nil, &answer)
	return answer.Total
}

func (s *stage) wantGone(clientID string) {
	s.Helper()
	if _, there := s.connection(clientID); there {
		s.Errorf("%s is still online", clientID)
	}
	if code := s.call("GET", "/presence/clients/"+clientID, nil, nil); code != http.StatusNotFound {
		s.Errorf("%s: %d, want 404", clientID, code)
	}
	until(s, "the stream is counted no more", func() bool { return s.srv.Streams() == 0 })
}

// stall publishes until the client, which reads nothing, can be sent no more, and
// returns what was published. Every event is new and has this many bytes.
func (s *stage) stall(clientID, channel string, size int) []post {
	s.Helper()
	filler := strings.Repeat("x", size)
	var all []post
	var last connection
	for still := 0; still < 5; {
		for range 10 {
			all = append(all, s.publish(say(channel, strconv.Itoa(len(all))+filler))...)
		}
		now, there := s.connection(clientID)
		if !there {
			s.Fatalf("%s has left", clientID)
		}
		if now.Behind > 10 && now.BytesSent == last.BytesSent {
			still++
		} else {
			still = 0
		}
		last = now
		if len(all)*size > 256<<20 {
			s.Fatal("the stream takes everything")
		}
	}
	return all
}

// until waits until cond holds, if no event reports it.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !cond(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// endings is a log handler that collects how streams ended.
type endings struct {
	mu      sync.Mutex
	reasons map[string]string // by clientId
	changed chan struct{}     // closed at the next one
}

func (e *endings) Enabled(context.Context, slog.Level) bool { return true }
func (e *endings) WithAttrs([]slog.Attr) slog.Handler       { return e }
func (e *endings) WithGroup(string) slog.Handler            { return e }

func (e *endings) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "stream ended" {
		return nil
	}
	attrs := make(map[string]string)
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reasons == nil {
		e.reasons = make(map[string]string)
	}
	e.reasons[attrs["clientId"]] = attrs["reason"]
	close(e.changed)
	e.changed = make(chan struct{})
	return nil
}

// of returns why the client's stream ended, "" while it has not, and a channel
// that is closed when another stream ends.
func (e *endings) of(clientID string) (string, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reasons[clientID], e.changed
}

// wantEnd waits until the client's stream has ended and checks why.
func (s *stage) wantEnd(clientID, reason string) {
	s.Helper()
	late := time.After(patience)
	for {
		why, changed := s.ends.of(clientID)
		if why != "" {
			if why != reason {
				s.Errorf("%s: the stream ended as %q, want %q", clientID, why, reason)
			}
			return
		}
		select {
		case <-changed:
		case <-late:
			s.Fatalf("%s: the stream has not ended", clientID)
		}
	}
}

// brief shortens what a failure shows.
func brief(v any) string {
	text := fmt.Sprintf("%+v", v)
	return text[:min(len(text), 300)]
}
