package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// Limits of the events between two times: those shown, those looked through, and the channels that patterns stand for.
const (
	betweenShown  = 500
	betweenRead   = 20_000
	betweenNamed  = 2000
	betweenAtMost = 24 * time.Hour

	betweenSpan = 5 * time.Minute // without a first time
)

// between paints /admin/clients/{clientId}/between: what was there for a client between two times.
func (a *Admin) between(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section, v.frame.Live = "clients", ""
	if !reply.IsClientID(v.arg) {
		return nil, reply.NewFault(http.StatusNotFound, "not_online", "This is not a client's id.")
	}
	c, conns, _ := a.node.Registry.Client(v.arg)
	view := templates.BetweenView{
		AdminFrame: v.frame, ClientID: v.arg, Base: below(adminLink("clients", v.arg), "between"), Back: adminLink("clients", v.arg),
		From: v.query.Get("from"), To: v.query.Get("to"), Channels: strings.Join(splitNames(v.query.Get("channels")), ","),
	}
	view.Name, _ = described(c.Info)
	names := splitNames(view.Channels)
	if view.Channels == "" {
		names, view.Channels = c.Channels, strings.Join(c.Channels, ",")
	}
	q := betweenQuestion{clientID: v.arg, channels: names}
	if q.from, q.to, view.Error = timesOf(v.query, time.Now(), betweenSpan, betweenAtMost); view.Error == "" {
		view.Error = q.check()
	}
	if view.Error == "" {
		for _, conn := range conns {
			q.conns = append(q.conns, conn.ID)
		}
		a.fillBetween(&view, &q)
	}
	return func() renderedPage { return renderedPage{body: templates.Between(view), parts: view.Fragments()} }, nil
}

// betweenQuestion asks for the events of a client between two times.
type betweenQuestion struct {
	clientID string
	channels []string // names and patterns
	conns    []string // ids of the connections that are open now
	from, to time.Time
}

// check returns what is wrong with the channels.
func (q *betweenQuestion) check() (wrong string) {
	for _, name := range q.channels {
		if eventlog.CheckChannel(name) != nil && !eventlog.IsPattern(name) {
			return "“" + reply.Short(name, 60) + "” is not the name of a channel."
		}
	}
	return ""
}

// fillBetween sets the events, what happened to the client's connections meanwhile, and what is not known.
func (a *Admin) fillBetween(view *templates.BetweenView, q *betweenQuestion) {
	view.Asked, view.Since, view.Until = true, q.from, q.to
	if len(q.channels) == 0 {
		view.Notes = append(view.Notes, "The client is not online, and the server does not remember on which channels it was. Name them above; "+
			"events to the client alone are shown in any case.")
	}
	recs, more, missing := a.eventsBetween(q)
	epoch := a.node.Log.Head().Epoch
	for _, r := range recs {
		view.Rows = append(view.Rows, betweenRow(r, epoch, q))
	}
	if more {
		view.Notes = append(view.Notes, "These are the first "+plural(len(recs), "event")+"; there are more until the second time.")
	}
	view.Notes = append(view.Notes, missing...)
	entries := a.newTimeline(q.clientID).entries(mostTimeline)
	full := len(entries) == mostTimeline && entries[len(entries)-1].At.After(q.from)
	entries = slices.DeleteFunc(entries, func(h node.JournalEntry) bool { return h.At.Before(q.from) || h.At.After(q.to) })
	slices.Reverse(entries)
	view.Moments = a.moments(entries, false)
	for i := range view.Moments {
		view.Moments[i].Clock = true
	}
	sent := 0
	for i := range entries {
		if entries[i].Kind == "send" {
			sent++
		}
	}
	if sent > 0 {
		view.Notes = append(view.Notes, plural(sent, "event")+" sent by operators to open streams only: such events are not kept.")
	}
	if full || q.from.Before(a.node.Started) {
		view.Notes = append(view.Notes, "What happened to the connections is not remembered for all of this time.")
	}
}

// eventsBetween returns the kept events, oldest first, whether there are more, and what history no longer has. It reads as
// a stream would that resumes at the first time.
func (a *Admin) eventsBetween(q *betweenQuestion) (recs []*eventlog.Record, more bool, missing []string) {
	names := slices.Clone(q.channels)
	if own := eventlog.ClientChannel(q.clientID); own != "" {
		names = append(names, own)
	}
	begin := a.node.Log.Head().Seq + 1
	for _, name := range a.expanded(names) {
		if r := a.firstSince(name, q.from); r != nil {
			begin = min(begin, r.Seq)
		}
		missing = append(missing, a.notKept(name, q)...)
	}
	cursor := &eventlog.Cursor{Channels: names, After: begin - 1, Whole: true}
	for looked := 0; ; {
		batch := a.node.Log.Next(cursor, eventlog.Limit{Events: betweenShown}, nil)
		for _, r := range batch.Records {
			looked++
			switch at := published(r); {
			case at.Before(q.from):
			case !at.Before(q.to):
				return recs, false, missing
			case len(recs) == betweenShown:
				return recs, true, missing
			default:
				recs = append(recs, r)
			}
		}
		if batch.Done || len(batch.Records) == 0 {
			return recs, false, missing
		}
		if looked >= betweenRead {
			return recs, true, missing
		}
		cursor.After = batch.Through
	}
}

// expanded returns the channels that names and patterns stand for now.
func (a *Admin) expanded(names []string) []string {
	patterns, list := eventlog.Split(names)
	if len(patterns) == 0 {
		return list
	}
	for _, k := range a.node.Log.Channels() {
		if len(list) < betweenNamed && patterns.Matches(k.Channel) && !slices.Contains(list, k.Channel) {
			list = append(list, k.Channel)
		}
	}
	return list
}

// notKept says what history does not have of a channel since the first time.
func (a *Admin) notKept(name string, q *betweenQuestion) []string {
	shown := name
	if eventlog.ClientOf(name) != "" {
		shown = "Events to this client"
	}
	switch a.node.Log.Limits(name).Keep {
	case eventlog.KeepNone:
		return []string{shown + ": nothing is kept, by the rule " + a.node.Log.Limits(name).Match + "; its events went to open streams only."}
	case eventlog.KeepLast:
		return []string{shown + ": only the newest event is kept, by the rule " + a.node.Log.Limits(name).Match + "."}
	}
	k := a.node.Log.Kept([]string{name}, 0, 0)[0]
	switch {
	case k.Events == 0 && eventlog.ClientOf(name) == "":
		return []string{shown + ": no event is kept. It had none, or they were dropped or purged."}
	case k.Events > 0 && k.Dropped && time.Now().Add(-k.Oldest).After(q.from):
		return []string{shown + ": events that are older than " + durationText(k.Oldest) + " are no longer kept."}
	}
	return nil
}

func betweenRow(r *eventlog.Record, epoch string, q *betweenQuestion) templates.EventRow {
	row := recordRow(r, epoch)
	if eventlog.ClientOf(r.Channel()) != "" {
		row.Channel, row.Href = "to this client", ""
	}
	if r.Excepts() && slices.Contains(q.conns, r.Except()) {
		row.Note = "not for the connection " + shortID(r.Except())
	}
	return row
}
