package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/reply"
)

// How much a channel's page shows.
const (
	membersShown = 60
	historyShown = 50
	rateParts    = 180
	rateEvery    = 2 * time.Second
)

// channel renders /admin/channels/{name}. An unused one is shown empty.
func (a *Admin) channel(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "channels"
	if err := eventlog.CheckChannel(v.arg); err != nil {
		return nil, reply.NewFault(http.StatusNotFound, "invalid_channel", "This is not a valid channel: its name "+err.Error()+".")
	}
	t, f := a.tailOf(v, v.arg)
	if f != nil {
		return nil, f
	}
	t.open = true
	if id := v.query.Get("again"); id != "" && v.publish == (templates.PublishForm{}) {
		v.publish = a.formAgain(v.arg, id)
	}
	span := spanOf(v.query)
	var rate templates.Chart
	var rateAt time.Time
	return func() renderedPage {
		if time.Since(rateAt) >= max(rateEvery, min(span.time()/rateParts, time.Minute)) {
			rateAt, rate = time.Now(), a.rateChart(v.arg, span.time())
			if !v.session.Limited() {
				rate.Zoom = periodPath
			}
		}
		view := a.channelView(v)
		view.Rate, view.Ranges = rate, span.links(v.query, adminLink("channels", v.arg))
		view.Tail = templates.TailControls{Action: adminLink("channels", v.arg), Filter: v.query.Get("filter"), Curl: curlTail(v.base, v.arg, v.query.Get("filter"))}
		at := a.historyAt(v)
		if v.live && at.past {
			return renderedPage{parts: view.Fragments()}
		}
		if v.live {
			return renderedPage{parts: view.Fragments(), feed: t.newRows}
		}
		a.fillHistory(&view, v, at, t)
		if !at.past {
			view.Live = t.liveFrom(v.frame.Live)
		}
		return renderedPage{body: templates.ChannelPage(view), parts: view.Fragments()}
	}, nil
}

func (a *Admin) channelView(v *pageRequest) templates.ChannelView {
	name := v.arg
	k := a.node.Log.Kept([]string{name}, activitySpan, sparkParts)[0]
	ch := a.node.Registry.Channel(name)
	base := adminLink("channels", name)
	view := templates.ChannelView{AdminFrame: v.frame, Name: name, Base: base, Publish: v.publish, CanPurge: k.Events > 0, BaseURL: v.base,
		AllHref: clientsWith("", termText("channel", name))}
	last, oldest := "–", ""
	if k.Newest != nil {
		view.Ended = k.Newest.End()
		at, _ := time.Parse(time.RFC3339, k.Newest.Timestamp())
		last, oldest = durationText(max(time.Since(at), 0))+" ago", "oldest "+durationText(k.Oldest)+" ago"
	}
	rule := a.node.Log.Limits(name)
	view.Figures = []templates.Figure{
		{ID: "fig-clients", Label: "Clients", Value: grouped(ch.Clients), Note: plural(ch.Connections, "connection")},
		{ID: "fig-rate", Label: "Rate", Value: perSecond(a.rates()[name]), Unit: "/s", Note: "in " + durationText(rateSpan)},
		{ID: "fig-last", Label: "Last event", Value: last},
		{ID: "fig-kept", Label: "Kept", Value: grouped(k.Events), Note: oldest},
		{ID: "fig-size", Label: "Size", Value: sized(k.Bytes), Note: keeps(rule)},
	}
	members, total, _ := a.node.Registry.Clients(presence.Query{Channel: name, Limit: membersShown, NamedFirst: true})
	for _, m := range members {
		row := templates.MemberRow{Key: "member-" + keyOf(m.ClientID), ClientID: m.ClientID, Href: adminLink("clients", m.ClientID)}
		row.Name, row.Info = described(m.Info)
		view.Members = append(view.Members, row)
	}
	view.More = total - len(members)
	if v.session.Limited() { // the clients' pages show their other channels
		view.AllHref = ""
		for i := range view.Members {
			view.Members[i].Href = ""
		}
	}
	return view
}

// keeps says what a channel keeps, by its rule.
func keeps(l eventlog.Limits) string {
	text := ""
	switch l.Keep {
	case eventlog.KeepNone:
		text = "live only"
	case eventlog.KeepLast:
		text = "the newest event"
	default:
		text = "of at most " + grouped(l.Events) + " events, " + sized(l.Bytes)
	}
	if l.Age > 0 && l.Keep != eventlog.KeepNone {
		text += ", for " + durationText(l.Age)
	}
	if l.Latest {
		text += ", newest first for slow streams"
	}
	if l.Match != "" {
		text += " (rule " + l.Match + ")"
	}
	return text
}

