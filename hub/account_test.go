package hub

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rollcall/hub/eventlog"
)

// ledger is everything that was published, against which accounts are held.
type ledger struct {
	records []*eventlog.Record // in log order
	raw     map[uint64]string  // frames, by seq
	lost    map[uint64]bool    // no longer kept
}

func newLedger() *ledger {
	return &ledger{raw: make(map[uint64]string), lost: make(map[uint64]bool)}
}

// add notes what a tail of the log returned.
func (l *ledger) add(recs []*eventlog.Record) {
	for _, r := range recs {
		l.records = append(l.records, r)
		l.raw[r.Seq] = string(r.Frame().SSE())
	}
}

// audit notes what the log no longer keeps of these channels.
func (l *ledger) audit(log eventlog.Log, channels []string) {
	kept := make(map[uint64]bool)
	for _, c := range channels {
		for _, r := range log.Next(&eventlog.Cursor{Channels: []string{c}}, eventlog.Limit{}, nil).Records {
			kept[r.Seq] = true
		}
	}
	for _, r := range l.records {
		if !kept[r.Seq] {
			l.lost[r.Seq] = true
		}
	}
}

// between returns the records of the channels after one position up to another.
func (l *ledger) between(after, through uint64, channels []string) []*eventlog.Record {
	var out []*eventlog.Record
	for _, r := range l.after(after) {
		if r.Seq > through {
			break
		}
		if slices.Contains(channels, r.Channel()) {
			out = append(out, r)
		}
	}
	return out
}

// after returns all records after a position.
func (l *ledger) after(seq uint64) []*eventlog.Record {
	at, _ := slices.BinarySearchFunc(l.records, seq+1, func(r *eventlog.Record, seq uint64) int { return cmp.Compare(r.Seq, seq) })
	return l.records[at:]
}

// lostAfter reports whether an event of the channel behind the position is gone.
func (l *ledger) lostAfter(after uint64, channel string) bool {
	for _, r := range l.after(after) {
		if r.Channel() == channel && l.lost[r.Seq] {
			return true
		}
	}
	return false
}

// account holds what one stream was given against the ledger, frame by frame:
//
//   - It begins as it was told in opening, to the letter. A goodbye before all of that has
//     the id that the opening begins with.
//   - After that it is given each event of its channels after its position once,
//     in log order, in the bytes of the log. What is missing was announced by a gap
//     of its channel between the events of that channel around the hole, and is
//     really no longer kept.
//   - A gap is announced only where something is lost, and is followed by a
//     lastEvent only if its channel kept nothing.
//   - Ids are positions of this log that never go back. Under each id, everything
//     of its channels up to there was given, or its loss announced.
//   - Notices add up: a join is of somebody who isn't there, a leave of somebody who is.
//   - Nothing follows a goodbye.
type account struct {
	t        failer
	l        *ledger
	channels []string
	opening  []string // frames as brief formats them
	start    uint64

	opened  int
	pos     uint64          // id of the last frame
	given   uint64          // everything of its channels up to here was received or announced as lost
	holes   map[string]bool // a gap was announced since the channel's last event
	gap     string          // channel of the gap just read, until the next frame
	members map[string][]string
	online  string
	events  int
	gaps    int
	end     string // text of the goodbye
}

func newAccount(t failer, l *ledger, channels, opening []string, start uint64) *account {
	return &account{
		t: t, l: l, channels: channels, opening: opening, start: start, pos: start, given: start,
		holes: make(map[string]bool), members: make(map[string][]string),
	}
}

// read judges the stream's next frame.
func (a *account) read(f frame) {
	a.t.Helper()
	if a.end != "" {
		a.t.Fatalf("%s after a goodbye", brief(a.t, f))
	}
	if a.opened < len(a.opening) && f.typ != "goodbye" {
		if got := brief(a.t, f); got != a.opening[a.opened] {
			a.t.Fatalf("frame %d is\n\t%s, want\n\t%s", a.opened, got, a.opening[a.opened])
		}
		if a.opened++; a.opened == 1 && f.retry != 3000 {
			a.t.Fatalf("retry %d", f.retry)
		}
		return
	}
	if a.opened < len(a.opening) {
		if got, want := brief(a.t, f), a.opening[0]; got[strings.LastIndexByte(got, '@'):] != want[strings.LastIndexByte(want, '@'):] {
			a.t.Fatalf("%s after %d frames of %d, which begin with %s", got, a.opened, len(a.opening), want)
		}
		a.readNotice(f)
		return
	}
	at, err := eventlog.ParsePosition(f.id)
	if err != nil || at.Epoch != "e" || at.Seq < a.pos {
		a.t.Fatalf("id %q after %d", f.id, a.pos)
	}
	a.pos = at.Seq
	gap := a.gap
	a.gap = ""
	switch f.typ {
	case "gap":
		a.readGap(f, at.Seq)
		return
	case "lastEvent":
		if b := f.json(a.t); gap == "" || b.ChannelName != gap || b.text(a.t) != "{}" {
			a.t.Fatalf("%s behind the gap of %q", brief(a.t, f), gap)
		}
		for _, r := range a.l.between(0, a.pos, []string{gap}) {
			if !a.l.lost[r.Seq] {
				a.t.Fatalf("%q is said to keep nothing, it keeps event %d", gap, r.Seq)
			}
		}
		return
	}
	if f.typ != "m" {
		a.pass(at.Seq)
		a.readNotice(f)
		return
	}
	if at.Seq <= a.given {
		a.t.Fatalf("event %d, everything up to %d was given", at.Seq, a.given)
	}
	channel := f.json(a.t).ChannelName
	if f.raw != a.l.raw[at.Seq] || !slices.Contains(a.channels, channel) {
		a.t.Fatalf("event %d is\n%q, want\n%q, on %q", at.Seq, f.raw, a.l.raw[at.Seq], a.channels)
	}
	a.pass(at.Seq - 1)
	a.given = at.Seq
	a.events++
	delete(a.holes, channel)
}

