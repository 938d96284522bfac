package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// A message on a plain subject becomes an event of the channel of that name.
func TestMessagesBecomeEvents(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	i := start(t, nc, Options{Subjects: []string{"orders.>", "news"}}, l)
	send(t, nc, "orders.1", `{"state": "paid"}`)
	send(t, nc, "orders.1", "{\n \"state\":\r\n\"sent\"}", HeaderType, "order.sent")
	send(t, nc, "orders.1", "on its way", "Content-Type", "text/plain; charset=utf-8")
	send(t, nc, "orders.1", "42")
	send(t, nc, "orders.1", "42", "Content-Type", "text/plain")
	send(t, nc, "orders.1", "two\nlines \"quoted\"")
	send(t, nc, "orders.1", "")
	send(t, nc, "orders.eu.Zoë", `null`)
	send(t, nc, "other.1", `"not captured"`)
	send(t, nc, "news", `"end"`)
	want(t, l, "orders.1", `message {"state": "paid"}`, `order.sent {"state":"sent"}`, `message "on its way"`, `message 42`, `message "42"`,
		`message "two\u000alines \"quoted\""`, `message ""`)
	want(t, l, "orders.eu.Zoë", `message null`)
	want(t, l, "news", `message "end"`)
	want(t, l, "other.1")
	empty(t, i)
	if st := i.Stats(); st.Published != 9 || st.Refused != 0 || st.Duplicates != 0 || !st.Reading {
		t.Errorf("the counts are %+v", st)
	}
}

// A message that can't be an event is dropped, counted, and logged once in a while; the others pass.
func TestMessagesThatCantBeEvents(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	var text lockedText
	i := start(t, nc, Options{Subjects: []string{"orders.>"}, Log: slog.New(slog.NewTextHandler(&text, nil))}, l)
	bad := []func(){
		func() { send(t, nc, "orders.a,b", "1") },
		func() { send(t, nc, "orders."+strings.Repeat("x", 255), "1") },
		func() { send(t, nc, "orders.1", "1", HeaderType, "goodbye") },
		func() { send(t, nc, "orders.1", "1", HeaderType, strings.Repeat("t", 65)) },
		func() { send(t, nc, "orders.1", "\xff\xfe") },
		func() { send(t, nc, "orders.1", "no JSON", "Content-Type", "application/json") },
		func() { send(t, nc, "orders.1", `"`+strings.Repeat("x", 1<<10)+`"`) },
		func() { send(t, nc, "orders.1", strings.Repeat("\"", 600)) }, // twice as long as JSON
	}
	for n, f := range bad {
		f()
		send(t, nc, "orders.1", strconv.Itoa(n))
	}
	want(t, l, "orders.1", "message 0", "message 1", "message 2", "message 3", "message 4", "message 5", "message 6", "message 7")
	empty(t, i)
	if st := i.Stats(); st.Refused != uint64(len(bad)) || st.Published != uint64(len(bad)) {
		t.Errorf("the counts are %+v", st)
	}
	if log := text.String(); strings.Count(log, "is dropped") != 1 || !strings.Contains(log, "has a comma") {
		t.Errorf("the log is %s", log)
	}
}

type lockedText struct {
	mu sync.Mutex
	strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.String()
}

// A message with the Nats-Msg-Id of an earlier one is not an event again, also after that one was purged.
func TestMessageIDsAreIdempotencyKeys(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	i := start(t, nc, Options{Subjects: []string{"orders.>"}}, l)
	long := strings.Repeat("i", 200)
	for _, id := range []string{"a", "b", long, long + "x"} {
		send(t, nc, "orders.1", `"`+id[:1]+`"`, nats.MsgIdHdr, id)
	}
	want(t, l, "orders.1", `message "a"`, `message "b"`, `message "i"`, `message "i"`)
	empty(t, i)
	for _, id := range []string{"b", long, "a"} {
		send(t, nc, "orders.1", `"again"`, nats.MsgIdHdr, id)
	}
	send(t, nc, "orders.1", `"a"`)
	send(t, nc, "orders.1", `"a"`)
	want(t, l, "orders.1", `message "a"`, `message "b"`, `message "i"`, `message "i"`, `message "a"`, `message "a"`)

	// The log remembers the ids too, if the stream does not.
	i.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "INGEST"); err != nil {
		t.Fatal(err)
	}
	i = start(t, nc, Options{Stream: "OTHER", Subjects: []string{"orders.>"}}, l)
	send(t, nc, "orders.1", `"again"`, nats.MsgIdHdr, "b")
	send(t, nc, "orders.1", `"again"`, nats.MsgIdHdr, long)
	send(t, nc, "orders.1", `"end"`)
	until(t, "the end is there", func() bool { return i.Stats().Published == 1 })
	if n := len(eventsOf(l, "orders.1")); n != 7 || i.Stats().Duplicates != 2 {
		t.Errorf("%d events, %+v", n, i.Stats())
	}
}

