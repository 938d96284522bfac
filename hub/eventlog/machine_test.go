package eventlog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestModel drives a log with tiny limits through random lives and holds it
// against the model. What must be true:
//
//   - What is kept is what the limits allow and nothing less: an event goes only
//     for its channel's count or bytes, its age, or, oldest first, the budget.
//   - A cursor reads exactly what is kept behind it, in log order, up to its limit.
//   - A reader gets, over all its drops and resumes, each event exactly once, in
//     order, or was told of a gap before: never silence, even past the watermark.
//   - A gap is told exactly where something was lost and wasn't told before. A
//     false one is possible only before the watermark, where tombstones are gone.
//   - Tails get everything since they began. Keys count once.
func TestModel(t *testing.T) {
	var seen coverage
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			s := newMachine(rt, &seen)
			defer s.close()
			rt.Repeat(rapid.StateMachineActions(s))
			s.settle(rt)
		})
	})
	t.Logf("%+v", seen)
	if seen.lives >= 100 && (seen.gaps == 0 || seen.freed == 0 || seen.revived == 0 || seen.watermarks == 0 ||
		seen.falseGaps == 0 || seen.duplicates == 0 || seen.aged == 0 || seen.records == 0) {
		t.Error("the machine didn't come to all the places it is for")
	}
}

// coverage counts what happened in all lives.
type coverage struct {
	lives, records, gaps, falseGaps, freed, revived, watermarks, duplicates, aged int
}

// machine is a state machine of rapid: a log, its model, its readers.
type machine struct {
	seen    *coverage
	m       *Memory
	md      *model
	pool    []string // channel names
	readers []*modelReader
	tails   []*modelTail
	n       int // events made
	full    *Tail

	watermark uint64 // before the last append
}

// modelTail is a tail and its position in the model's events.
type modelTail struct {
	tail *Tail
	next int
}

func newMachine(rt *rapid.T, seen *coverage) *machine {
	opts := Options{
		Events: rapid.IntRange(1, 12).Draw(rt, "events"),
		Bytes:  rapid.SampledFrom([]int{300, 1000, 1 << 20}).Draw(rt, "bytes"),
		Age:    rapid.SampledFrom([]time.Duration{-1, time.Minute, time.Hour}).Draw(rt, "age"),
		Budget: rapid.SampledFrom([]int64{1500, 4000, 9000, 30_000}).Draw(rt, "budget"),
		Epoch:  "e",
	}
	s := &machine{seen: seen, m: NewMemory(opts), md: newModel(opts)}
	s.full = s.m.Tail(nil)
	for i := range rapid.SampledFrom([]int{2, 10, 60}).Draw(rt, "channels") {
		s.pool = append(s.pool, fmt.Sprintf("c%d", i))
	}
	seen.lives++
	return s
}

func (s *machine) close() {
	if s.m.graves.watermark > 0 {
		s.seen.watermarks++
	}
	_ = s.m.Close()
}

// Publish appends a batch, some of it with keys, and judges the results.
func (s *machine) Publish(rt *rapid.T) {
	events := make([]Event, rapid.IntRange(1, 20).Draw(rt, "batch"))
	keyed := rapid.IntRange(0, 3).Draw(rt, "keyed") == 0
	for i := range events {
		s.n++
		payload := fmt.Sprintf(`"%d%s"`, s.n, strings.Repeat(".", rapid.SampledFrom([]int{0, 0, 10, 200}).Draw(rt, "payload")))
		events[i] = Event{Channel: rapid.SampledFrom(s.pool).Draw(rt, "channel"), Type: "t", Payload: []byte(payload)}
		if keyed {
			events[i].Key = rapid.SampledFrom([]string{"", "k", "l"}).Draw(rt, "key")
		}
	}
	buried, live := s.tombstones(), len(s.m.channels)
	s.watermark = s.m.graves.watermark
	results, err := s.m.Append(context.Background(), events)
	if err != nil {
		rt.Fatal(err)
	}
	flow := s.full.Next(nil, len(events)+1)
	s.full.Done()
	for i, ev := range events {
		if s.judgeKey(rt, ev, results[i]) {
			continue
		}
		if len(flow) == 0 || flow[0].Seq != results[i].Seq || results[i].Seq != uint64(len(s.md.events)+1) {
			rt.Fatalf("event %d went to %d, want %d", i, results[i].Seq, len(s.md.events)+1)
		}
		if r := flow[0]; r.Channel() != ev.Channel || string(r.Payload()) != string(ev.Payload) {
			rt.Fatalf("record %d is %q %q, want %+v", r.Seq, r.Channel(), r.Payload(), ev)
		}
		s.md.add(ev, flow[0])
		flow = flow[1:]
	}
	if len(flow) != 0 {
		rt.Fatalf("%d records too many", len(flow))
	}
	if s.tombstones() > buried {
		s.seen.freed++
	}
	if len(s.m.channels) > live && s.m.graves.young != nil {
		s.seen.revived++
	}
	s.observe(rt, true)
}

