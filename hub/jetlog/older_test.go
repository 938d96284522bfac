package jetlog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// readOlder reads the channels from a position to the head: first what only the stream
// has, then what the mirror has.
func readOlder(t *testing.T, l *Log, channels []string, after uint64, limit eventlog.Limit) (seqs []uint64, gaps []string) {
	t.Helper()
	use := func(b eventlog.Batch) {
		for _, r := range b.Records {
			if r.Seq <= after || r.Seq > b.Through {
				t.Fatalf("event %d behind %d, through %d", r.Seq, after, b.Through)
			}
			after = r.Seq
			seqs = append(seqs, r.Seq)
		}
		for _, g := range b.Gaps {
			gaps = append(gaps, g.Channel)
		}
		after = b.Through
	}
	for done := false; !done; {
		b, err := l.Older(context.Background(), channels, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if limit.Events > 0 && len(b.Records) > limit.Events {
			t.Fatalf("%d records with a limit of %d", len(b.Records), limit.Events)
		}
		use(b)
		done = b.Done
	}
	use(l.Next(&eventlog.Cursor{Channels: channels, After: after}, eventlog.Limit{}, nil))
	slices.Sort(gaps)
	return seqs, slices.Compact(gaps)
}

// What the stream has of a channel is read backwards from any number, as many as are asked for: of channels that are
// published to all the time, and of those that had a burst and then nothing.
func TestOlderBefore(t *testing.T) {
	l := open(t, newFleet(t, 1).link(), Options{Mirror: eventlog.Options{Events: 3}})
	at := make(map[string][]uint64)
	add := func(c string, n int) {
		var batch []eventlog.Event
		for i := range n {
			batch = append(batch, ev(c, i))
		}
		for _, r := range publish(t, l, batch...) {
			at[c] = append(at[c], r.Seq)
		}
	}
	add("once", 1)
	add("burst", 200)
	for range 40 {
		add("often", 3)
		add("other", 9)
	}
	add("burst", 1)
	for _, c := range []string{"once", "burst", "often", "never"} {
		for before := uint64(0); before <= l.Head().Seq+2; before += 1 + before/3 {
			for _, n := range []int{1, 5, 1000} {
				recs, err := l.OlderBefore(t.Context(), c, before, eventlog.Limit{Events: n})
				if err != nil {
					t.Fatal(err)
				}
				var got []uint64
				for _, r := range recs {
					got = append(got, r.Seq)
				}
				end, _ := slices.BinarySearch(at[c], before)
				if want := at[c][max(0, end-n):end]; !slices.Equal(got, want) {
					t.Fatalf("%s has %d before %d, want %d", c, got, before, want)
				}
			}
		}
	}
}

// What the mirror dropped and the stream has is read as one log, from any position.
func TestOlder(t *testing.T) {
	link := newFleet(t, 1).link()
	opts := Options{Mirror: eventlog.Options{Events: 3}}
	l := open(t, link, opts)
	at := make(map[string][]uint64)
	for i := range 30 {
		for _, c := range []string{"a", "b", "c"}[:1+i%3] {
			at[c] = append(at[c], publish(t, l, ev(c, i))[0].Seq)
		}
	}
	many := []string{"a", "b", "c"} // those that the mirror has in full are not read
	for i := range 2 * MaxOlder {
		c := fmt.Sprint("more", i)
		many = append(many, c)
		at[c] = append(at[c], publish(t, l, ev(c, i))[0].Seq)
	}
	at["a"] = append(at["a"], publish(t, l, ev("a", 30))[0].Seq)
	head := l.Head().Seq
	for _, set := range [][]string{{"a"}, {"a", "b"}, {"c", "a", "never", "b"}, many} {
		for after := uint64(0); after <= head; after += 1 + after/2 {
			var want []uint64
			for _, c := range set {
				for _, seq := range at[c] {
					if seq > after {
						want = append(want, seq)
					}
				}
			}
			slices.Sort(want)
			for _, limit := range []eventlog.Limit{{}, {Events: 4}, {Bytes: 2000}} {
				if got, gaps := readOlder(t, l, set, after, limit); !slices.Equal(got, want) || len(gaps) != 0 {
					t.Fatalf("%q after %d, %+v: %v and gaps %q, want %v", set, after, limit, got, gaps, want)
				}
			}
		}
	}
	old, err := l.Older(context.Background(), []string{"a"}, 0, eventlog.Limit{Events: 1})
	if err != nil || old.Records[0].Channel() != "a" || string(old.Records[0].Payload()) != "0" || old.Records[0].Timestamp() == "" {
		t.Errorf("the first record: %+v, %v", old.Records, err)
	}
}

// Holes of the stream itself are announced: a purge, and events that it dropped.
func TestOlderGaps(t *testing.T) {
	link := newFleet(t, 1).link()
	opts := fresh(Options{Mirror: eventlog.Options{Events: 2}})
	narrow(t, link, opts, 5)
	l := open(t, link, opts)
	publish(t, l, ev("first", 0))
	for i := range 4 {
		publish(t, l, ev("purged", i))
	}
	if _, err := l.Purge(context.Background(), "purged"); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		publish(t, l, ev("purged", i), ev("whole", i))
	}
	for i := range 9 {
		publish(t, l, ev("full", i))
	}
	seqs, gaps := readOlder(t, l, []string{"first", "purged", "whole", "full"}, 0, eventlog.Limit{})
	if len(seqs) != 1+4+4+5 || !slices.Equal(gaps, []string{"full", "purged"}) {
		t.Errorf("%d events, gaps of %q", len(seqs), gaps)
	}
	if _, gaps := readOlder(t, l, []string{"purged", "whole"}, 6, eventlog.Limit{}); len(gaps) != 0 {
		t.Errorf("gaps of %q behind the purge", gaps)
	}
}