// What is published while no server runs is there when one does.
func TestMessagesWaitForAServer(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	start(t, nc, Options{Subjects: []string{"orders.>"}}, l).Close()
	var events []string
	for n := range 300 {
		send(t, nc, "orders.1", strconv.Itoa(n))
		events = append(events, "message "+strconv.Itoa(n))
	}
	i := start(t, nc, Options{Subjects: []string{"orders.>"}}, l)
	want(t, l, "orders.1", events...)
	empty(t, i)
}

// A log that is away for a while loses nothing and changes no order, and an event that it refuses for good holds up no other.
func TestAppendsThatFail(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	var tries atomic.Int64
	fails := []error{eventlog.ErrUnavailable, eventlog.ErrBusy, eventlog.ErrUnknown, eventlog.ErrFull, errors.New("anything else")}
	flaky := func(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
		for n, ev := range events {
			switch string(ev.Payload) {
			case `"ended"`:
				return nil, &eventlog.EndedError{Index: n, Channel: ev.Channel}
			case `"large"`:
				return nil, fmt.Errorf("%w: really", eventlog.ErrTooLarge)
			}
		}
		if n := tries.Add(1); n%3 != 0 {
			err := fails[n%int64(len(fails))]
			if errors.Is(err, eventlog.ErrUnknown) {
				_, _ = l.Append(ctx, events) // it was stored all the same
			}
			return nil, err
		}
		return l.Append(ctx, events)
	}
	i := start(t, nc, Options{Subjects: []string{"orders.>"}, Append: flaky}, l)
	var events []string
	for n := range 500 {
		switch n {
		case 100:
			send(t, nc, "orders.1", "ended")
		case 200:
			send(t, nc, "orders.1", "large")
		}
		send(t, nc, "orders.1", strconv.Itoa(n))
		events = append(events, "message "+strconv.Itoa(n))
	}
	want(t, l, "orders.1", events...)
	empty(t, i)
	if st := i.Stats(); st.Refused != 2 {
		t.Errorf("the counts are %+v", st)
	}
}

