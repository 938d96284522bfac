package admin

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// The page of a time that is past: what the charts show of it, and what happened then.
const (
	periodPath   = Path + "/period"
	periodSpan   = 5 * time.Minute // without a first time
	periodAtMost = 8 * 24 * time.Hour
	periodLeast  = 8 // values of its charts
	periodShown  = 8 // channels, and clients
)

// period paints /admin/period.
func (a *Admin) period(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section, v.frame.Live = "overview", ""
	now := time.Now()
	view := templates.PeriodView{AdminFrame: v.frame, Base: periodPath, FromText: v.query.Get("from"), ToText: v.query.Get("to")}
	from, to, wrong := timesOf(v.query, now, periodSpan, periodAtMost)
	if view.Error = wrong; wrong == "" {
		a.fillPeriod(&view, from, to, now)
	}
	return func() renderedPage { return renderedPage{body: templates.Period(view), parts: view.Fragments()} }, nil
}

// timesOf reads the two times of a query: by default the last is now, and the first one is the usual span before it. It
// returns what is wrong with them.
func timesOf(in query, now time.Time, usual, most time.Duration) (from, to time.Time, wrong string) {
	zone, ok := zoneOf(in), true
	to = now
	if text := in.Get("to"); text != "" {
		if to, ok = parseWhen(text, zone, now); !ok {
			return from, to, whenHelp
		}
	}
	from = to.Add(-usual)
	if text := in.Get("from"); text != "" {
		if from, ok = parseWhen(text, zone, now); !ok {
			return from, to, whenHelp
		}
	}
	switch {
	case !from.Before(to):
		return from, to, "The first time must be before the second one."
	case to.Sub(from) > most:
		return from, to, fmt.Sprintf("There may be %d hours between the times.", int(most.Hours()))
	}
	return from, to, ""
}

// drawingOf returns the readings of a time at the finest pace that reaches back to it.
func (a *Admin) drawingOf(from, to, now time.Time) drawing {
	pace := node.PaceSince(from, now)
	step := pace.Step()
	first, end := from.Truncate(step), to.Add(step-1).Truncate(step)
	if latest := now.Truncate(step); end.After(latest) {
		end = latest
	}
	if short := periodLeast - int(end.Sub(first)/step); short > 0 {
		first = end.Add(-periodLeast * step)
	}
	d := drawing{step: step, length: int(end.Sub(first) / step), end: end, past: true}
	for _, r := range a.history(pace) {
		if r.At.After(first) && !r.At.After(end) {
			d.list = append(d.list, r)
		}
	}
	d.done = a.marks(pace, first, end.Add(step))
	d.marks = chartMarks(d.done)
	return d
}

// fillPeriod sets the charts of a time, and what happened then.
func (a *Admin) fillPeriod(view *templates.PeriodView, from, to, now time.Time) {
	d := a.drawingOf(from, to, now)
	view.From, view.To = d.begin(), d.end
	view.Charts = d.charts()
	span := view.To.Sub(view.From)
	view.Earlier, view.Wider = periodOf(view.From.Add(-span), view.From), periodOf(view.From.Add(-span/2), view.To.Add(span/2))
	if view.To.Add(d.step).Before(now) {
		view.Later = periodOf(view.To, view.To.Add(span))
	}
	past := a.pastOf(view.From, view.To)
	view.Figures = append(d.figures(), past.figures()...)
	for i := range d.done {
		view.Done = append(view.Done, doneMoment(&d.done[i], i))
	}
	view.Clients = past.troubled(view.From, view.To)
	view.Channels = a.busiestThen(&d)
	view.Moments = a.moments(past.Entries, true)
	for i := range view.Moments {
		view.Moments[i].Clock = true
	}
	if past.Since.After(view.From) {
		view.Notes = append(view.Notes, "What happened to clients is remembered since "+past.Since.UTC().Format("2 Jan 15:04:05")+" UTC.")
	}
	if len(past.silent) > 0 {
		view.Notes = append(view.Notes, "Without what these servers remember, which do not answer: "+strings.Join(past.silent, ", ")+".")
	}
}

// periodOf returns the address of the page of a time.
func periodOf(from, to time.Time) string {
	return periodPath + "?" + url.Values{"from": {from.UTC().Format(time.RFC3339)}, "to": {to.UTC().Format(time.RFC3339)}}.Encode()
}

// figures sum up the readings of a time.
func (d *drawing) figures() []templates.Figure {
	var clients, memory, lag float64 = -1, -1, -1
	var published, delivered float64
	for i := range d.list {
		r := &d.list[i]
		clients, memory, lag = max(clients, float64(r.Clients)), max(memory, float64(r.Memory)), max(lag, float64(r.LagMax))
		published += float64(max(0, r.Published)) * d.step.Seconds()
		delivered += float64(max(0, r.Delivered)) * d.step.Seconds()
	}
	figure := func(id, label, note string, value string, known bool) templates.Figure {
		if !known {
			value, note = unknown, ""
		}
		return templates.Figure{ID: "fig-" + id, Label: label, Value: value, Note: note}
	}
	longest, unit := shortDuration(lagTime(lag))
	return []templates.Figure{
		figure("clients", "Clients", "at most", grouped(int(clients)), clients >= 0),
		figure("published", "Published", "events", grouped(int(published+.5)), clients >= 0),
		figure("delivered", "Delivered", "events", grouped(int(delivered+.5)), clients >= 0),
		figure("lag", "Longest lag", "", longest+" "+unit, lag >= 0),
		figure("memory", "Memory", "at most", sized(max(0, memory)), memory >= 0),
	}
}

// busiestThen returns the channels with the most events of a time, as the readings by the minute or more coarsely say.
func (a *Admin) busiestThen(d *drawing) (list []templates.Moment) {
	rates, n := make(map[string]float64), 0
	readings := d.list
	if d.step < time.Minute {
		readings = nil
		for _, r := range a.node.Meter.History(node.Minutes) {
			if r.At.After(d.begin()) && r.At.Add(-time.Minute).Before(d.end) {
				readings = append(readings, r)
			}
		}
	}
	for i := range readings {
		if readings[i].Clients >= 0 {
			n++
		}
		for _, b := range readings[i].Busiest {
			rates[b.Channel] += b.Rate
		}
	}
	at := "at=" + queryEscape(d.begin().UTC().Format(time.RFC3339))
	for i, name := range largest(rates, periodShown) {
		href := adminLink("channels", name)
		list = append(list, templates.Moment{
			Key: fmt.Sprint(i), Clock: true, Tone: "neutral", ClientID: name, Href: withQuery(href, at),
			Text: perSecond(rates[name]/float64(n)) + "/s",
		})
	}
	return list
}