func (s *machine) tombstones() int { return len(s.m.graves.young) + len(s.m.graves.old) }

// judgeKey reports whether the event is a duplicate, and fails if that is wrong.
func (s *machine) judgeKey(rt *rapid.T, ev Event, r Result) bool {
	k := modelKey{ev.Channel, ev.Key}
	use, used := s.md.keys[k]
	used = used && ev.Key != "" && time.Since(use.at) <= DedupeWindow
	most := int(s.md.opts.Budget / 16 / keyCost) // a flood of more keys than this pushes old ones out
	switch {
	case r.Duplicate && (!used || use.seq != r.Seq):
		rt.Fatalf("%+v: %+v, last use %+v", ev, r, use)
	case !r.Duplicate && used && s.md.keyed-use.keyed <= most:
		rt.Fatalf("%+v is not a duplicate, last use %+v", ev, use)
	}
	if r.Duplicate {
		s.seen.duplicates++
		return true
	}
	if ev.Key != "" {
		s.md.keyed++
		s.md.keys[k] = modelUse{r.Seq, time.Now(), s.md.keyed}
	}
	return false
}

// Wait lets time pass.
func (s *machine) Wait(rt *rapid.T) {
	time.Sleep(rapid.SampledFrom([]time.Duration{time.Millisecond, 10 * time.Second, 50 * time.Second, 40 * time.Minute}).Draw(rt, "time"))
	synctest.Wait()
	s.observe(rt, false)
}

// observe notes what the log no longer keeps and judges whether it had to go.
func (s *machine) observe(rt *rapid.T, appended bool) {
	kept := make(map[uint64]bool)
	for _, c := range s.md.channels() {
		for _, r := range s.m.Next(&Cursor{Channels: []string{c}}, Limit{}, nil).Records {
			i, ok := s.md.at[r.Seq]
			if !ok || s.md.events[i].channel != c || !s.md.events[i].kept {
				rt.Fatalf("channel %q keeps record %d, which isn't its own or was gone", c, r.Seq)
			}
			kept[r.Seq] = true
		}
	}
	age := s.md.opts.Age
	oldest := uint64(0)    // of what is kept
	var budget *modelEvent // newest that was dropped for the budget in this step
	for i := range s.md.events {
		ev := &s.md.events[i]
		over := s.md.overLimit(i)
		old := time.Since(ev.at)
		switch {
		case kept[ev.seq]:
			if oldest == 0 {
				oldest = ev.seq
			}
			if over || age > 0 && old > age+time.Second {
				rt.Fatalf("record %d is kept, over its limit: %v, old %v", ev.seq, over, old)
			}
		case ev.kept: // gone in this step
			ev.kept = false
			if over {
				continue
			}
			if oldest > 0 {
				rt.Fatalf("record %d is gone, the older %d is kept", ev.seq, oldest)
			}
			if age > 0 && old > age {
				s.seen.aged++
				continue
			}
			budget = ev
		}
	}
	if budget == nil {
		return
	}
	// With it, and if it was its channel's last with the channel instead of the
	// tombstone, the log would be over the budget.
	most := s.m.Stats().Bytes + budget.cost + channelCost + int64(len(budget.channel))
	if s.m.graves.watermark > s.watermark {
		most += s.md.opts.Budget / 16 // a generation of tombstones was merged meanwhile
	}
	if !appended || most <= s.md.opts.Budget {
		rt.Fatalf("record %d is gone without need: %d bytes with it, of %d", budget.seq, most, s.md.opts.Budget)
	}
}