// Three servers share the stream. Whichever is the first reads it; servers die before they have purged, and for some time two or all of
// them take themselves for the first. Each message is an event once, in order.
func TestThreeServersAndDeaths(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	const total = 4000
	var first, both atomic.Int64
	type node struct {
		nc *nats.Conn
		i  *Ingest
	}
	boot := func(n int64) *node {
		x := &node{nc: connect(t, s)}
		x.i = start(t, x.nc, Options{Subjects: []string{"orders.>"}, First: func() bool { return both.Load() > 0 || first.Load() == n }}, l)
		return x
	}
	nodes := []*node{boot(0), boot(1), boot(2)}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for n := range total {
			m := &nats.Msg{Subject: fmt.Sprint("orders.", n%3), Data: []byte(strconv.Itoa(n)), Header: nats.Header{}}
			if n%2 == 0 {
				m.Header.Set(nats.MsgIdHdr, fmt.Sprint("id", n))
			}
			if err := nc.PublishMsg(m); err != nil {
				t.Error(err)
			}
			if n%100 == 99 {
				_ = nc.Flush()
				until(t, "the servers keep up", func() bool { return int(l.Head().Seq) > n-1000 })
			}
		}
	}()
	for round := int64(0); ; round++ {
		select {
		case <-sent:
		default:
			before := l.Head().Seq
			until(t, "something is appended", func() bool { return l.Head().Seq > before || l.Head().Seq >= total })
			dying := round % 3
			nodes[dying].nc.Close() // without a last purge
			first.Store((round + 1) % 3)
			both.Store(round % 2)
			nodes[dying].i.Close()
			nodes[dying] = boot(dying)
			continue
		}
		break
	}
	both.Store(0)
	until(t, "all are events", func() bool { return l.Head().Seq >= total })
	empty(t, nodes[first.Load()].i)
	if seq := l.Head().Seq; seq != total {
		t.Errorf("%d messages are %d events", total, seq)
	}
	for c := range 3 {
		got := eventsOf(l, fmt.Sprint("orders.", c))
		var want []string
		for n := c; n < total; n += 3 {
			want = append(want, "message "+strconv.Itoa(n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("orders.%d is not in order, or not complete: %d of %d", c, len(got), len(want))
		}
	}
}

// Messages that were read long ago are read again: another server may have appended them.
func TestStaleMessagesAreReadAgain(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	away := atomic.Bool{}
	away.Store(true)
	var calls atomic.Int64
	opts := Options{Stream: "INGEST", Subjects: []string{"orders.>"}, MaxPayload: 1 << 10, Append: func(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
		if calls.Add(1); away.Load() {
			return nil, eventlog.ErrUnavailable
		}
		return l.Append(ctx, events)
	}}
	p := quick
	p.stale = 20 * time.Millisecond
	i, err := open(t.Context(), nc, opts, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	send(t, nc, "orders.1", "1")
	send(t, nc, "orders.1", "2")
	until(t, "the append was tried", func() bool { return calls.Load() > 20 })
	if err := i.stream.Purge(t.Context(), jetstream.WithPurgeSequence(2)); err != nil { // by another server, with the first one
		t.Fatal(err)
	}
	before := calls.Load()
	until(t, "the append was tried again", func() bool { return calls.Load() > before+20 })
	away.Store(false)
	want(t, l, "orders.1", "message 2")
}

// NATS that goes away and comes back, with what it stored.
func TestNATSRestarts(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	i := start(t, nc, Options{Subjects: []string{"orders.>"}}, l)
	send(t, nc, "orders.1", "1")
	want(t, l, "orders.1", "message 1")
	port, dir := s.Addr().String(), s.JetStreamConfig().StoreDir
	s.Shutdown()
	s.WaitForShutdown()
	host, number, _ := strings.Cut(port, ":")
	n, _ := strconv.Atoi(number)
	again, err := server.NewServer(&server.Options{NoSigs: true, NoLog: true, JetStream: true, Host: host, Port: n, StoreDir: strings.TrimSuffix(dir, "/jetstream")})
	if err != nil {
		t.Fatal(err)
	}
	go again.Start()
	t.Cleanup(func() { again.Shutdown(); again.WaitForShutdown() })
	until(t, "NATS is back", func() bool { return nc.IsConnected() })
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a message is stored", func() bool {
		_, err := js.Publish(context.Background(), "orders.1", []byte("2"), jetstream.WithMsgID("two"))
		return err == nil
	})
	want(t, l, "orders.1", "message 1", "message 2")
	empty(t, i)
}

// The stream is created, takes other subjects at the next start, and never takes a foreign one's.
func TestStreamOfTheSubjects(t *testing.T) {
	s := natsServer(t)
	nc, l := connect(t, s), newLog(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	start(t, nc, Options{Subjects: []string{"orders.>"}}, l).Close()
	i := start(t, nc, Options{Subjects: []string{"orders.*", "news"}}, l)
	send(t, nc, "news", "1")
	want(t, l, "news", "message 1")
	i.Close()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHERS", Subjects: []string{"bills.>"}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		opts Options
		says string
	}{
		{Options{Stream: "OTHERS", Subjects: []string{"bills.>"}}, "not one of Rollcall's"},
		{Options{Stream: "MORE", Subjects: []string{"bills.1"}}, "another stream has some of the subjects"},
		{Options{Stream: "INGEST", Subjects: []string{"bills.1", "news"}}, "another stream has some of the subjects"},
		{Options{Stream: "MORE", Subjects: []string{"a", "a"}}, "in common"},
	} {
		tt.opts.Append = l.Append
		i, err := Open(t.Context(), nc, tt.opts)
		if err == nil {
			i.Close()
			t.Errorf("%+v was opened", tt.opts)
		} else if !strings.Contains(err.Error(), tt.says) || errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("%v, want it to say %q", err, tt.says)
		}
	}
}

func TestCheckSubjects(t *testing.T) {
	for list, says := range map[string]string{
		"orders.>": "", "orders.*.paid,news": "", "orders.*,orders.*.x": "", "a.>,b.>": "", "a": "", "a,a.>": "", "a.*.c,a.b.d": "",
		"": "empty token", "a..b": "empty token", "a.": "empty token", "a b": "space", "a\tb": "control", "a.>.b": "last token",
		">": "must begin with a name", "*.a": "must begin with a name", "$JS.>": "must begin", "$KV.x": "must begin", "_INBOX.>": "must begin",
		"rollcall.>": "must begin", "rollcall-roster-X.>": "must begin", "rollcall": "must begin",
		"a.>,a.b": "in common", "a.*,a.b": "in common", "a.b,a.b": "in common", "a.*.c,a.b.*": "in common", "a.>,a.*.c": "in common",
	} {
		err := CheckSubjects(strings.Split(list, ","))
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", list, err, says)
		}
	}
}
