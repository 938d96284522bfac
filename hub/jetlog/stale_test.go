package jetlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// delivered returns the sequence number of a message that a consumer delivers, 0 for
// other messages, and the same message as the last one that its machine has.
func delivered(m *nats.Msg) (seq int, last *nats.Msg) {
	f := strings.Split(m.Reply, ".")
	if len(f) != 9 || f[1] != "ACK" {
		return 0, nil
	}
	seq, _ = strconv.Atoi(f[5])
	f[8] = "0"
	return seq, &nats.Msg{Subject: m.Subject, Reply: strings.Join(f, "."), Header: m.Header, Data: m.Data}
}

// endsAt makes answers about the stream's state those of a machine that has come to last.
func endsAt(last int, answers *atomic.Int32, until int32) change {
	lastSeq := regexp.MustCompile(`"last_seq":\d+`)
	return func(m *nats.Msg) []*nats.Msg {
		if bytes.Contains(m.Data, []byte("stream_info_response")) && answers.Add(1) <= until {
			m.Data = lastSeq.ReplaceAll(m.Data, fmt.Appendf(nil, `"last_seq":%d`, last))
		}
		return []*nats.Msg{m}
	}
}

// A consumer at a machine that is catching up ends before the target: the log waits for
// the rest, and takes nothing for damage.
func TestLoadFromStaleReplica(t *testing.T) {
	f := newFleet(t, 1)
	l := open(t, f.link(), Options{})
	for i := range 20 {
		publish(t, l, ev("a", i))
	}
	r := newRelay(t, f.url(0))
	var consumers atomic.Int32
	r.between(func(m *nats.Msg) []*nats.Msg {
		if is(m, "CONSUMER.CREATE") {
			consumers.Add(1)
		}
		return []*nats.Msg{m}
	}, func(m *nats.Msg) []*nats.Msg {
		seq, last := delivered(m)
		switch end := 5 * int(consumers.Load()); {
		case end < 15 && seq > end:
			return nil
		case end < 15 && seq > 0 && seq == end:
			return []*nats.Msg{last}
		}
		return []*nats.Msg{m}
	})
	late := open(t, r.link(t), Options{})
	if got := read(late, "a"); len(got) != 20 {
		t.Errorf("%d of 20 events", len(got))
	}
	if got := gaps(late, 0, "a", "b"); len(got) > 0 {
		t.Errorf("gaps of %q", got)
	}
	if consumers.Load() < 3 {
		t.Errorf("%d consumers", consumers.Load())
	}
}

// A consumer at a machine that is behind begins at that machine's end: repeated messages are recognised, and the log
// continues.
func TestConsumerAtStaleReplica(t *testing.T) {
	f := newFleet(t, 1)
	r := newRelay(t, f.url(0))
	l := open(t, r.link(t), Options{})
	tail := l.Tail(nil)
	defer tail.Close()
	for i := range 20 {
		publish(t, l, ev("a", i))
	}
	r.between(func(m *nats.Msg) []*nats.Msg {
		if is(m, "CONSUMER.CREATE") {
			m.Data = bytes.ReplaceAll(m.Data, []byte(`"opt_start_seq":21`), []byte(`"opt_start_seq":11`))
		}
		return []*nats.Msg{m}
	}, nil)
	r.cut()
	behind := open(t, f.link(), Options{})
	publish(t, behind, ev("a", 20))
	until(t, "the next event comes", func() bool { return l.Head().Seq == 21 || l.Err() != nil })
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	if recs := all(t, tail, 21); len(recs) != 21 {
		t.Errorf("%d events came", len(recs))
	}
}

// relayed opens a log with n events over a relay. Its link waits for a machine that has not caught up as long as it takes.
func relayed(t *testing.T, n int) (*relay, *Link, *Log) {
	t.Helper()
	r := newRelay(t, newFleet(t, 1).url(0))
	link := r.link(t)
	link.patience = time.Hour
	l := open(t, link, Options{})
	for i := range n {
		publish(t, l, ev("a", i))
	}
	return r, link, l
}

