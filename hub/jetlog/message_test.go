package jetlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// hostile are names that mean something to NATS, or would if they were not encoded.
var hostile = []string{
	".", "..", "a..b", "*x", "x>", "a.*b", "a b", "\u00a0a\u00a0", "a\u2028b", "$", "a$JS.API", "_INBOX.x", "purge", "a.purge",
	"%2F", "%", "é", "e\u0301", "☃", "\U0001F600", "-", "_", "~", "=", "+", "/", strings.Repeat("x", 255), strings.Repeat("ÿ", 127),
	"{{1}}", "a\\b", `"`, "'", "<b>", "A", "a",
}

func TestSubjectsMapOneToOne(t *testing.T) {
	n := names{"p", "e.1"}
	seen := make(map[string]string)
	for _, name := range hostile {
		for _, purge := range []bool{false, true} {
			subject := n.event(name)
			if purge {
				subject = n.purge(name)
			}
			if strings.ContainsAny(subject, "*> \t\r\n") || strings.Contains(subject, "..") || !strings.HasPrefix(subject, "p.e~1.") {
				t.Errorf("%q becomes the subject %q", name, subject)
			}
			if other, ok := seen[subject]; ok {
				t.Errorf("%q and %q are one subject", name, other)
			}
			seen[subject] = name
			epoch, channel, gotPurge, err := n.read(subject)
			if err != nil || epoch != "e.1" || channel != name || gotPurge != purge {
				t.Errorf("%q comes back as %q %q %v %v", name, epoch, channel, gotPurge, err)
			}
		}
	}
	for _, subject := range []string{"", "p", "p.e", "p.e.", "p.e.!", "q.e.YQ", "p.e.YQ.other", "p.e.YQ.purge.x", "p.e.YR"} {
		if _, _, _, err := n.read(subject); err == nil {
			t.Errorf("%q is taken for ours", subject)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range append(hostile, "", " ", "a\r\nNats-Msg-Id: x", "\x00", "%41") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := escape(s)
		if strings.ContainsFunc(e, func(c rune) bool { return c <= ' ' || c > '~' }) {
			t.Errorf("%q becomes %q", s, e)
		}
		if got, err := unescape(e); err != nil || got != s {
			t.Errorf("%q comes back as %q, %v", s, got, err)
		}
	})
}

// Whatever may be published comes back as it was, now and after a restart.
func TestHostileNames(t *testing.T) {
	link := newFleet(t, 1).link()
	l := open(t, link, Options{})
	var events []eventlog.Event
	for i, name := range hostile {
		typ := []rune(name)
		e := eventlog.Event{Channel: name, Type: string(typ[:min(len(typ), 16)]), Payload: fmt.Appendf(nil, "[ %d ,\n\"\\r\"]", i), Key: name[:1]}
		if strings.TrimSpace(name) == "" || eventlog.CheckType(e.Type) != nil {
			e.Type = " t "
		}
		events = append(events, e)
	}
	results := publish(t, l, events...)
	check := func(l *Log) {
		t.Helper()
		for i, e := range events {
			b := l.Next(&eventlog.Cursor{Channels: []string{e.Channel}}, eventlog.Limit{}, nil)
			want := strings.ReplaceAll(string(e.Payload), "\n", " ")
			if len(b.Records) != 1 || len(b.Gaps) != 0 {
				t.Errorf("%q keeps %d events, gaps %v", e.Channel, len(b.Records), b.Gaps)
			} else if r := b.Records[0]; r.Channel() != e.Channel || r.Type() != e.Type || string(r.Payload()) != want || r.Seq != results[i].Seq {
				t.Errorf("got %d %q %q %q, want %d %+v", r.Seq, r.Channel(), r.Type(), r.Payload(), results[i].Seq, e)
			}
		}
	}
	check(l)
	again := publish(t, l, events...)
	for i, r := range again {
		if want := (eventlog.Result{Seq: results[i].Seq, Duplicate: true}); r != want {
			t.Errorf("%q again: %+v, want %+v", events[i].Channel, r, want)
		}
	}
	closeLog(t, l)
	check(open(t, link, Options{}))
}

// A message that is not ours is ignored, and the order goes on.
func TestForeignMessage(t *testing.T) {
	link := newFleet(t, 1).link()
	l := open(t, link, Options{})
	publish(t, l, ev("a", 1))
	for _, m := range []*nats.Msg{
		{Subject: l.life.root() + "!", Data: []byte("x")},
		{Subject: l.life.event("a"), Data: []byte("x")},
		{Subject: l.life.event("a"), Data: []byte("x"), Header: nats.Header{headType: {"%"}}},
		{Subject: l.life.event("a"), Data: []byte("x"), Header: nats.Header{headType: {"t%0adata: forged"}}},
		{Subject: l.life.event("a"), Data: []byte("x"), Header: nats.Header{headType: {"gap"}}},
	} {
		if _, err := link.nc.RequestMsg(m, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, l, ev("a", 2))
	if got := read(l, "a"); !slices.Equal(got, []string{"1 a message 1", "7 a message 2"}) {
		t.Errorf("got %q", got)
	}
}

func TestTooMany(t *testing.T) {
	link := newFleet(t, 1).link()
	l := open(t, link, Options{})
	events := make([]eventlog.Event, MaxBatch+1)
	for i := range events {
		events[i] = ev("a", i)
	}
	if _, err := l.Append(context.Background(), events); !errors.Is(err, ErrTooMany) {
		t.Errorf("Append: %v", err)
	}
	if r := publish(t, l, events[1:]...); len(r) != MaxBatch || r[MaxBatch-1].Seq != MaxBatch {
		t.Errorf("%d results", len(r))
	}
	large := ev("a", 1)
	large.Payload = []byte(`"` + strings.Repeat("x", 9<<20) + `"`)
	if _, err := l.Append(context.Background(), []eventlog.Event{large}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Append: %v", err)
	}
}
