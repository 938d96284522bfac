package torture

import (
	"maps"
	"slices"
)

// reading is how far a subscriber has come, over all its streams.
type reading struct {
	c        *checker
	name     string
	asked    []string // names and patterns
	channels []string // that these stand for

	stream  Frame               // the registered of the present stream
	fresh   bool                // it does not resume, and its ids are the requested position until all gaps are announced
	lasts   []Frame             // its last events meanwhile
	due     map[string]Position // by channel: behind this, every event is due
	gap     map[string]bool     // by channel: an announced gap, which the next event ends
	owed    map[string]bool     // by name or pattern: a gap that this stream must announce before its first event
	highest map[string]uint64   // by epoch
	got     map[Position]bool
}

// checkStreams checks that each subscriber received every event of its channels once and in order, or a gap.
func (c *checker) checkStreams() {
	readings := make(map[string]*reading)
	for name, asked := range c.h.Channels {
		readings[name] = &reading{
			c: c, name: name, asked: asked, channels: c.standFor(asked),
			due: make(map[string]Position), gap: make(map[string]bool), owed: make(map[string]bool),
			highest: make(map[string]uint64), got: make(map[Position]bool),
		}
	}
	for _, f := range c.h.Frames {
		if r := readings[f.Subscriber]; r != nil {
			r.take(f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(readings)) {
		readings[name].end()
	}
}

func (r *reading) take(f Frame) {
	if f.Kind == "registered" {
		r.registered(f)
	}
	if r.fresh && f.ID != r.stream.Asked && f.Kind != "status" {
		lastGap := f.Kind == "gap" && len(r.owed) == 1 // with nothing behind it that could have the position
		if lastGap {
			r.gapTold(f)
		}
		r.moved(f)
		if lastGap {
			return
		}
	}
	switch {
	case isEvent(f.Kind):
		r.event(f)
	case f.Kind == "gap":
		r.gapTold(f)
	case f.Kind == "lastEvent" && r.fresh:
		r.lasts = append(r.lasts, f)
	case f.Kind == "lastEvent":
		if !r.gap[f.Channel] {
			r.c.checkLast(f.Channel, f.Payload, ParsePosition(f.ID), "lastEvent of "+r.name+" at "+f.Server)
		}
	case f.Kind == "status" && f.Status < 500:
		r.c.add(RuleRefused, "%s at %s: status %d", r.name, f.Server, f.Status)
	}
}

// freshEpoch is that of the position of a stream that was refused before its first.
const freshEpoch = "new"

// registered begins a stream. One that does not resume owes a gap of every channel, and continues at its previous
// position if it breaks off before.
func (r *reading) registered(f Frame) {
	r.stream = f
	r.lasts = nil
	clear(r.owed)
	at, asked := ParsePosition(f.ID), ParsePosition(f.Asked)
	r.fresh = f.Asked != "" && asked.Epoch != freshEpoch && !f.Resumed
	if r.fresh {
		for _, name := range r.asked {
			r.owed[name] = true
		}
		return
	}
	if f.Resumed && at.Epoch == asked.Epoch && at.Seq < asked.Seq {
		r.c.add(RuleSetBack, "%s asked %s for what is behind %s, and is at %s", r.name, f.Server, f.Asked, f.ID)
	}
	for _, channel := range r.channels {
		if _, ok := r.due[channel]; !ok || !f.Resumed {
			r.due[channel] = at
		}
	}
}

// moved records the first position in the log of a stream that does not resume. By then all gaps are announced.
func (r *reading) moved(f Frame) {
	r.fresh = false
	at, asked := ParsePosition(f.ID), ParsePosition(r.stream.Asked)
	if at.Epoch == asked.Epoch {
		r.c.add(RuleSetBack, "%s asked %s for what is behind %s, did not resume, and is at %s", r.name, f.Server, r.stream.Asked, f.ID)
	}
	for _, channel := range r.channels {
		r.due[channel] = at
	}
	for _, name := range r.asked {
		if r.owed[name] {
			r.c.add(RuleUntoldGap, "%s, which did not resume, is at %s before a gap of %s", r.name, f.ID, name)
		}
	}
	clear(r.owed)
	for _, last := range r.lasts {
		r.c.checkLast(last.Channel, last.Payload, at, "lastEvent of "+r.name+" at "+last.Server)
	}
	r.lasts = nil
}

func (r *reading) gapTold(f Frame) {
	delete(r.owed, f.Channel)
	switch {
	case f.Reason == "evicted" && !r.c.rules.KeepsAll:
		r.inGap(f.Channel)
	case f.Reason == "epoch" && r.fresh:
	default:
		r.c.add(RuleFalseGap, "%s asked %s for what is behind %s, and was told a gap of %s: %s", r.name, f.Server, r.stream.Asked, f.Channel, f.Reason)
		r.inGap(f.Channel)
	}
}

// inGap notes a gap of a channel, or of all that a pattern stands for.
func (r *reading) inGap(name string) {
	for _, channel := range r.channels {
		if matches(name, channel) {
			r.gap[channel] = true
		}
	}
}

func (r *reading) event(f Frame) {
	at := ParsePosition(f.ID)
	switch {
	case !slices.Contains(r.channels, f.Channel):
		r.c.add(RuleForeign, "%s got %s of %s, to which it did not subscribe", r.name, f.ID, f.Channel)
		return
	case r.got[at]:
		r.c.add(RuleRepeated, "%s got %s again, from %s", r.name, f.ID, f.Server)
		return
	case at.Seq <= r.highest[at.Epoch]:
		r.c.add(RuleOrder, "%s got %s behind %d, from %s", r.name, f.ID, r.highest[at.Epoch], f.Server)
	}
	r.got[at] = true
	r.highest[at.Epoch] = max(r.highest[at.Epoch], at.Seq)
	due := r.due[f.Channel]
	if due.Epoch != at.Epoch {
		r.c.add(RuleUntoldGap, "%s got %s of %s behind %v", r.name, f.ID, f.Channel, due)
		r.due[f.Channel] = at
		return
	}
	missing := r.missing(f.Channel, at.Seq-1)
	switch {
	case r.gap[f.Channel] && len(missing) == 0 && !r.c.unclear[f.Channel] && !r.c.rules.KeepsAll:
		r.c.add(RuleFalseGap, "%s was told a gap of %s between %v and %s, where nothing is missing", r.name, f.Channel, due, f.ID)
	case !r.gap[f.Channel] && len(missing) > 0:
		r.c.add(RuleLost, "%s got %s of %s behind %v, from %s, and not %v", r.name, f.ID, f.Channel, due, f.Server, missing)
	}
	r.gap[f.Channel] = false
	r.due[f.Channel] = Position{at.Epoch, max(due.Seq, at.Seq)}
}

// missing returns the numbers of a channel's events that are due and did not come.
func (r *reading) missing(channel string, through uint64) (list []uint64) {
	due := r.due[channel]
	for _, seq := range r.c.between(due.Epoch, channel, due.Seq, through) {
		if !r.got[Position{due.Epoch, seq}] {
			list = append(list, seq)
		}
	}
	return list
}

// end checks that a subscriber got all that is due at the end.
func (r *reading) end() {
	for _, channel := range r.channels {
		if _, ok := r.due[channel]; !ok {
			r.c.add(RuleStuck, "%s never had a stream", r.name)
			return
		}
		if missing := r.missing(channel, ^uint64(0)); len(missing) > 0 && !r.gap[channel] {
			r.c.add(RuleLost, "%s never got of %s, behind %v, %v", r.name, channel, r.due[channel], missing)
		}
	}
}