// rateChart draws the channel's activity of a span, as far as its events are kept.
func (a *Admin) rateChart(name string, span time.Duration) templates.Chart {
	k := a.node.Log.Kept([]string{name}, span, rateParts)[0]
	step := span / rateParts
	values := activity(k, span)
	for i := range values {
		values[i] /= step.Seconds()
	}
	return templates.Chart{ID: "chart-rate", Title: "Events kept, by time of publication", Unit: "/s", Step: step, End: time.Now(), Plain: true,
		Series: []templates.Series{{Name: "Events", Tone: "accent", Values: values}}}
}

// publish answers POST /admin/channels/{name}/publish: one event, or a batch as POST
// /publish takes it.
func (a *Admin) publish(c *gin.Context) {
	name := argOf(c)
	form := templates.PublishForm{
		Mode: c.PostForm("mode"), Type: c.PostForm("type"), Payload: c.PostForm("payload"), Batch: c.PostForm("batch"),
		End:    c.PostForm("end") == "true",
		IsText: c.PostForm("text") != "",
	}
	if form.Mode != "batch" {
		form.Mode = "one"
	}
	events, f := a.parseForm(name, &form)
	if f != nil {
		a.publishFailed(c, name, form, name, f)
		return
	}
	target := publishTarget(events)
	if s := sessionOf(c); slices.ContainsFunc(events, func(e eventlog.Event) bool { return !sees(s, e.Channel) }) {
		a.publishFailed(c, name, form, target, limitedFault(s))
		return
	}
	if _, err := a.node.Hub.Publish(c.Request.Context(), events); err != nil {
		a.publishFailed(c, name, form, target, reply.PublishFault(c, err))
		return
	}
	published := plural(len(events), "event")
	a.done(c, "channel.publish", target, published, adminLink("channels", name), "Published "+published+".")
}

// parseForm returns the events of the form on a channel's page.
func (a *Admin) parseForm(channel string, form *templates.PublishForm) ([]eventlog.Event, *reply.Fault) {
	var body bytes.Buffer
	if form.Mode == "batch" {
		if text := validUTF8(form.Batch); !json.Valid([]byte(text)) {
			return nil, reply.NewFault(http.StatusBadRequest, "invalid_json", "The batch is not JSON: "+jsonFault(text)+".")
		}
		body.WriteString(form.Batch)
	} else {
		payload, wrong := payloadOf(form.Payload, form.IsText)
		if wrong != "" {
			return nil, &reply.Fault{Status: http.StatusBadRequest, Code: "invalid_json", Message: wrong + ".", Field: "payload"}
		}
		text := append([]byte(`{"events":[{"channelName":`), eventlog.AppendString(nil, validUTF8(channel))...)
		text = append(append(text, `,"type":`...), eventlog.AppendString(nil, validUTF8(form.Type))...)
		text = append(append(text, `,"payload":`...), payload...)
		if form.End {
			text = append(text, `,"end":true`...)
		}
		body.Write(append(text, "}]}"...))
	}
	if int64(body.Len()) > a.opts.MaxBodyBytes {
		return nil, reply.NewFault(http.StatusRequestEntityTooLarge, "body_too_large",
			"The batch is too large. It may have "+sized(a.opts.MaxBodyBytes)+".")
	}
	events, f := a.publisher.Parse(&body)
	if f != nil {
		return nil, f
	}
	if len(events) == 0 {
		return nil, reply.Invalid("empty_batch", "events", "is empty; add at least one event")
	}
	return events, nil
}

// publishFailed shows the channel's page with the submitted form and what is wrong with it.
func (a *Admin) publishFailed(c *gin.Context, name string, form templates.PublishForm, target string, f *reply.Fault) {
	form.Error, form.Field = f.Message, "batch"
	if form.Mode == "one" {
		form.Field = f.Field[strings.LastIndexByte(f.Field, '.')+1:]
		form.Error = strings.ReplaceAll(form.Error, "events[0].", "")
	}
	a.audited(c, "channel.publish", target, "failed", form.Error)
	live := adminLink("channels", name)
	a.showScreen(c, sessionOf(c), f.Status, a.channel, func(v *pageRequest) { v.publish = form; v.frame.Live = live })
}

// publishTarget names the channels of a batch, which may be other ones than the page's.
func publishTarget(events []eventlog.Event) string {
	var names []string
	seen := make(map[string]bool)
	for _, ev := range events {
		if !seen[ev.Channel] {
			seen[ev.Channel] = true
			names = append(names, ev.Channel)
		}
	}
	return strings.Join(names, ", ")
}

// purge answers POST /admin/channels/{name}/purge.
func (a *Admin) purge(c *gin.Context) {
	name := argOf(c)
	purged, err := a.node.Log.Purge(c.Request.Context(), name)
	if err != nil {
		a.opts.Log.Error("a channel could not be purged", "channel", name, "error", err)
		a.failed(c, "channel.purge", name, adminLink("channels", name), "The channel could not be purged now. Try again.")
		return
	}
	n := plural(purged, "event")
	a.done(c, "channel.purge", name, n, adminLink("channels", name), "Purged "+n+". Streams that resume there get a gap.")
}
