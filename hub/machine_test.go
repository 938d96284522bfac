package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// TestModel drives a hub over a log with tiny limits through random lives:
// batches over many channels, streams that join afresh, resume anywhere, come
// with garbage, block, take any count of bytes, break, are kicked, are dropped and
// come back with any id they saw; events that are published in the middle of a
// write; notices of who is there. What must hold after every step is in account,
// check and judge.
func TestModel(t *testing.T) {
	var seen coverage
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			m := newMachine(rt, &seen)
			defer m.close()
			rt.Repeat(rapid.StateMachineActions(m))
			m.settle(rt)
		})
	})
	t.Logf("%+v", seen)
	if seen.lives >= 100 && (seen.events == 0 || seen.gaps == 0 || seen.partial == 0 || seen.resumed == 0 || seen.useless == 0 ||
		seen.slow == 0 || seen.gone == 0 || seen.refreshed == 0 || seen.ambushes == 0) {
		t.Error("the machine didn't come to all the places it is for")
	}
}

// coverage counts what happened in all lives.
type coverage struct {
	lives, events, gaps, partial, resumed, useless, slow, gone, refreshed, ambushes int
}

// machine is a state machine of rapid.
type machine struct {
	*harness
	seen    *coverage
	beat    time.Duration
	pool    []string // channel names
	size    []int    // of payloads
	tail    *eventlog.Tail
	ledger  *ledger
	streams []*life

	// The members, in notices as package web makes them.
	version uint64
	members map[string][]string
	online  *Notice
	count   int
	mu      sync.Mutex
	waiting []lack // of first notices
}

// life is one stream and its account.
type life struct {
	*peer
	channels []string
	wants    Wants
	account  *account
	kicked   bool
}

func newMachine(rt *rapid.T, seen *coverage) *machine {
	keep := eventlog.Options{
		Events: rapid.SampledFrom([]int{1, 3, 12, 1000}).Draw(rt, "events kept"),
		Age:    rapid.SampledFrom([]time.Duration{-1, time.Minute}).Draw(rt, "age"),
		Budget: rapid.SampledFrom([]int64{30_000, 10 << 20}).Draw(rt, "budget"),
	}
	m := &machine{
		seen:    seen,
		size:    rapid.SampledFrom([][]int{{1}, {1, 50}, {1, 500, 20_000}}).Draw(rt, "payloads"),
		ledger:  newLedger(),
		members: make(map[string][]string),
		online:  &Notice{Type: "online-presence", Payload: []byte("[]")},
	}
	m.beat = rapid.SampledFrom([]time.Duration{3 * time.Second, 25 * time.Second}).Draw(rt, "heartbeat")
	m.harness = start(rt, keep, Options{Shards: rapid.IntRange(1, 3).Draw(rt, "shards"), Heartbeat: m.beat})
	m.tail = m.log.Tail(nil)
	for i := range rapid.SampledFrom([]int{1, 3, 12}).Draw(rt, "channels") {
		m.pool = append(m.pool, fmt.Sprintf("c%d", i))
	}
	seen.lives++
	return m
}

func (m *machine) close() {
	m.tail.Close()
	m.harness.close()
}

func (m *machine) batch(rt *rapid.T) []eventlog.Event {
	most := rapid.SampledFrom([]int{1, 5, 30, 400}).Draw(rt, "at most")
	events := make([]eventlog.Event, rapid.IntRange(1, most).Draw(rt, "batch"))
	size := rapid.SampledFrom(m.size).Draw(rt, "size")
	if len(events) > 30 {
		size = 1
	}
	on := rapid.SliceOfN(rapid.SampledFrom(m.pool), 1, 4).Draw(rt, "on")
	for i := range events {
		m.sent++
		payload := fmt.Sprintf("%d%s", m.sent, strings.Repeat(" ", size-1))
		events[i] = eventlog.Event{Channel: on[i%len(on)], Type: "m", Payload: []byte(payload)}
	}
	return events
}

func (m *machine) publish(events []eventlog.Event) {
	if _, err := m.hub.Publish(context.Background(), events); err != nil {
		panic(err)
	}
}

// Publish appends a batch.
func (m *machine) Publish(rt *rapid.T) { m.publish(m.batch(rt)) }