// A leader that has not caught up is asked until it has: the log is not lost, and opening
// another one costs no epoch.
func TestStaleLeader(t *testing.T) {
	r, link, l := relayed(t, 9)
	var answers atomic.Int32
	r.between(nil, endsAt(3, &answers, 3))
	until(t, "the leader has caught up", func() bool { return answers.Load() > 3 || l.Err() != nil })
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	head := publish(t, l, ev("a", 9))[0].Seq
	epoch := l.Head().Epoch
	closeLog(t, l)
	closeLink(t, link)
	answers.Store(0)
	l = open(t, r.link(t), Options{})
	if got := l.Head(); got.Epoch != epoch || got.Seq != head || answers.Load() <= 3 {
		t.Errorf("head %v, before %s-%d, after %d answers", got, epoch, head, answers.Load())
	}
}

// An acknowledgement before what was seen proves at once that the stream was set back,
// and the next log has another epoch though the stream ends behind all that was seen.
func TestAckProvesSetBack(t *testing.T) {
	r, link, l := relayed(t, 9)
	r.between(nil, func(m *nats.Msg) []*nats.Msg {
		m.Data = bytes.ReplaceAll(m.Data, []byte(`"seq":10}`), []byte(`"seq":3}`))
		return []*nats.Msg{m}
	})
	if _, err := l.Append(context.Background(), []eventlog.Event{ev("a", 9)}); !errors.Is(err, ErrUnknown) || l.Err() == nil {
		t.Fatalf("Append: %v, the log: %v", err, l.Err())
	}
	r.between(nil, nil)
	before := l.Head()
	closeLog(t, l)
	if l = open(t, link, Options{}); l.Head().Epoch == before.Epoch {
		t.Errorf("head %v, before %v", l.Head(), before)
	}
}

// A key that the stream knows and the log does not gets no number from a stream that ends before what was seen: it may be
// another event's.
func TestDuplicateOfStreamSetBack(t *testing.T) {
	r, _, l := relayed(t, 9)
	var answers atomic.Int32
	ends := endsAt(3, &answers, 1000)
	r.between(nil, func(m *nats.Msg) []*nats.Msg {
		m.Data = bytes.ReplaceAll(m.Data, []byte(`"seq":10}`), []byte(`"seq":2,"duplicate":true}`))
		return ends(m)
	})
	results, err := l.Append(context.Background(), []eventlog.Event{keyed("a", "k", 9)})
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("Append: %v, %v; want an unknown outcome", results, err)
	}
}

// An idempotency key holds over a change of the epoch: a batch that was stored while the log found out that the stream was
// set back, and whose outcome was unknown for that, is not stored twice when it is sent again.
func TestKeysHoldOverEpochs(t *testing.T) {
	r, link, l := relayed(t, 9)
	r.between(nil, func(m *nats.Msg) []*nats.Msg {
		m.Data = bytes.ReplaceAll(m.Data, []byte(`"seq":11`), []byte(`"seq":3`))
		return []*nats.Msg{m}
	})
	batch := []eventlog.Event{keyed("a", "k1", 9), keyed("b", "k2", 10)}
	if _, err := l.Append(context.Background(), batch); !errors.Is(err, ErrUnknown) || l.Err() == nil {
		t.Fatalf("Append: %v, the log: %v", err, l.Err())
	}
	r.between(nil, nil)
	before := l.Head()
	closeLog(t, l)
	l = open(t, link, Options{})
	if l.Head().Epoch == before.Epoch {
		t.Fatalf("head %v, before %v", l.Head(), before)
	}
	for _, events := range [][]eventlog.Event{batch, batch[:1], {ev("c", 1), batch[1]}} {
		for i, result := range publish(t, l, events...) {
			want := eventlog.Result{Seq: 10, Duplicate: true}
			if events[i].Channel == "b" {
				want.Seq = 11
			}
			if events[i].Key != "" && result != want {
				t.Errorf("%s is stored as %+v, want %+v", events[i].Key, result, want)
			}
		}
	}
}

