package torture

import (
	"slices"
	"time"
)

// flow is a channel's events in one log.
type flow struct{ epoch, channel string }

// sent is the attempts with an event.
type sent struct {
	began    time.Duration // of the first attempt
	refused  bool          // every attempt was
	followed bool          // an event of the same channel is behind it in its batch
}

// facts is the combined evidence of all clients about the logs.
type facts struct {
	sent    map[Event]*sent
	at      map[Position]Event
	places  map[Event]map[string]uint64 // epoch → number
	acked   map[Position]time.Duration  // when it was acked first
	flows   map[flow][]uint64           // numbers, rising
	unclear map[string]bool             // channels with attempts of unknown outcome
}

// collect gathers the facts, and reports contradictory records.
func collect(c *checker) *facts {
	f := &facts{
		sent: make(map[Event]*sent), at: make(map[Position]Event), places: make(map[Event]map[string]uint64),
		acked: make(map[Position]time.Duration), flows: make(map[flow][]uint64), unclear: make(map[string]bool),
	}
	c.facts = f
	for i := range c.h.Attempts {
		c.collectAttempt(&c.h.Attempts[i])
	}
	for _, frame := range c.h.Frames {
		switch {
		case isEvent(frame.Kind):
			c.place(frame.ID, Event{frame.Channel, frame.Payload}, "stream of "+frame.Subscriber+" at "+frame.Server)
		case frame.Kind == "lastEvent" && frame.Payload != "":
			c.exists(Event{frame.Channel, frame.Payload}, "lastEvent of "+frame.Subscriber+" at "+frame.Server)
		}
	}
	for _, p := range c.h.Pages {
		for _, e := range p.Events {
			c.place(e.ID, Event{e.Channel, e.Payload}, "page of "+p.Server)
		}
	}
	for _, l := range c.h.Lasts {
		if l.Payload != "" {
			c.exists(Event{l.Channel, l.Payload}, "/lastEvent of "+l.Server)
		}
	}
	for flow := range f.flows {
		slices.Sort(f.flows[flow])
	}
	epochs := make(map[string]bool)
	for at := range f.at {
		epochs[at.Epoch] = true
	}
	if c.rules.Durable && len(epochs) > 1 {
		c.add(RuleEpoch, "there are %d epochs", len(epochs))
	}
	return f
}

// isEvent reports whether a frame of this kind is a published event.
func isEvent(kind string) bool { return kind == eventType }

func (c *checker) collectAttempt(a *Attempt) {
	for i, e := range a.Events {
		s := c.sent[e]
		if s == nil {
			s = &sent{began: a.Began, refused: true}
			for _, next := range a.Events[i+1:] {
				s.followed = s.followed || next.Channel == e.Channel
			}
			c.sent[e] = s
		}
		s.began = min(s.began, a.Began)
		s.refused = s.refused && a.Outcome == Refused
		if a.Outcome == Unknown {
			c.unclear[e.Channel] = true
		}
	}
	if a.Outcome != Acked {
		return
	}
	for i, e := range a.Events {
		c.place(a.IDs[i], e, "answer of "+a.Server)
		at := ParsePosition(a.IDs[i])
		if ended, ok := c.acked[at]; !ok || a.Ended < ended {
			c.acked[at] = a.Ended
		}
	}
}

// place notes that an event has this id.
func (c *checker) place(id string, e Event, where string) {
	at := ParsePosition(id)
	if at == (Position{}) {
		c.add(RuleTwoEvents, "%s has %v under the id %q, which is none", where, e, id)
		return
	}
	if other, ok := c.at[at]; ok && other != e {
		c.add(RuleTwoEvents, "%s has %v as %s, which is %v", where, e, id, other)
		return
	} else if ok {
		return
	}
	c.exists(e, where)
	if seq, ok := c.places[e][at.Epoch]; ok && seq != at.Seq {
		c.add(RuleTwice, "%s has %v as %s, which is %d too", where, e, id, seq)
	}
	c.at[at] = e
	if c.places[e] == nil {
		c.places[e] = make(map[string]uint64)
	}
	c.places[e][at.Epoch] = at.Seq
	of := flow{at.Epoch, e.Channel}
	c.flows[of] = append(c.flows[of], at.Seq)
}

// exists notes that an event was seen.
func (c *checker) exists(e Event, where string) {
	switch s := c.sent[e]; {
	case s == nil:
		c.add(RuleUnsent, "%s has %v", where, e)
	case s.refused:
		c.add(RuleDenied, "%s has %v", where, e)
	}
}

// between returns the numbers of a channel's events that are above after and at most through.
func (f *facts) between(epoch, channel string, after, through uint64) []uint64 {
	all := f.flows[flow{epoch, channel}]
	from, _ := slices.BinarySearch(all, after+1)
	to, found := slices.BinarySearch(all, through)
	if found {
		to++
	}
	return all[min(from, to):to]
}
