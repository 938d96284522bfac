package admin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// traceKind is the kind of question for the streams that an event was for.
const traceKind = "event-trace"

// Limits of a trace: the streams that one answer lists, and those that a page shows.
const (
	mostTraced  = 500
	tracedShown = 200
)

// How far an event has come on a stream.
const (
	tracePassed  = "passed"        // the stream was open, and has passed its position
	traceResumed = "resumed"       // the stream was opened later, resumed before the event, and was given it
	traceBefore  = "passed before" // the stream resumed behind it: an earlier stream of the client had passed it
	traceBehind  = "behind"        // the stream has still to get it
	traceGap     = "told of a gap" // the stream was told that events are missing, perhaps this one
	traceLater   = "came later"    // the stream was opened later, and did not ask for it
	traceExcept  = "excepted"      // the publisher excepted the connection
)

// traceOrder is the order of the rows: what an operator looks for comes first.
var traceOrder = []string{traceBehind, traceGap, traceLater, traceResumed, traceExcept, traceBefore, tracePassed}

// traceQuestion asks how far an event has come on the streams of a server.
type traceQuestion struct {
	Channel string    `json:"channel"`
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"` // when it was published
}

// tracedStream is one stream that the event was for.
type tracedStream struct {
	ClientID string    `json:"clientId"`
	ConnID   string    `json:"connId"`
	Node     string    `json:"node"`
	State    string    `json:"state"`
	Behind   int       `json:"behind,omitempty"` // events that it still has to get
	Stuck    bool      `json:"stuck,omitempty"`  // it takes nothing now
	At       time.Time `json:"at,omitzero"`      // of a resume or a gap
	Opened   time.Time `json:"opened"`
}

type traceAnswer struct {
	Streams []tracedStream `json:"streams"`
	Counts  map[string]int `json:"counts"` // by state, of all streams
}

// trace answers traceQuestions.
func (a *Admin) trace(q traceQuestion) (any, bool) {
	answer := traceAnswer{Counts: make(map[string]int)}
	caughtUp := make(map[string]node.JournalEntry) // the newest by connection
	for _, h := range a.node.Journal.Newest(1<<20, func(h *node.JournalEntry) bool {
		return (h.Kind == "resume" || h.Kind == "gap" && h.From < q.Seq) && !h.At.Before(q.At)
	}) {
		if _, known := caughtUp[h.ConnID]; !known {
			caughtUp[h.ConnID] = h
		}
	}
	record := a.recordAt(q.Channel, q.Seq)
	seen := make(map[string]bool)
	names := a.namesOf(q.Channel)
	for _, id := range a.clientsOn(q.Channel, names) {
		_, conns, _ := a.node.Registry.Client(id)
		for _, c := range conns {
			st, ours := a.node.StateOf(c)
			if !ours || seen[c.ID] || !a.isOn(c, q.Channel, names) {
				continue
			}
			seen[c.ID] = true
			s := tracedStream{ClientID: id, ConnID: c.ID, Node: c.Node, Opened: c.ConnectedAt, Behind: st.Behind, Stuck: st.State == "not reading"}
			h, resumed := caughtUp[c.ID]
			at, _ := eventlog.ParsePosition(st.Position)
			switch {
			case record != nil && record.IsExcept(c.ID):
				s.State = traceExcept
			case at.Seq < q.Seq:
				s.State = traceBehind
			case resumed && h.From >= q.Seq:
				s.State, s.At = traceBefore, h.At
			case resumed && h.Gaps > 0:
				s.State, s.At = traceGap, h.At
			case resumed:
				s.State, s.At = traceResumed, h.At
			case c.ConnectedAt.Truncate(time.Millisecond).After(q.At): // events' times are whole milliseconds
				s.State = traceLater
			default:
				s.State = tracePassed
			}
			answer.Counts[s.State]++
			answer.Streams = append(answer.Streams, s)
		}
	}
	sortTraced(answer.Streams)
	answer.Streams = answer.Streams[:min(len(answer.Streams), mostTraced)]
	return answer, true
}