// pass judges that nothing up to this position will come any more.
func (a *account) pass(through uint64) {
	a.t.Helper()
	for _, r := range a.l.between(a.given, through, a.channels) {
		if !a.holes[r.Channel()] {
			a.t.Fatalf("event %d of %q is missing at %d, in silence", r.Seq, r.Channel(), through)
		}
		if !a.l.lost[r.Seq] {
			a.t.Fatalf("event %d of %q is passed over under a gap, and is kept", r.Seq, r.Channel())
		}
	}
	a.given = max(a.given, through)
}

func (a *account) readGap(f frame, at uint64) {
	a.t.Helper()
	b := f.json(a.t)
	var p struct{ After, Reason string }
	if err := json.Unmarshal([]byte(b.text(a.t)), &p); err != nil || p.Reason != "evicted" || p.After != f.id {
		a.t.Fatalf("gap %q: %v", f.data, err)
	}
	if !slices.Contains(a.channels, b.ChannelName) || !a.l.lostAfter(at, b.ChannelName) {
		a.t.Fatalf("a gap of %q at %d, where nothing is lost", b.ChannelName, at)
	}
	a.holes[b.ChannelName] = true
	a.gap = b.ChannelName
	a.gaps++
}

// readNotice follows the members and the online clients.
func (a *account) readNotice(f frame) {
	a.t.Helper()
	b := f.json(a.t)
	text := b.text(a.t)
	switch f.typ {
	case "goodbye":
		a.end = text
		if f.retry < 0 {
			a.t.Fatalf("goodbye %q without retry", f.raw)
		}
	case "online-presence":
		a.online = text
	case "presence":
		action, who, _ := strings.Cut(text, " ")
		here := a.members[b.ChannelName]
		there := slices.Contains(here, who)
		switch {
		case !slices.Contains(a.channels, b.ChannelName):
			a.t.Fatalf("%s, of a channel not asked for", brief(a.t, f))
		case action == "snapshot":
			a.members[b.ChannelName] = strings.Fields(who)
		case action == "join" && !there:
			a.members[b.ChannelName] = append(here, who)
		case action == "leave" && there:
			a.members[b.ChannelName] = slices.DeleteFunc(slices.Clone(here), func(w string) bool { return w == who })
		default:
			a.t.Fatalf("%s, there are %q", text, here)
		}
	default:
		a.t.Fatalf("frame %q", f.raw)
	}
}

// settle judges that the stream is at the head.
func (a *account) settle(head uint64) {
	a.t.Helper()
	if a.opened < len(a.opening) {
		a.t.Fatalf("at rest after %d frames of %d that it begins with", a.opened, len(a.opening))
	}
	a.pass(head)
}

// opening returns what a stream must begin with that joins the log now.
func opening(log eventlog.Log, resume string, channels []string) (frames []string, start uint64) {
	at, last := log.Last(channels)
	reason, id := "", fmt.Sprint(at.Seq)
	if resume != "" {
		epoch, seq, ok := strings.Cut(resume, "-")
		var n uint64
		_, err := fmt.Sscan(seq, &n)
		switch {
		case epoch == "new":
		case !ok || epoch == "" || err != nil || resume != fmt.Sprintf("%s-%d", epoch, n):
			reason, id = "unknown", "unknown-0"
		case epoch == "unknown":
			reason, id = "unknown", resume
		case epoch != "e":
			reason, id = "epoch", resume
		case n > at.Seq:
			reason, id = "unknown", seq
		default:
			return []string{fmt.Sprintf("registered resumed@%d", n)}, n
		}
	}
	frames = []string{"registered@" + id}
	for i, c := range channels {
		if reason != "" {
			frames = append(frames, fmt.Sprintf(`gap %s {"after":%q,"reason":%q}@%s`, c, resume, reason, id))
		}
		if i == len(channels)-1 {
			id = fmt.Sprint(at.Seq)
		}
		text := "{}"
		if r := last[i]; r != nil {
			text = fmt.Sprintf(`{"type":"m","payload":%s}`, r.Payload())
		}
		frames = append(frames, fmt.Sprintf("lastEvent %s %s@%s", c, text, id))
	}
	return frames, at.Seq
}
