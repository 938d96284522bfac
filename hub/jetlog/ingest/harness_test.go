package ingest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
	"rollcall/hub/jetlog/internal/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

// natsServer is one of this process.
func natsServer(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		NoSigs: true, NoLog: true, JetStream: true, Host: "127.0.0.1", Port: server.RANDOM_PORT, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func connect(t *testing.T, s *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// quick is a pace for tests.
var quick = pace{first: time.Millisecond, again: 5 * time.Millisecond, purge: 5 * time.Millisecond, stale: 30 * time.Second, warn: time.Hour}

// start opens an Ingest that appends to log.
func start(t *testing.T, nc *nats.Conn, opts Options, log eventlog.Log) *Ingest {
	t.Helper()
	if opts.Stream == "" {
		opts.Stream = "INGEST"
	}
	if opts.Append == nil {
		opts.Append = log.Append
	}
	if opts.MaxPayload == 0 {
		opts.MaxPayload = 1 << 10
	}
	i, err := open(t.Context(), nc, opts, quick)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

func newLog(t *testing.T) *eventlog.Memory {
	l := eventlog.NewMemory(eventlog.Options{Events: 100_000, Bytes: 64 << 20})
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// eventsOf returns the kept events of a channel, as text.
func eventsOf(l eventlog.Log, channel string) []string {
	b := l.Next(&eventlog.Cursor{Channels: []string{channel}}, eventlog.Limit{}, nil)
	out := make([]string, len(b.Records))
	for i, r := range b.Records {
		out[i] = r.Type() + " " + string(r.Payload())
	}
	return out
}

// until waits until the condition holds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(40 * time.Second); !ok(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func want(t *testing.T, l eventlog.Log, channel string, events ...string) {
	t.Helper()
	until(t, fmt.Sprintf("%s has %d events", channel, len(events)), func() bool { return len(eventsOf(l, channel)) >= len(events) })
	if got := eventsOf(l, channel); !slices.Equal(got, events) {
		t.Errorf("%s has\n%q, want\n%q", channel, got, events)
	}
}

func send(t *testing.T, nc *nats.Conn, subject, body string, header ...string) {
	t.Helper()
	m := &nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{}}
	for i := 0; i < len(header); i += 2 {
		m.Header.Set(header[i], header[i+1])
	}
	if err := nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
}

// empty waits until everything was purged.
func empty(t *testing.T, i *Ingest) {
	t.Helper()
	until(t, "the stream is empty", func() bool {
		info, err := i.stream.Info(context.Background())
		return err == nil && info.State.Msgs == 0
	})
}
