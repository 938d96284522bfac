package hooks

import (
	"slices"
	"time"

	"rollcall/presence"
)

// batchEvents is about how many events a batch has.
const batchEvents = 100

// compose returns the events of a batch, and the changes that are left then.
func (t *teller) compose(now time.Time, id string) (events []Event, rest []change) {
	over, counts := make(map[key]bool), make(map[string]int) // the changes of this batch to the table
	there := func(k key) bool {
		if now, ok := over[k]; ok {
			return now
		}
		return t.table.has(k)
	}
	// Another server may have reported all of a held change except the last.
	var last map[key]int
	if slices.ContainsFunc(t.queue, func(c change) bool { return c.held }) {
		last = lasts(t.queue)
	}
	for i := range t.queue {
		c := &t.queue[i]
		if len(events) > batchEvents-2 {
			if len(rest) == 0 {
				return events, t.queue[i:] // as a rule: a long queue is not copied for each batch
			}
			return events, append(rest, t.queue[i:]...)
		}
		if t.due(c).After(now) {
			rest = append(rest, *c)
			continue
		}
		c.tried = id
		at := stamp(c.at)
		switch {
		case c.own != nil:
			events = append(events, *c.own)
		case there(c.key) == c.there || c.held && last[c.key] != i:
			// This server or another has reported it.
		default:
			over[c.key] = c.there
			if c.channel == presence.Everyone {
				events = append(events, onlineEvent(c, at))
				continue
			}
			n := t.table.members[c.channel] + counts[c.channel]
			if c.there {
				counts[c.channel]++
			} else {
				counts[c.channel]--
			}
			events = appendMember(events, c, at, n)
		}
	}
	return events, rest
}

// onlineEvent is the event of a client that came online or went.
func onlineEvent(c *change, at string) Event {
	if c.there {
		return Event{Type: ClientOnline, ClientID: c.client, Info: c.info, At: at}
	}
	return Event{Type: ClientOffline, ClientID: c.client, Info: c.info, At: at}
}

// appendMember appends the events of a member that came to a channel or left it, which had so many members before.
func appendMember(events []Event, c *change, at string, before int) []Event {
	if !c.there {
		events = append(events, Event{Type: MemberLeft, ClientID: c.client, ChannelName: c.channel, Info: c.info, At: at})
		if before == 1 {
			events = append(events, Event{Type: ChannelVacated, ChannelName: c.channel, At: at})
		}
		return events
	}
	if before == 0 {
		events = append(events, Event{Type: ChannelOccupied, ChannelName: c.channel, At: at})
	}
	return append(events, Event{Type: MemberJoined, ClientID: c.client, ChannelName: c.channel, Info: c.info, At: at})
}