// The newest event of a channel that the mirror could not load is found in the stream.
func TestLastOlder(t *testing.T) {
	link := newFleet(t, 1).link()
	l := open(t, link, Options{})
	publish(t, l, ev("quiet", 1), ev("quiet", 2))
	var many []string
	for i := range 2*MaxOlder + 1 {
		many = append(many, fmt.Sprint("quiet", i))
		publish(t, l, ev(many[i], i))
	}
	for i := range 1000 {
		publish(t, l, ev("busy", i))
	}
	closeLog(t, l)
	l = open(t, link, Options{Mirror: eventlog.Options{Budget: 64 << 10}})
	channels := []string{"busy", "quiet", "never"}
	_, last := l.Last(channels)
	if last[0] == nil || last[1] != nil {
		t.Fatalf("the mirror has %v", last)
	}
	recs, err := l.LastOlder(context.Background(), channels)
	if err != nil || recs[0] != nil || recs[2] != nil || recs[1] == nil || recs[1].Seq != 2 {
		t.Errorf("%v, %v", recs, err)
	}
	recs, err = l.LastOlder(context.Background(), many)
	for i, r := range recs {
		if r == nil || r.Channel() != many[i] || r.Seq != uint64(3+i) || string(r.Payload()) != fmt.Sprint(i) {
			t.Fatalf("the last event of %s is %+v, %v", many[i], r, err)
		}
	}
	if b, err := l.Older(context.Background(), many, 0, eventlog.Limit{}); err != nil || !b.Done || b.Through != 0 || len(b.Records) > 0 {
		t.Errorf("Older of too many channels: %+v, %v", b, err)
	}
}

// Events that expire or are purged while a page is read are announced as a gap.
func TestOlderExpiresMeanwhile(t *testing.T) {
	for name, drop := range map[string]func(t *testing.T, behind *Log){
		"the oldest of the stream": func(t *testing.T, behind *Log) {
			stream, err := behind.link.js.Stream(context.Background(), behind.opts.Stream)
			check(t, err)
			check(t, stream.Purge(context.Background(), jetstream.WithPurgeSequence(16)))
		},
		"a purge": func(t *testing.T, behind *Log) {
			_, err := behind.Purge(context.Background(), "a")
			check(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 1)
			behind := open(t, f.link(), Options{})
			r := newRelay(t, f.url(0))
			l := open(t, r.link(t), Options{Mirror: eventlog.Options{Events: 2}})
			for i := range 30 {
				publish(t, behind, ev("a", i))
			}
			caughtUp(t, l, 30)
			var once sync.Once
			r.between(func(m *nats.Msg) []*nats.Msg {
				var request getRequest
				if is(m, "DIRECT.GET") && json.Unmarshal(m.Data, &request) == nil && request.Batch > 0 {
					once.Do(func() { drop(t, behind) })
				}
				return []*nats.Msg{m}
			}, nil)
			b, err := l.Older(context.Background(), []string{"a"}, 5, eventlog.Limit{})
			if err != nil || len(b.Gaps) != 1 || b.Gaps[0].Channel != "a" {
				t.Errorf("%d events, gaps %v, %v", len(b.Records), b.Gaps, err)
			}
		})
	}
}

// A replica that has not caught up answers without the newest events: those are not
// passed over.
func TestOlderFromStaleReplica(t *testing.T) {
	f := newFleet(t, 1)
	r := newRelay(t, f.url(0))
	l := open(t, r.link(t), Options{Mirror: eventlog.Options{Events: 2}})
	for i := range 30 {
		publish(t, l, ev("a", i))
	}
	l.life.config.Replicas = 3
	var stale atomic.Int32
	r.between(func(m *nats.Msg) []*nats.Msg {
		var request getRequest
		if is(m, "DIRECT.GET") && json.Unmarshal(m.Data, &request) == nil && request.Batch > 0 && stale.Add(1) < 3 { // it has the events through 20
			request.Batch = 15
			m.Data, _ = json.Marshal(request)
		}
		return []*nats.Msg{m}
	}, func(m *nats.Msg) []*nats.Msg {
		if stale.Load() > 0 && headerValue(m.Header, "Status") == "204" {
			m.Header.Set("Nats-Num-Pending", "0")
		}
		return []*nats.Msg{m}
	})
	seqs, gaps := readOlder(t, l, []string{"a"}, 5, eventlog.Limit{})
	if len(seqs) != 25 || len(gaps) != 0 {
		t.Errorf("%v, gaps of %q", seqs, gaps)
	}
}
