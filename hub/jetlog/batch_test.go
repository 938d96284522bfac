package jetlog

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// A pause in the middle of an atomic batch, with heartbeats, shows no part of it.
func TestBatchWithPause(t *testing.T) {
	f := newFleet(t, 1)
	r := newRelay(t, f.url(0))
	l := open(t, r.link(t), Options{})
	publish(t, l, ev("a", 0))
	var asked atomic.Int32
	seen := make(chan struct{})
	r.between(func(m *nats.Msg) []*nats.Msg {
		if is(m, "STREAM.MSG.GET") {
			asked.Add(1)
		}
		return []*nats.Msg{m}
	}, func(m *nats.Msg) []*nats.Msg {
		switch seq, _ := delivered(m); seq {
		case 3:
			beat := &nats.Msg{Subject: m.Subject, Header: nats.Header{"Status": {"100"}}}
			return []*nats.Msg{m, beat, beat, beat, beat}
		case 4:
			<-seen
		}
		return []*nats.Msg{m}
	})
	done := make(chan error, 1)
	behind := open(t, f.link(), Options{})
	go func() {
		_, err := behind.Append(context.Background(), []eventlog.Event{ev("a", 1), ev("a", 2), ev("b", 3), ev("a", 4)})
		done <- err
	}()
	until(t, "the heartbeats came", func() bool { return asked.Load() > 0 || l.Head().Seq > 1 })
	if head := l.Head().Seq; head != 1 {
		t.Errorf("in the middle of a batch the head is %d", head)
	}
	close(seen)
	check(t, <-done)
	caughtUp(t, l, 5)
	if got := read(l, "a", "b"); len(got) != 5 || l.Err() != nil {
		t.Errorf("%q, %v", got, l.Err())
	}
}

// A batch whose end was taken off the stream does not keep a log from being opened.
func TestBatchAbandoned(t *testing.T) {
	f := newFleet(t, 1)
	l := open(t, f.link(), Options{})
	publish(t, l, ev("a", 0), ev("a", 1), ev("a", 2), ev("a", 3))
	stream, err := l.link.js.Stream(context.Background(), l.opts.Stream)
	check(t, err)
	check(t, errors.Join(stream.DeleteMsg(context.Background(), 3), stream.DeleteMsg(context.Background(), 4)))
	late := open(t, f.link(), Options{})
	if _, gaps := readOlder(t, late, []string{"a"}, 1, eventlog.Limit{}); len(gaps) != 1 {
		t.Errorf("gaps of %q", gaps)
	}
	publish(t, late, ev("a", 4))
}
