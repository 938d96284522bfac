package admin

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"rollcall/hub/eventlog"
)

// whenHelp says how times are written in the forms of the admin UI.
const whenHelp = "A time is such as 10:02, 10:02:30 or 2026-03-01 10:02."

// farthestZone is the largest distance of a zone from UTC, in minutes.
const farthestZone = 14 * 60

// zoneOf returns the zone of the times in a query: that of the browser, which its script adds, or UTC.
func zoneOf(q query) *time.Location {
	minutes, err := strconv.Atoi(q.Get("zone"))
	if err != nil || minutes < -farthestZone || minutes > farthestZone {
		return time.UTC
	}
	return time.FixedZone("", minutes*60)
}

// parseWhen reads a time that somebody wrote: with a date, or the last time that the clock showed it.
func parseWhen(text string, zone *time.Location, now time.Time) (at time.Time, ok bool) {
	text = strings.TrimSpace(text)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, strings.Replace(text, "T", " ", 1), zone); err == nil {
			return at, true
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		clock, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		year, month, day := now.In(zone).Date()
		at := time.Date(year, month, day, clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), zone)
		if at.After(now) {
			at = at.AddDate(0, 0, -1)
		}
		return at, true
	}
	return time.Time{}, false
}

// published returns when an event was published.
func published(r *eventlog.Record) time.Time {
	at, _ := time.Parse(time.RFC3339, r.Timestamp())
	return at
}

// firstSince returns the channel's first kept event that was published at a time or later, nil if there is none.
func (a *Admin) firstSince(channel string, at time.Time) *eventlog.Record {
	newest := a.node.Log.Page(channel, 0, 1)
	if len(newest) == 0 || published(newest[0]).Before(at) {
		return nil
	}
	// The smallest number below which an event is so new belongs to the event after the wanted one.
	below := func(before int) *eventlog.Record {
		if recs := a.node.Log.Page(channel, uint64(before), 1); len(recs) > 0 {
			return recs[0]
		}
		return nil
	}
	before := 1 + sort.Search(int(newest[0].Seq), func(i int) bool {
		r := below(i + 1)
		return r != nil && !published(r).Before(at)
	})
	return below(before)
}