func sortTraced(list []tracedStream) {
	slices.SortFunc(list, func(x, y tracedStream) int {
		return cmp.Or(cmp.Compare(slices.Index(traceOrder, x.State), slices.Index(traceOrder, y.State)),
			strings.Compare(x.ClientID, y.ClientID), strings.Compare(x.ConnID, y.ConnID))
	})
}

// namesOf returns the name of a channel and the patterns in use that stand for it.
func (a *Admin) namesOf(channel string) map[string]bool {
	names := map[string]bool{channel: true}
	a.node.Registry.EachChannel(func(ch presence.Channel) {
		if matches(ch.Name, channel) {
			names[strings.Clone(ch.Name)] = true
		}
	})
	return names
}

// clientsOn returns the clients with a stream that gets the events of a channel: by one of its names, or as the client that
// the event is to.
func (a *Admin) clientsOn(channel string, names map[string]bool) (ids []string) {
	if to := eventlog.ClientOf(channel); to != "" {
		return []string{to}
	}
	for name := range names {
		members, _, _ := a.node.Registry.Clients(presence.Query{Channel: name})
		for _, m := range members {
			ids = append(ids, m.ClientID)
		}
	}
	return ids
}

// matches reports whether a name is a pattern that stands for a channel.
func matches(name, channel string) bool {
	if !eventlog.IsPattern(name) {
		return false
	}
	p, err := eventlog.ParsePattern(name)
	return err == nil && p.Matches(channel)
}

// isOn reports whether a connection gets the events of a channel, by one of its names or as the client that they are to.
func (a *Admin) isOn(c *presence.Connection, channel string, names map[string]bool) bool {
	return eventlog.ClientOf(channel) == c.ClientID || slices.ContainsFunc(a.node.Registry.On(c), func(name string) bool { return names[name] })
}

// recordAt returns the kept event with this number, nil if there is none. Without a channel, only the newest events are
// looked through.
func (a *Admin) recordAt(channel string, seq uint64) *eventlog.Record {
	if seq == 0 {
		return nil
	}
	recs := []*eventlog.Record(nil)
	if channel != "" {
		recs = a.node.Log.Page(channel, seq+1, 1)
	} else {
		recs, _ = a.node.Log.Newest(10_000, seq-1, func(string) bool { return true })
	}
	for _, r := range recs {
		if r.Seq == seq {
			return r
		}
	}
	return nil
}

// tracePath is the page that follows an event.
const tracePath = Path + "/events"

// traceLink returns the page that follows an event of a channel.
func traceLink(id, channel string) string {
	return tracePath + "?id=" + queryEscape(id) + "&channel=" + queryEscape(channel)
}

// events paints /admin/events: how far an event has come.
func (a *Admin) events(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "tail"
	view := templates.TraceView{AdminFrame: v.frame, ID: strings.TrimSpace(v.query.Get("id")), Channel: strings.TrimSpace(v.query.Get("channel"))}
	at, err := eventlog.ParsePosition(view.ID)
	var record *eventlog.Record
	switch {
	case view.ID == "":
	case err != nil:
		view.Error = "This is not the id of an event; an id is such as " + a.node.IDOf(1042) + "."
	case at.Epoch != a.node.Log.Head().Epoch:
		view.Error = "The id is of an earlier log. The log of now began anew, and nothing is known of earlier ones."
	default:
		if record = a.recordAt(view.Channel, at.Seq); record != nil && !sees(v.session, record.Channel()) {
			record = nil
		}
		if record == nil {
			view.Error = "No kept event has this id. It was dropped, purged or never kept; for an older event, give its channel."
		}
	}
	if record == nil {
		return func() renderedPage { return renderedPage{body: templates.Trace(view), parts: view.Fragments()} }, nil
	}
	view.Event, view.Channel = a.eventPanel(v, record, at.Epoch), record.Channel()
	q := traceQuestion{Channel: record.Channel(), Seq: at.Seq, At: view.Event.At}
	others := &lookup[traceAnswer]{node: a.node, kind: traceKind, every: 2 * time.Second}
	return func() renderedPage {
		a.fillTrace(&view, q, others)
		return renderedPage{body: templates.Trace(view), parts: view.Fragments()}
	}, nil
}

