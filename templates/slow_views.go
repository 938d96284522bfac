package templates

import "time"

// SlowView is the page at /admin/slow.
type SlowView struct {
	AdminFrame
	Span     string // "1 h"
	Ranges   []RangeLink
	Slow     []SlowRow
	Flapping []FlapRow
	Since    string // since when servers remember, if that is shorter than the span; otherwise empty
	Silent   string // which servers have not told theirs; may be empty
}

// SlowRow is a client that was slow, with how often.
type SlowRow struct {
	Key                 string
	ClientID            string
	Name                string // from its info; may be empty
	Href                string
	Ended, Gaps, Behind string
	Last                time.Time
}

// FlapRow is a client that opened short streams one after the other.
type FlapRow struct {
	Key                 string
	ClientID            string
	Name                string
	Href                string
	Peak, Short, Opened string
	Last                time.Time
}

// Fragments returns the live parts of the page.
func (v SlowView) Fragments() []Fragment {
	var slow, flapping []Fragment
	for _, r := range v.Slow {
		slow = append(slow, Fragment{ID: r.Key, Body: slowRow(r)})
	}
	for _, r := range v.Flapping {
		flapping = append(flapping, Fragment{ID: r.Key, Body: flapRow(r)})
	}
	return []Fragment{
		{ID: "slow-notes", Body: slowNotes(v)},
		{ID: "slow-rows", Body: slowRows(v), Items: orEmpty(slow, Fragment{ID: "slow-empty", Body: slowEmpty(v)})},
		{ID: "flapping-rows", Body: flappingRows(v), Items: orEmpty(flapping, Fragment{ID: "flapping-empty", Body: flappingEmpty(v)})},
	}
}
