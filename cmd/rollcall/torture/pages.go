package torture

// checkPages checks pages of /history: each has all events between the requested position and the next one, or a gap.
func (c *checker) checkPages() {
	for i := range c.h.Pages {
		c.checkPage(&c.h.Pages[i])
	}
}

func (c *checker) checkPage(p *Page) {
	next, after := ParsePosition(p.Next), ParsePosition(p.After)
	same := after.Epoch == next.Epoch
	switch {
	case p.After != "" && !same:
		if !p.Gap {
			c.add(RuleUntoldGap, "%s: %s behind %s has no gap, and is of %s", p.Server, p.Channel, p.After, p.Next)
		}
	case p.After != "" && next.Seq < after.Seq:
		c.add(RuleSetBack, "%s: %s behind %s goes on at %s", p.Server, p.Channel, p.After, p.Next)
		return
	}
	from := uint64(0)
	if same {
		from = after.Seq
	}
	got := make(map[uint64]bool)
	last := from
	for _, e := range p.Events {
		at := ParsePosition(e.ID)
		if at.Epoch != next.Epoch || at.Seq <= last || at.Seq > next.Seq {
			c.add(RuleOrder, "%s: %s behind %q has %s, behind %d and before %s", p.Server, p.Channel, p.After, e.ID, last, p.Next)
		}
		if e.Channel != p.Channel {
			c.add(RuleForeign, "%s: %s has %s of %s", p.Server, p.Channel, e.ID, e.Channel)
		}
		last = max(last, at.Seq)
		got[at.Seq] = true
	}
	began := next.Seq // of the kept events
	if len(p.Events) > 0 {
		began = ParsePosition(p.Events[0].ID).Seq
	}
	dropped := 0
	for _, seq := range c.between(next.Epoch, p.Channel, from, next.Seq) {
		mayBeDropped := !c.rules.KeepsAll && seq <= began && (p.Gap || p.After == "")
		switch {
		case got[seq]:
		case mayBeDropped:
			dropped++
		default:
			c.add(RuleLost, "%s: %s behind %q to %s does not have %d", p.Server, p.Channel, p.After, p.Next, seq)
		}
	}
	if p.Gap && same && (c.rules.KeepsAll || dropped == 0 && !c.unclear[p.Channel]) {
		c.add(RuleFalseGap, "%s: %s behind %s has a gap, and nothing is missing", p.Server, p.Channel, p.After)
	}
}

// checkLasts checks answers of /lastEvent.
func (c *checker) checkLasts() {
	for _, l := range c.h.Lasts {
		c.checkLast(l.Channel, l.Payload, ParsePosition(l.ID), "/lastEvent of "+l.Server)
	}
}

// checkLast checks a channel's last event with the log at this position.
func (c *checker) checkLast(channel, payload string, at Position, where string) {
	after := uint64(0)
	if payload != "" {
		e := Event{channel, payload}
		if s := c.sent[e]; s != nil && s.followed {
			c.add(RuleHalf, "%s at %v is %v, behind which its batch has more of the channel", where, at, e)
			return
		}
		seq, ok := c.places[e][at.Epoch]
		if !ok {
			return // no client knows its position
		}
		if after = seq; seq > at.Seq {
			c.add(RuleLastEvent, "%s at %v is %v, which is %d", where, at, e, seq)
		}
	} else if !c.rules.KeepsAll {
		return
	}
	if later := c.between(at.Epoch, channel, after, at.Seq); len(later) > 0 {
		c.add(RuleLastEvent, "%s at %v is %q, and %v are later", where, at, payload, later)
	}
}