// Join begins a stream, afresh or with a position, good or bad.
func (m *machine) Join(rt *rapid.T) {
	resume := ""
	switch rapid.IntRange(0, 3).Draw(rt, "how") {
	case 0:
		head := m.log.Head().Seq
		resume = fmt.Sprintf("e-%d", rapid.Uint64Range(0, head+2).Draw(rt, "position"))
	case 1:
		resume = rapid.SampledFrom([]string{"e-99999999", "f-0", "f-3", "new-0", "nonsense", "e-", "-1", "e-01", "e-+1"}).Draw(rt, "useless")
	}
	m.join(rt, resume, rapid.SliceOfNDistinct(rapid.SampledFrom(m.pool), 0, min(len(m.pool), 12), rapid.ID).Draw(rt, "channels"))
}

func (m *machine) join(rt *rapid.T, resume string, channels []string) {
	open := 0
	for _, l := range m.streams {
		if len(l.ended()) == 0 {
			open++
		}
	}
	if open == 8 {
		rt.Skip("enough streams")
	}
	room := rapid.SampledFrom([]int{endless, endless, 0, 7, 100, 1000, 40_000}).Draw(rt, "room")
	l := &life{peer: m.newPeer(room), channels: channels}
	l.framed = rapid.Bool().Draw(rt, "chunked")
	l.wire.chunked = l.framed
	l.wants = Wants(rapid.IntRange(0, 3).Draw(rt, "wants"))
	l.owner.refresh = func(_ *Conn, channels []string, online bool) { m.wait(lack{l, channels, online}) }
	begin, at := opening(m.log, resume, channels)
	l.account = newAccount(rt, m.ledger, channels, begin, at)
	if resume == fmt.Sprintf("e-%d", at) {
		m.seen.resumed++
	} else if resume != "" {
		m.seen.useless++
	}
	// Something may be published between the first look at the log and the first turn.
	var meanwhile []eventlog.Event
	if rapid.IntRange(0, 3).Draw(rt, "meanwhile") == 0 {
		meanwhile = m.batch(rt)
	}
	l.attach(Subscription{
		Resume: resume, Channels: slices.Clone(channels), Wants: l.wants,
		Greet: func(at, id eventlog.Position, resumed bool) []byte {
			if meanwhile != nil {
				m.publish(meanwhile)
			}
			return greet(at, id, resumed)
		},
	})
	m.streams = append(m.streams, l)
}

// lack is what a stream was found to lack.
type lack struct {
	*life
	names  []string
	online bool
}

// wait records that a stream waits for its first notices.
func (m *machine) wait(l lack) {
	m.mu.Lock()
	m.waiting = append(m.waiting, l)
	m.mu.Unlock()
}

// one returns one of the open streams for which ok holds.
func (m *machine) one(rt *rapid.T, ok func(*life) bool) *life {
	var some []*life
	for _, l := range m.streams {
		if len(l.ended()) == 0 && ok(l) {
			some = append(some, l)
		}
	}
	if len(some) == 0 {
		rt.Skip("no such stream")
	}
	return rapid.SampledFrom(some).Draw(rt, "stream")
}

func anyLife(*life) bool { return true }

func isOwed(l *life) bool { return l.look().owed }

// Block has a stream take only some bytes more.
func (m *machine) Block(rt *rapid.T) {
	l := m.one(rt, func(l *life) bool { return !isOwed(l) })
	l.give(rapid.IntRange(0, 600).Draw(rt, "room"))
}

// Trickle has a blocked stream take some bytes.
func (m *machine) Trickle(rt *rapid.T) {
	l := m.one(rt, isOwed)
	l.give(rapid.IntRange(1, 600).Draw(rt, "room"))
	m.seen.partial++
}

// Unblock has a stream take everything.
func (m *machine) Unblock(rt *rapid.T) {
	m.one(rt, isOwed).give(endless)
	if rapid.Bool().Draw(rt, "and somebody comes") {
		synctest.Wait()
		m.Meet(rt)
	}
}

// Break has a stream's next write fail.
func (m *machine) Break(rt *rapid.T) {
	m.one(rt, anyLife).breakDown()
	m.seen.gone++
}

// Kick ends a stream.
func (m *machine) Kick(rt *rapid.T) {
	l := m.one(rt, anyLife)
	l.kicked = true
	l.conn.End(Kicked)
}