// Subscribe begins a reader at the beginning, at the head, or between.
func (s *machine) Subscribe(rt *rapid.T) {
	if len(s.readers) == 6 {
		rt.Skip("enough readers")
	}
	head := s.m.Head().Seq
	after := rapid.SampledFrom([]uint64{0, head, head / 2, head - min(head, 3)}).Draw(rt, "after")
	channels := rapid.SliceOfNDistinct(rapid.SampledFrom(s.pool), 1, min(len(s.pool), 12), rapid.ID).Draw(rt, "channels")
	s.readers = append(s.readers, newModelReader(channels, after))
}

// Read reads a batch with one of the readers, and uses all or a part of it.
func (s *machine) Read(rt *rapid.T) {
	r := s.reader(rt)
	limit := Limit{
		Events: rapid.SampledFrom([]int{0, 1, 2, 7}).Draw(rt, "limit of events"),
		Bytes:  rapid.SampledFrom([]int{0, 1, 200, 700}).Draw(rt, "limit of bytes"),
	}
	b := r.read(rt, s, limit)
	use := len(b.Records)
	if rapid.IntRange(0, 2).Draw(rt, "part") == 0 {
		use = rapid.IntRange(0, use).Draw(rt, "use")
	}
	r.use(rt, b, use)
}

// Resume drops a reader and has it come back at its position.
func (s *machine) Resume(rt *rapid.T) { s.reader(rt).resume() }

func (s *machine) reader(rt *rapid.T) *modelReader {
	if len(s.readers) == 0 {
		rt.Skip("no reader")
	}
	return rapid.SampledFrom(s.readers).Draw(rt, "reader")
}

// OpenTail opens a tail.
func (s *machine) OpenTail(rt *rapid.T) {
	if len(s.tails) == 3 {
		rt.Skip("enough tails")
	}
	tail := s.m.Tail(nil)
	if tail.Start() != s.m.Head().Seq {
		rt.Fatalf("a tail after %d, want the head", tail.Start())
	}
	s.tails = append(s.tails, &modelTail{tail, len(s.md.events)})
}

// ReadTail reads some records of a tail.
func (s *machine) ReadTail(rt *rapid.T) {
	if len(s.tails) == 0 {
		rt.Skip("no tail")
	}
	rapid.SampledFrom(s.tails).Draw(rt, "tail").read(rt, s.md, rapid.IntRange(0, 100).Draw(rt, "max"))
}

func (mt *modelTail) read(rt *rapid.T, md *model, most int) {
	recs := mt.tail.Next(nil, most)
	mt.tail.Done()
	want := md.events[mt.next:min(mt.next+most, len(md.events))]
	if !slices.EqualFunc(recs, want, func(r *Record, ev modelEvent) bool { return r.Seq == ev.seq }) {
		rt.Fatalf("%d records of a tail, want the %d events from %d on", len(recs), len(want), mt.next+1)
	}
	mt.next += len(recs)
}

// Check holds after every step.
func (s *machine) Check(rt *rapid.T) {
	check(rt, s.m)
	if got := s.m.Head(); got != (Position{"e", uint64(len(s.md.events))}) {
		rt.Fatalf("head %v, want %d", got, len(s.md.events))
	}
	channels := s.md.channels()
	_, last := s.m.Last(channels)
	for i, c := range channels {
		want := s.md.kept(0, []string{c})
		if len(want) == 0 && last[i] != nil || len(want) > 0 && (last[i] == nil || last[i].Seq != want[len(want)-1].seq) {
			rt.Fatalf("last of %q is not the last of %d kept", c, len(want))
		}
	}
}

// settle reads everybody to the head and closes the accounts.
func (s *machine) settle(rt *rapid.T) {
	for _, mt := range s.tails {
		mt.read(rt, s.md, 1<<30)
	}
	for _, r := range s.readers {
		for done := false; !done; {
			b := r.read(rt, s, Limit{Events: 5})
			r.use(rt, b, len(b.Records))
			done = b.Done
		}
		r.account(rt, s.md)
	}
}
