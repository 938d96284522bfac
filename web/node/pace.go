package node

import (
	"slices"
	"time"
)

// Pace is how finely readings are remembered. Coarser ones reach further back.
type Pace int

// The paces.
const (
	Seconds Pace = iota
	Minutes
	Tens // of minutes
)

// paces have their step and the number of readings.
var paces = [...]struct {
	step time.Duration
	kept int
}{
	Seconds: {time.Second, 15 * 60},
	Minutes: {time.Minute, 24 * 60},
	Tens:    {10 * time.Minute, 7 * 24 * 6},
}

// Step is the time from one reading to the next.
func (p Pace) Step() time.Duration { return paces[p].step }

// Kept is how many readings are remembered.
func (p Pace) Kept() int { return paces[p].kept }

// PaceSince returns the finest pace that reaches back to a time.
func PaceSince(at, now time.Time) Pace {
	for p := range Tens {
		if now.Sub(at) <= time.Duration(p.Kept())*p.Step() {
			return p
		}
	}
	return Tens
}

// bridged is how many missing readings the next one stands for: a late tick leaves one out.
const bridged = 1

// ring holds the newest readings, at most one for each step, without holes between them.
type ring struct {
	step time.Duration
	most int
	list []Reading
}

// add adds a reading. Later ones are of a clock that was set back since, and are dropped.
func (r *ring) add(x Reading) {
	for n := len(r.list); n > 0 && !r.list[n-1].At.Before(x.At); n = len(r.list) {
		r.list = r.list[:n-1]
	}
	r.list = r.extended(r.list, x.At.Add(-r.step), &x)
	r.list = append(r.list, x)
	if over := len(r.list) - r.most; over > 0 {
		r.list = slices.Delete(r.list, 0, over)
	}
}

// until returns the readings up to a step that may be about to be read.
func (r *ring) until(last time.Time) []Reading {
	list := slices.Clone(r.list)
	if n := len(list); n == 0 || last.Sub(list[n-1].At) <= (1+bridged)*r.step {
		return list
	}
	list = r.extended(list, last, nil)
	return list[max(0, len(list)-r.most):]
}

// extended appends what is missing up to a time: as next says if that is little, otherwise unknown.
func (r *ring) extended(list []Reading, last time.Time, next *Reading) []Reading {
	if len(list) == 0 {
		return list
	}
	before := list[len(list)-1]
	missing := int(last.Sub(before.At) / r.step)
	if missing >= r.most {
		return list[:0]
	}
	fill := Reading{
		Clients: -1, Connections: -1, Published: -1, Delivered: -1, Bytes: -1, LagP50: -1, LagP95: -1, LagP99: -1, LagMax: -1, Memory: -1,
		Slow: before.Slow, Kicked: before.Kicked, Gaps: before.Gaps, Crowded: before.Crowded,
	}
	if missing <= bridged && next != nil {
		fill = *next
	}
	for i := range missing {
		fill.At = before.At.Add(time.Duration(i+1) * r.step)
		list = append(list, fill)
	}
	return list
}