// fillTrace sets the rows and figures of a trace.
func (a *Admin) fillTrace(view *templates.TraceView, q traceQuestion, others *lookup[traceAnswer]) {
	own, _ := a.trace(q)
	answers := others.ask(q)
	all := slices.Clone(own.(traceAnswer).Streams)
	counts := make(map[string]int)
	for state, n := range own.(traceAnswer).Counts {
		counts[state] += n
	}
	for _, answer := range answers {
		all = append(all, answer.Value.Streams...)
		for state, n := range answer.Value.Counts {
			counts[state] += n
		}
	}
	sortTraced(all)
	total := 0
	for _, n := range counts {
		total += n
	}
	passed := counts[tracePassed] + counts[traceResumed] + counts[traceBefore]
	view.Figures = []templates.Figure{
		{ID: "fig-streams", Label: "Streams now", Value: grouped(total), Note: "that get this channel"},
		{ID: "fig-passed", Label: "Passed it", Value: grouped(passed), Note: grouped(counts[traceResumed]) + " on a resume"},
		{ID: "fig-behind", Label: "Behind it", Value: grouped(counts[traceBehind]), Tone: warnIf(counts[traceBehind] > 0)},
		{ID: "fig-gap", Label: "Told of a gap", Value: grouped(counts[traceGap]), Tone: warnIf(counts[traceGap] > 0)},
		{ID: "fig-later", Label: "Came later", Value: grouped(counts[traceLater]), Note: "did not ask for it"},
		{ID: "fig-excepted", Label: "Excepted", Value: grouped(counts[traceExcept]), Note: "by its publisher"},
	}
	view.Event.Passed, view.Event.Streams = grouped(passed), grouped(total)
	view.Silent = strings.Join(silentServers(a.node, answers), ", ")
	view.More = total - min(len(all), tracedShown)
	view.Rows = view.Rows[:0]
	for _, s := range all[:min(len(all), tracedShown)] {
		row := a.traceRow(&s)
		if view.Channels != "" { // the clients' pages show their other channels
			row.Href = ""
		}
		view.Rows = append(view.Rows, row)
	}
}

func (a *Admin) traceRow(s *tracedStream) templates.TraceRow {
	row := templates.TraceRow{
		Key: "trace-" + s.ConnID, ClientID: s.ClientID, Href: adminLink("clients", s.ClientID), ConnectionID: shortID(s.ConnID),
		Node: s.Node, State: s.State, Level: "ok", Opened: s.Opened, At: s.At,
	}
	if c, _, ok := a.node.Registry.Client(s.ClientID); ok {
		row.Name, _ = described(c.Info)
	}
	switch s.State {
	case traceBehind:
		row.Level, row.Detail = "warn", strconv.Itoa(s.Behind)+" events to get"
		if s.Stuck {
			row.Level, row.Detail = "bad", row.Detail+", takes nothing now"
		}
	case traceGap:
		row.Level, row.Detail = "warn", "events are missing, perhaps this one"
	case traceLater:
		row.Level, row.Detail = "", "opened after the event, without a position before it"
	case traceResumed:
		row.Detail = "was away, resumed before it and was given it"
	case traceExcept:
		row.Level, row.Detail = "", "the publisher left this connection out"
	case traceBefore:
		row.Detail = "resumed behind it: it was given to an earlier connection"
	case tracePassed:
		row.Detail = "was open, and is past its position"
	}
	return row
}