// Drop loses a stream of which the client got no more than some frames, and has
// the client come back with the last id it saw.
func (m *machine) Drop(rt *rapid.T) {
	l := m.one(rt, func(l *life) bool { return len(l.frames()) > 0 })
	frames := l.frames()
	seen := frames[rapid.IntRange(0, len(frames)-1).Draw(rt, "got")].id
	l.conn.Lost()
	synctest.Wait()
	m.join(rt, seen, l.channels)
}

// Ambush publishes a batch in the middle of the next turn that writes to a stream.
func (m *machine) Ambush(rt *rapid.T) {
	events := m.batch(rt)
	m.one(rt, func(l *life) bool { return !isOwed(l) }).ambush(func() { m.publish(events) })
	m.seen.ambushes++
}

// Meet makes a client join or leave a channel, or two.
func (m *machine) Meet(rt *rapid.T) {
	for range rapid.IntRange(1, 3).Draw(rt, "times") {
		channel := rapid.SampledFrom(m.pool).Draw(rt, "channel")
		who := rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(rt, "who")
		action := "join"
		if i := slices.Index(m.members[channel], who); i >= 0 {
			action = "leave"
			m.members[channel] = slices.Delete(m.members[channel], i, i+1)
		} else {
			m.members[channel] = append(m.members[channel], who)
		}
		m.version++
		m.hub.Notify(&Notice{Channel: channel, Type: "presence", Payload: []byte(action + " " + who), Version: m.version})
	}
}

// Come changes the online clients.
func (m *machine) Come(rt *rapid.T) {
	for range rapid.IntRange(1, 3).Draw(rt, "times") {
		m.version++
		m.count++
		m.online = &Notice{Type: "online-presence", Payload: fmt.Appendf(nil, "[%d]", m.count), Version: m.version}
		m.hub.Notify(m.online)
	}
}

// Together does some things while the shards are at other work, so that they find
// them all at once.
func (m *machine) Together(rt *rapid.T) {
	leave := make(chan struct{})
	defer func() { close(leave); synctest.Wait() }() // also when one of them can't be done
	for _, s := range m.hub.shards {
		s.post(func() { <-leave })
	}
	synctest.Wait()
	all := map[string]func(*rapid.T){
		"publish": m.Publish, "join": m.Join, "block": m.Block, "unblock": m.Unblock, "kick": m.Kick, "drop": m.Drop,
		"meet": m.Meet, "come": m.Come, "begin": func(*rapid.T) { m.begin() },
	}
	names := slices.Sorted(maps.Keys(all))
	for range rapid.IntRange(2, 5).Draw(rt, "count") {
		all[rapid.SampledFrom(names).Draw(rt, "do")](rt)
	}
}

// Wait lets time pass.
func (m *machine) Wait(rt *rapid.T) {
	time.Sleep(rapid.SampledFrom([]time.Duration{time.Millisecond, 4 * time.Second, 11 * time.Second, 40 * time.Second}).Draw(rt, "time"))
}

// feed gives the streams that wait for them their first notices.
func (m *machine) feed() {
	for {
		synctest.Wait()
		if !m.begin() {
			return
		}
	}
}

// begin does so for those that wait now, and reports whether there were any.
func (m *machine) begin() bool {
	m.mu.Lock()
	waiting := m.waiting
	m.waiting = nil
	m.mu.Unlock()
	for _, l := range waiting {
		var notices []*Notice
		for _, c := range l.names[:(len(l.names)+1)/2] { // the others in a later step
			text := "snapshot " + strings.Join(m.members[c], " ")
			notices = append(notices, &Notice{Channel: c, Type: "presence", Payload: []byte(text), Version: m.version})
		}
		if l.online {
			notices = append(notices, m.online)
		}
		l.conn.StartNotices(notices, nil)
		m.seen.refreshed++
	}
	return len(waiting) > 0
}

// Check holds after every step.
func (m *machine) Check(rt *rapid.T) {
	m.feed()
	m.rest()
	m.ledger.add(m.tail.Next(nil, 1<<20))
	m.tail.Done()
	m.ledger.audit(m.log, m.pool)
	for i, l := range m.streams {
		l.h.failer = named{rt, fmt.Sprintf("stream %d: ", i)}
		l.account.t = l.h.failer
		for _, f := range l.frames()[l.shown:] {
			l.account.read(f)
			l.shown++
		}
		m.judge(l.h.failer, l)
	}
	m.failer = rt
	m.streams = slices.DeleteFunc(m.streams, func(l *life) bool {
		if len(l.ended()) == 0 {
			return false
		}
		m.seen.events += l.account.events
		m.seen.gaps += l.account.gaps
		return true
	})
}

