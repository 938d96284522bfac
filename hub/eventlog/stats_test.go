package eventlog

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestStatsModel compares a log's statistics, after each step of a random life in which channels are purged too, with
// the model. Readers find the holes of a purge like any others, see TestModel.
func TestStatsModel(t *testing.T) {
	var seen coverage
	purged, shortened := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			s := &statsMachine{machine: newMachine(rt, &seen)}
			defer s.close()
			rt.Repeat(rapid.StateMachineActions(s))
			s.settle(rt)
			purged += s.purged
			shortened += s.shortened
		})
	})
	if seen.lives >= 100 && (purged == 0 || shortened == 0 || seen.gaps == 0) {
		t.Errorf("%d purged, %d shortened: the machine didn't come to all the places it is for", purged, shortened)
	}
}

type statsMachine struct {
	*machine
	purged    int // events
	shortened int // spans of activity
	crowded   uint64
}

// Purge drops what a channel keeps.
func (s *statsMachine) Purge(rt *rapid.T) {
	name := rapid.SampledFrom(s.pool).Draw(rt, "channel")
	n := 0
	for i := range s.md.events {
		if ev := &s.md.events[i]; ev.kept && ev.channel == name {
			ev.kept = false
			n++
		}
	}
	if got := s.m.Purge(name); got != n {
		rt.Fatalf("%d purged of %d", got, n)
	}
	if got := s.m.Purge(name); got != 0 {
		rt.Fatalf("%d purged again", got)
	}
	s.purged += n
	s.observe(rt, false)
}

// Check holds after every step.
func (s *statsMachine) Check(rt *rapid.T) {
	s.machine.Check(rt)
	stats := s.m.Stats()
	kept := s.md.kept(0, s.pool)
	by := make(map[string][]modelEvent)
	for _, ev := range kept {
		by[ev.channel] = append(by[ev.channel], ev)
	}
	want := Stats{Published: uint64(len(s.md.events)), Channels: len(by), Events: len(kept),
		Bytes: stats.Bytes, Budget: s.md.opts.Budget, EvictedForBudget: stats.EvictedForBudget}
	if stats != want || stats.EvictedForBudget < s.crowded || int(stats.EvictedForBudget) > len(s.md.events)-len(kept)-s.purged {
		rt.Fatalf("%+v, want %+v; %d were crowded out before", stats, want, s.crowded)
	}
	s.crowded = stats.EvictedForBudget
	s.checkKept(rt, by)
	s.checkBusiest(rt, kept)
	s.checkPages(rt, kept, by)
}

func (s *statsMachine) checkKept(rt *rapid.T, by map[string][]modelEvent) {
	span := rapid.SampledFrom([]time.Duration{time.Millisecond, 10 * time.Second, time.Minute, time.Hour}).Draw(rt, "span")
	parts := rapid.SampledFrom([]int{1, 7, 60}).Draw(rt, "parts")
	all := make(map[string]Kept)
	for _, k := range s.m.Channels() {
		all[k.Channel] = k
	}
	for i, k := range s.m.Kept(s.pool, span, parts) {
		kept := by[k.Channel]
		if k.Channel != s.pool[i] || k.Events != len(kept) || len(k.Activity) != parts {
			rt.Fatalf("%+v, want %d events and %d parts", k, len(kept), parts)
		}
		short, listed := all[k.Channel]
		if listed != (len(kept) > 0) {
			rt.Fatalf("%q keeps %d events, listed: %v", k.Channel, len(kept), listed)
		}
		if !listed {
			if k.Newest != nil || k.Bytes != 0 || k.Oldest != 0 || k.Span != span || slices.Max(k.Activity) > 0 {
				rt.Fatalf("nothing is kept: %+v", k)
			}
			continue
		}
		if short.Events != k.Events || short.Bytes != k.Bytes || short.Oldest != k.Oldest || short.Newest != k.Newest {
			rt.Fatalf("%+v in the list of all, %+v alone", short, k)
		}
		bytes := 0
		activity := make([]int, parts)
		for _, ev := range kept {
			bytes += ev.size
			if age := time.Since(ev.at); age < k.Span {
				part := 0 // from the newest on
				for int64(age)*int64(parts) >= int64(part+1)*int64(k.Span) {
					part++
				}
				activity[parts-1-part]++
			}
		}
		if k.Bytes != bytes || k.Newest.Seq != kept[len(kept)-1].seq || k.Oldest != time.Since(kept[0].at) || !slices.Equal(k.Activity, activity) {
			rt.Fatalf("%+v, want %d bytes, activity %v", k, bytes, activity)
		}
		shorter := min(max(k.Oldest, time.Second), span)
		lost := s.md.lost(k.Channel) > 0
		if k.Span != span && k.Span != shorter || lost && k.Span != shorter || !lost && s.m.graves.watermark == 0 && k.Span != span {
			rt.Fatalf("%q: the oldest is %v old, something is lost: %v, span %v of %v", k.Channel, k.Oldest, lost, k.Span, span)
		}
		if k.Span < span {
			s.shortened++
		}
	}
}

