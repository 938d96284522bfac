package admin

import (
	"slices"
	"strconv"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/templates"
)

// historyRead is how many events a page of history looks through for those that pass its filter.
const historyRead = 5000

// historyPlace is where a page of a channel's history begins.
type historyPlace struct {
	past   bool   // not at the newest event
	before uint64 // events before this number, newest first
	after  uint64 // or the ones that follow this number
	wrong  string // what is wrong with the place that was asked for
}

// historyAt returns the place that a page asks for: by a number, or as somebody wrote it, an id or a time.
func (a *Admin) historyAt(v *pageRequest) (p historyPlace) {
	p.before, _ = strconv.ParseUint(v.query.Get("before"), 10, 64)
	p.after, _ = strconv.ParseUint(v.query.Get("after"), 10, 64)
	if text := v.query.Get("at"); text != "" {
		if at, err := eventlog.ParsePosition(text); err == nil && at.Epoch == a.node.Log.Head().Epoch {
			p.before = at.Seq + 1
		} else if at, ok := parseWhen(text, zoneOf(v.query), time.Now()); ok {
			if r := a.firstSince(v.arg, at); r != nil {
				p.before = r.Seq
			}
		} else {
			p.wrong = "This is neither the id of an event nor a time. " + whenHelp
		}
	}
	p.past = p.before > 0 || p.after > 0
	return p
}

// fillHistory sets the events of a channel's page, newest first, and the links to older and newer ones.
func (a *Admin) fillHistory(view *templates.ChannelView, v *pageRequest, at historyPlace, t *tail) {
	view.At, view.AtError = v.query.Get("at"), at.wrong
	base := adminLink("channels", v.arg)
	to := func(name string, seq uint64) string {
		return v.query.with(base, "at", "", "zone", "", "before", "", "after", "", name, strconv.FormatUint(seq, 10))
	}
	var recs []*eventlog.Record
	var more bool // behind the last one, in the direction of reading
	if at.after > 0 {
		recs, more = a.following(v.arg, at.after, t)
		slices.Reverse(recs)
		if !more {
			at.past = false // the newest are shown
		}
	}
	if at.after == 0 || !at.past {
		recs, more = a.preceding(v.arg, at.before, t)
		if more {
			view.Older = to("before", recs[len(recs)-1].Seq)
		} else if at.past {
			view.HasGap = a.node.Log.Kept([]string{v.arg}, 0, 0)[0].Dropped
		}
	} else if len(recs) > 0 {
		view.Older = to("before", recs[len(recs)-1].Seq)
	}
	if at.past {
		view.Newest = v.query.with(base, "at", "", "zone", "", "before", "", "after", "")
		view.Newer = view.Newest
		if len(recs) > 0 {
			view.Newer = to("after", recs[0].Seq)
		} else if at.before > 0 {
			view.Newer = to("after", at.before-1)
		}
	}
	epoch := a.node.Log.Head().Epoch
	for _, r := range recs {
		row := recordRow(r, epoch)
		row.Open = true
		view.History = append(view.History, row)
	}
}

// preceding returns the newest events of a channel before a number that pass the filter, newest first, and whether there
// may be more.
func (a *Admin) preceding(channel string, before uint64, t *tail) (recs []*eventlog.Record, more bool) {
	for looked := 0; looked < historyRead; {
		page := a.node.Log.Page(channel, before, 10*historyShown)
		for _, r := range page {
			if t.shows(r) {
				if len(recs) == historyShown {
					return recs, true
				}
				recs = append(recs, r)
			}
		}
		if len(page) < 10*historyShown {
			return recs, false
		}
		looked += len(page)
		before = page[len(page)-1].Seq
	}
	return recs, len(recs) > 0
}

// following returns the events of a channel after a number that pass the filter, oldest first, and whether there may be
// more.
func (a *Admin) following(channel string, after uint64, t *tail) (recs []*eventlog.Record, more bool) {
	cursor := &eventlog.Cursor{Channels: []string{channel}, After: after, Whole: true}
	for looked := 0; looked < historyRead; {
		batch := a.node.Log.Next(cursor, eventlog.Limit{Events: 10 * historyShown}, nil)
		for _, r := range batch.Records {
			if t.shows(r) {
				if len(recs) == historyShown {
					return recs, true
				}
				recs = append(recs, r)
			}
		}
		if batch.Done || len(batch.Records) == 0 {
			return recs, false
		}
		looked += len(batch.Records)
		cursor.After = batch.Through
	}
	return recs, len(recs) > 0
}