// named puts a name before a text.
type named struct {
	failer
	name string
}

func (n named) Fatalf(format string, args ...any) {
	n.failer.Helper()
	n.failer.Fatalf("%s"+format, append([]any{n.name}, args...)...)
}

// judge holds a stream at rest against what it should be like.
func (m *machine) judge(t failer, l *life) {
	t.Helper()
	now := l.look()
	ends := l.ended()
	if now.closed != (len(ends) > 0) || len(ends) > 1 {
		t.Fatalf("closed is %v, ends are %v", now.closed, ends)
	}
	if len(ends) == 1 {
		m.judgeEnd(t, l, now, ends[0])
		return
	}
	if l.kicked || now.fail && now.owed && time.Since(now.since) > 11*time.Second {
		t.Fatalf("is still there")
	}
	head := m.log.Head().Seq
	at := l.conn.Position().Seq
	if now.owed {
		if time.Since(now.since) > 10*time.Second+m.beat/25 {
			t.Fatalf("blocked for %v", time.Since(now.since))
		}
		// Of what is behind the position nothing was given; of what is before it, all
		// that is kept, but for at most one event that was taken in part.
		if at > head || at < l.account.given && l.account.given > l.account.pos {
			t.Fatalf("position %d, given %d, head %d", at, l.account.given, head)
		}
		missing := 0
		for _, r := range m.ledger.between(l.account.given, at, l.channels) {
			if !m.ledger.lost[r.Seq] {
				missing++
			}
		}
		if missing > 1 || missing == 1 && !l.wire.partial() && l.account.opened == len(l.account.opening) {
			t.Fatalf("position %d, %d events up to there were not given", at, missing)
		}
		return
	}
	if at != head {
		t.Fatalf("at rest at %d, the head is %d", at, head)
	}
	if l.wire.partial() {
		t.Fatalf("at rest within a frame")
	}
	if silence := time.Since(now.last); silence > m.beat {
		t.Fatalf("silent for %v", silence)
	}
	l.account.settle(head)
	if events, bytes := l.conn.Sent(); int(events) != l.account.events || int(bytes) != len(now.taken) {
		t.Fatalf("sent %d events, %d bytes; got %d, %d", events, bytes, l.account.events, len(now.taken))
	}
	if l.wants&WantOnline != 0 && l.account.online != string(m.online.Payload) {
		t.Fatalf("online is %s, was told %s", m.online.Payload, l.account.online)
	}
	if l.wants&WantMembers != 0 {
		for _, c := range l.channels {
			if got, want := l.account.members[c], m.members[c]; !slices.Equal(got, want) {
				t.Fatalf("members of %q are %q, was told %q", c, want, got)
			}
		}
	}
}

// judgeEnd holds the end of a stream against its reason.
func (m *machine) judgeEnd(t failer, l *life, now fakeState, why Reason) {
	t.Helper()
	if whole := l.account.end != "" && (!l.framed || l.wire.stage == atEnd); now.cut == whole {
		t.Fatalf("ended as %s, cut is %v, goodbye %q", why.Code, now.cut, l.account.end)
	}
	if l.account.end != "" && !strings.HasPrefix(l.account.end, `{"code":"`+why.Code) {
		t.Fatalf("goodbye %q, reason %q", l.account.end, why.Code)
	}
	if why.Code == Slow.Code {
		m.seen.slow++
		if blocked := time.Since(now.since); !now.owed || blocked < 9*time.Second {
			t.Fatalf("slow after %v", blocked)
		}
	}
}

// settle drains the hub and sees every stream off.
func (m *machine) settle(rt *rapid.T) {
	for _, l := range m.streams {
		l.give(endless)
	}
	m.Check(rt)
	streams := slices.Clone(m.streams)
	if err := m.hub.Drain(context.Background(), Draining); err != nil {
		rt.Fatal(err)
	}
	m.Check(rt)
	for i, l := range streams {
		if ends := l.ended(); len(ends) != 1 {
			rt.Fatalf("stream %d ended %d times", i, len(ends))
		}
	}
	if len(m.streams) > 0 || m.hub.Streams() > 0 {
		rt.Fatalf("%d streams are left", m.hub.Streams())
	}
}
