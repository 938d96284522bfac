package compat

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"rollcall/hub/eventlog"
)

// The limits on the stored places of a member's devices.
const (
	memberDevices = 32 // devices; the ones furthest behind are forgotten
	placesKept    = 2  // events, so that two servers that append at once lose nothing
	placesType    = "places"
)

// places are the last positions of a member's devices, by the devices' keys. An event of the type placesType holds all
// of a member's, so a member with many devices takes no more space in the log. Servers append without coordination; a
// reader merges the newest events.
type places map[string]eventlog.Position

// parsePlaces reads an event's places; a foreign event has none.
func parsePlaces(r *eventlog.Record) places {
	var texts map[string]string
	if json.Unmarshal(r.Payload(), &texts) != nil {
		return nil
	}
	p := make(places, len(texts))
	for id, text := range texts {
		if at, err := eventlog.ParsePosition(text); err == nil {
			p[id] = at
		}
	}
	return p
}

// merge takes over the places that are further on, and reports whether there were any. A
// position of the log's epoch is further on than that of a former one.
func (p places) merge(others places, epoch string) (changed bool) {
	for id, at := range others {
		if was, ok := p[id]; !ok || comparePlaces(was, at, epoch) < 0 {
			p[id] = at
			changed = true
		}
	}
	return changed
}

// comparePlaces orders positions by how far on they are.
func comparePlaces(a, b eventlog.Position, epoch string) int {
	switch {
	case a.Epoch == b.Epoch:
		return cmp.Compare(a.Seq, b.Seq)
	case a.Epoch == epoch:
		return 1
	case b.Epoch == epoch:
		return -1
	}
	return 0
}

// payload returns the event's payload, with at most memberDevices places.
func (p places) payload(epoch string) []byte {
	ids := slices.SortedFunc(maps.Keys(p), func(a, b string) int {
		return cmp.Or(comparePlaces(p[b], p[a], epoch), cmp.Compare(a, b))
	})
	texts := make(map[string]string)
	for _, id := range ids[:min(len(ids), memberDevices)] {
		texts[id] = p[id].String()
	}
	text, _ := json.Marshal(texts) // only strings
	return text
}