// A cluster's store that was set back under a log gets another epoch from the next one,
// over another link too.
func TestClusterSetBack(t *testing.T) {
	f := newFleet(t, 1)
	link := f.link()
	link.patience = 100 * time.Millisecond
	l := open(t, link, Options{})
	restart := func(meanwhile func(dir string)) {
		f.stop(0)
		meanwhile(f.opts[0].StoreDir)
		f.start(0)
		f.ready()
	}
	for i := range 8 {
		publish(t, l, ev("a", i))
	}
	backup := scratch(t) + "/store"
	restart(func(dir string) { check(t, os.CopyFS(backup, os.DirFS(dir))) })
	for i := 8; i < 18; i++ {
		until(t, "an event is stored", func() bool {
			_, err := l.Append(context.Background(), []eventlog.Event{ev("a", i)})
			return err == nil
		})
	}
	caughtUp(t, l, 18)
	restart(func(dir string) {
		check(t, os.RemoveAll(dir))
		check(t, os.CopyFS(dir, os.DirFS(backup)))
	})
	<-l.Lost()
	before := l.Head()
	closeLog(t, l)
	closeLink(t, link)
	l = open(t, f.link(), Options{})
	if got := l.Head(); got.Epoch == before.Epoch || got.Seq != 8 || len(read(l, "a")) != 8 {
		t.Errorf("head %v, before %v, %q", got, before, read(l, "a"))
	}
	publish(t, l, ev("a", 8))
}

// Events that other servers store while a stream gets a new epoch are of the former one: logs open behind them.
func TestEventsBeforeTheNewEpoch(t *testing.T) {
	r, link, l := relayed(t, 3)
	nc, err := nats.Connect("nats://" + r.backend)
	check(t, err)
	defer nc.Close()
	var once sync.Once
	r.between(func(m *nats.Msg) []*nats.Msg {
		if is(m, "STREAM.UPDATE") {
			once.Do(func() {
				e := ev("a", 3)
				_, err = nc.RequestMsg(l.life.message(&e), 10*time.Second)
			})
		}
		return []*nats.Msg{m}
	}, nil)
	l.setBack("a test says so")
	before := l.Head()
	closeLog(t, l)
	for range 2 {
		l = open(t, link, Options{})
		check(t, err)
		if got := l.Head(); got.Epoch == before.Epoch || got.Seq < 4 {
			t.Fatalf("head %v, before %v", got, before)
		}
		publish(t, l, ev("a", 4))
		closeLog(t, l)
	}
	if got := read(l, "a"); len(got) != 6 {
		t.Errorf("%q", got)
	}
}

// A position that the stream had before it was set back was assigned, whatever the stream has now: this log does not go on
// behind it.
func TestAwaitStreamThatIsSetBack(t *testing.T) {
	r, _, l := relayed(t, 9)
	var answers atomic.Int32
	r.between(nil, endsAt(3, &answers, 1000))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Await(ctx, 11); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Await: %v", err)
	}
	r.between(nil, nil)
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Await(ctx, 11); !errors.Is(err, eventlog.ErrFuture) {
		t.Errorf("Await of a position that was never assigned: %v", err)
	}
}

// What passes while a cluster starts does not end the attempt to open a log for good.
func TestColdStart(t *testing.T) {
	f := newFleet(t, 1)
	r := newRelay(t, f.url(0))
	nc, err := nats.Connect(f.url(0))
	check(t, err)
	defer nc.Close()
	for _, c := range []struct {
		code, errCode int
		passes        bool
	}{{400, 10005, true}, {503, 10023, true}, {503, 10008, true}, {503, 10009, true}, {500, 10074, false}, {400, 10052, false}} {
		r.between(func(m *nats.Msg) []*nats.Msg {
			if !is(m, "STREAM.CREATE") {
				return []*nats.Msg{m}
			}
			_ = nc.Publish(m.Reply, fmt.Appendf(nil, `{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":%d,"err_code":%d,"description":"no"}}`, c.code, c.errCode))
			return nil
		}, nil)
		_, err := Open(context.Background(), r.link(t), Options{})
		if err == nil || errors.Is(err, ErrUnavailable) != c.passes {
			t.Errorf("%+v: %v", c, err)
		}
	}
	r.between(nil, nil)
	publish(t, open(t, r.link(t), Options{}), ev("a", 1))
}