func (s *statsMachine) checkBusiest(rt *rapid.T, kept []modelEvent) {
	span := rapid.SampledFrom([]time.Duration{time.Millisecond, 10 * time.Second, time.Hour}).Draw(rt, "busy span")
	n := rapid.IntRange(0, 5).Draw(rt, "busy")
	counts := make(map[string]int)
	for _, ev := range kept {
		if time.Since(ev.at) < span {
			counts[ev.channel]++
		}
	}
	got := s.m.Busiest(span, n)
	order := func(a, b Busy) int { return cmp.Or(cmp.Compare(b.Rate, a.Rate), cmp.Compare(a.Channel, b.Channel)) }
	if len(got) != min(n, len(counts)) || !slices.IsSortedFunc(got, order) {
		rt.Fatalf("%+v, want %d of %v", got, n, counts)
	}
	for _, b := range got {
		if least := float64(counts[b.Channel]) / max(span, time.Second).Seconds(); b.Rate < least || least == 0 {
			rt.Fatalf("%+v, %d events within %v", b, counts[b.Channel], span)
		}
	}
	if len(kept) < len(s.md.events) {
		return
	}
	var want []Busy
	for channel, count := range counts {
		want = append(want, Busy{channel, float64(count) / max(span, time.Second).Seconds()})
	}
	slices.SortFunc(want, order)
	if want = want[:min(n, len(want))]; !slices.Equal(got, want) {
		rt.Fatalf("%+v, want %+v", got, want)
	}
}

func (s *statsMachine) checkPages(rt *rapid.T, kept []modelEvent, by map[string][]modelEvent) {
	head := uint64(len(s.md.events))
	before := rapid.Uint64Range(0, head+2).Draw(rt, "before")
	n := rapid.SampledFrom([]int{0, 1, 3, 1000}).Draw(rt, "n")
	seqs := func(recs []*Record) (list []uint64) {
		for _, r := range recs {
			list = append(list, r.Seq)
		}
		return list
	}
	for _, c := range s.pool[:min(len(s.pool), 10)] {
		var want []uint64
		for _, ev := range slices.Backward(by[c]) {
			if (before == 0 || ev.seq < before) && len(want) < n {
				want = append(want, ev.seq)
			}
		}
		if got := seqs(s.m.Page(c, before, n)); !slices.Equal(got, want) {
			rt.Fatalf("%d of %q before %d: %v, want %v", n, c, before, got, want)
		}
	}
	wanted := func(channel string) bool { return channel != s.pool[0] }
	var want []uint64
	for _, ev := range slices.Backward(kept) {
		if ev.seq > before && wanted(ev.channel) && len(want) < n {
			want = append(want, ev.seq)
		}
	}
	recs, through := s.m.Newest(n, before, wanted)
	if got := seqs(recs); !slices.Equal(got, want) || through != head {
		rt.Fatalf("%d newest behind %d: %v through %d, want %v", n, before, got, through, want)
	}
}

// The age of a record is the time since its append.
func TestTailAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, Options{})
		tail := m.Tail(nil)
		defer tail.Close()
		time.Sleep(3 * time.Second)
		publish(t, m, "a", 1)
		r := tail.Next(nil, 1)[0]
		for _, d := range []time.Duration{0, time.Millisecond, time.Hour} {
			before := tail.Age(r)
			time.Sleep(d)
			if got := tail.Age(r) - before; got != d {
				t.Errorf("older by %v in %v", got, d)
			}
		}
		if got := tail.Age(r); got != time.Hour+time.Millisecond {
			t.Errorf("%v old", got)
		}
	})
}

// Everything may be asked for, and channels purged, while everything goes on.
func TestStatsUnderLoad(t *testing.T) {
	m := newMemory(t, Options{Events: 30, Budget: 40_000, MaxLag: 1 << 40})
	names := []string{"c0", "c1", "c2", "c3", "none"}
	var work sync.WaitGroup
	for w := range 2 {
		work.Go(func() {
			for i := range 300 {
				events := make([]Event, 5)
				for k := range events {
					events[k] = Event{Channel: names[(i*w+k)%4], Type: "t", Payload: []byte("1")}
				}
				if _, err := m.Append(context.Background(), events); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		work.Go(func() {
			for i := range 200 {
				for _, k := range append(m.Kept(names, time.Minute, 10), m.Channels()...) {
					sum := 0
					for _, n := range k.Activity {
						sum += n
					}
					if sum > k.Events || (k.Newest == nil) != (k.Events == 0) {
						t.Errorf("%+v", k)
					}
				}
				m.Busiest(time.Second, 3)
				recs, through := m.Newest(20, 5, func(c string) bool { return c != "c1" })
				for _, r := range append(recs, m.Page("c2", 0, 10)...) {
					if r.Channel() == "c1" || r.Timestamp() == "" || r.Seq > m.Head().Seq || through > m.Head().Seq {
						t.Errorf("record %d of %q", r.Seq, r.Channel())
					}
				}
				if n := m.Purge(names[i%5]); n > 30 {
					t.Errorf("%d purged", n)
				}
				m.Stats()
			}
		})
	}
	for range 30 {
		check(t, m)
	}
	work.Wait()
}
