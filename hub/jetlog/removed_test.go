package jetlog

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// Deleting messages from the stream while a node is away ends its log, and the next one announces the gap.
func TestRemovedWhileAway(t *testing.T) {
	ctx := context.Background()
	remove := func(do func(s jetstream.Stream, l *Log) error) func(t *testing.T, l *Log) {
		return func(t *testing.T, l *Log) {
			s, err := l.link.js.Stream(ctx, l.opts.Stream)
			check(t, err)
			check(t, do(s, l))
		}
	}
	some := func(s jetstream.Stream, _ *Log) error {
		return errors.Join(s.DeleteMsg(ctx, 5), s.DeleteMsg(ctx, 6), s.DeleteMsg(ctx, 9))
	}
	everything := func(s jetstream.Stream, _ *Log) error { return s.Purge(ctx) }
	channel := func(s jetstream.Stream, l *Log) error {
		return s.Purge(ctx, jetstream.WithPurgeSubject(l.life.event("a")))
	}
	for name, c := range map[string]struct {
		remove func(t *testing.T, l *Log)
		more   int
	}{
		"everything":             {remove(everything), 5},
		"everything, no more":    {remove(everything), 0},
		"a channel":              {remove(channel), 5},
		"some messages":          {remove(some), 5},
		"some messages, no more": {remove(some), 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 1)
			r := newRelay(t, f.url(0))
			link := r.link(t)
			l, behind := open(t, link, Options{}), open(t, f.link(), Options{})
			publish(t, behind, ev("a", 0))
			caughtUp(t, l, 1)
			away(t, r, l)
			for i := range 10 {
				publish(t, behind, ev("a", i), ev("b", i))
			}
			c.remove(t, behind)
			for i := range c.more {
				publish(t, behind, ev("b", i))
			}
			r.use(f.url(0))
			<-l.Lost()
			if head := l.Head().Seq; head > 8 {
				t.Errorf("head %d: the hole was passed", head)
			}
			closeLog(t, l)
			l = open(t, link, Options{})
			if _, gaps := readOlder(t, l, []string{"a", "b"}, 1, eventlog.Limit{}); len(gaps) != 2 {
				t.Errorf("gaps of %q", gaps)
			}
		})
	}
}

// away cuts the log's link off.
func away(t *testing.T, r *relay, l *Log) {
	t.Helper()
	r.use("127.0.0.1:1")
	r.cut()
	until(t, "the link is cut off", func() bool { return !l.Status().Connected })
}

// A purge by a server, of events that another one had not read, is announced on its streams.
func TestPurgedWhileAway(t *testing.T) {
	f := newFleet(t, 1)
	r := newRelay(t, f.url(0))
	l, behind := open(t, r.link(t), Options{}), open(t, f.link(), Options{})
	tail := l.Tail(nil)
	defer tail.Close()
	publish(t, behind, ev("a", 0))
	caughtUp(t, l, 1)
	away(t, r, l)
	for i := range 10 {
		publish(t, behind, ev("a", i), ev("b", i))
	}
	if _, err := behind.Purge(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	end := publish(t, behind, ev("b", 10))[0].Seq
	r.use(f.url(0))
	until(t, "the log comes to the end", func() bool { return l.Head().Seq == end || l.Err() != nil })
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, rec := range all(t, tail, end) {
		count[rec.Channel()+" "+rec.Type()]++
	}
	if count["a gap"] == 0 || count["b gap"] != 0 || count["b message"] != 11 {
		t.Errorf("%v", count)
	}
}
