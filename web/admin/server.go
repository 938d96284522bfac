package admin

import (
	"runtime"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
	"rollcall/web/totals"
)

// serverPage paints /admin/server.
func (a *Admin) serverPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "server"
	return func() renderedPage {
		view := templates.ServerView{AdminFrame: v.frame, Facts: a.facts(), Drain: a.drainView()}
		for _, t := range a.opts.Totals() {
			view.Limits = append(view.Limits, limitRow(t))
		}
		for _, s := range a.opts.Settings {
			view.Settings = append(view.Settings, templates.Setting(s))
		}
		for _, s := range a.sessions.List(v.session.User, v.session) {
			view.Sessions = append(view.Sessions, templates.SessionRow{Since: s.Created, Seen: s.Seen, Address: s.Addr, Agent: agentName(s.Agent), Current: s.Current})
		}
		return renderedPage{body: templates.ServerPage(view), parts: view.Fragments()}
	}, nil
}

func (a *Admin) facts() []templates.FactGroup {
	s := a
	stats, kept := s.node.Meter.Latest()
	health, tone := "ready", "ok"
	if _, leaving := s.node.Leaving(); leaving {
		health, tone = "not ready: draining", "warn"
	}
	ends := ""
	for _, code := range []string{"gone", "slow", "kicked", "draining", "overloaded", "expired", "limit"} {
		if n := stats.Ends[code]; n > 0 {
			if ends != "" {
				ends += ", "
			}
			ends += code + " " + grouped(n)
		}
	}
	if ends == "" {
		ends = "none"
	}
	head := s.node.Log.Head()
	engine, engineTone := s.node.EngineState(), ""
	if !engine.Ready {
		health, tone = "not ready: "+engine.Reason, "bad"
		engineTone = "bad"
	}
	return []templates.FactGroup{
		{ID: "facts-server", Title: "Server", Facts: []templates.Fact{
			{Name: "Health", Value: health, Tone: tone},
			{Name: "Version", Value: s.opts.Version},
			{Name: "Node", Value: s.node.Name()},
			{Name: "Started", Time: s.node.Started},
			{Name: "Built with", Value: runtime.Version() + " for " + runtime.GOOS + "/" + runtime.GOARCH},
			{Name: "Cores", Value: strconv.Itoa(runtime.GOMAXPROCS(0))},
			{Name: "Memory", Value: sized(node.ProcessMemory())},
			{Name: "Goroutines", Value: grouped(runtime.NumGoroutine())},
		}},
		{ID: "facts-streams", Title: "Streams", Facts: []templates.Fact{
			{Name: "Open", Value: grouped(s.node.Hub.Streams()) + " of at most " + grouped(s.streams.Max())},
			{Name: "Presence streams", Value: grouped(s.node.Watchers.Streams())},
			{Name: "Opened", Value: grouped(stats.Accepted) + ", resuming " + grouped(stats.Resumed)},
			{Name: "Ended", Value: ends},
			{Name: "Delivered", Value: grouped(stats.Events) + " events, " + sized(stats.Bytes)},
			{Name: "Gaps announced", Value: grouped(stats.Gaps)},
		}},
		{ID: "facts-access", Title: "Access", Facts: a.accessFacts()},
		{ID: "facts-log", Title: "Log", Facts: []templates.Fact{
			{Name: "Engine", Value: engine.Name, Tone: engineTone},
			{Name: "Behind the store", Value: plural(int(engine.Lag), "event")},
			{Name: "Position", Value: head.String()},
			{Name: "Kept", Value: grouped(kept.Events) + " events of " + plural(kept.Channels, "channel")},
			{Name: "Size", Value: sized(kept.Bytes) + " of " + sized(kept.Budget)},
			{Name: "Dropped early (budget)", Value: grouped(kept.EvictedForBudget)},
		}},
	}
}

// accessFacts describes access and refusals.
func (a *Admin) accessFacts() []templates.Fact {
	mode, tone := "keys and tokens", "ok"
	switch {
	case a.gate.Open() && a.opts.LoopbackOnly:
		mode, tone = "open to this machine", "warn"
	case a.gate.Open():
		mode, tone = "open to everybody", "bad"
	}
	refused := a.gate.Refusals()
	at, id := refused.Address, refused.Identity
	facts := []templates.Fact{
		{Name: "Mode", Value: mode, Tone: tone},
		{Name: "Refused credentials", Value: grouped(refused.Credentials)},
		{Name: "Not allowed", Value: grouped(refused.Denied)},
		{Name: "Too many failures", Value: grouped(at.FailedAuth)},
		{Name: "Over a limit: streams", Value: grouped(at.Connects + at.Connections + id.Connects + id.Connections)},
		{Name: "Over a limit: publishes", Value: grouped(at.Publishes + at.Bytes + id.Publishes + id.Bytes)},
	}
	if b := a.gate.Backend(); b != nil {
		st, tone := b.Stats(), ""
		if st.Failing {
			tone = "warn"
		}
		facts = append(facts,
			templates.Fact{Name: "Backend asked", Value: grouped(st.Asked()) + ": " + grouped(st.Admitted) + " let in, " + grouped(st.Refused) +
				" refused, " + grouped(st.Failed) + " failed", Tone: tone},
			templates.Fact{Name: "Backend not asked", Value: grouped(st.Remembered) + " known, " + grouped(st.Busy) + " too many at once"})
	}
	if v := a.gate.Verifier(); v != nil {
		if set, ok := v.JWKS(); ok {
			text := plural(set.Keys, "key")
			tone := ""
			if set.Err != nil {
				text, tone = text+", the last fetch failed", "warn"
			}
			facts = append(facts, templates.Fact{Name: "Key set", Value: text, Tone: tone}, templates.Fact{Name: "Key set fetched", Time: set.Fetched})
		}
	}
	return facts
}

func (a *Admin) drainView() templates.DrainView {
	s := a
	why, ended := s.node.Ending()
	v := templates.DrainView{Rate: "50", Left: grouped(s.node.Streams()), Final: ended}
	if rate := s.node.Drainer.At(); rate > 0 {
		v.Draining, v.Rate = true, strconv.Itoa(rate)
		v.Text = "Ending " + grouped(rate) + " streams a second. New ones are sent away, and /readyz says 503."
	}
	if v.Final {
		v.Draining, v.Text = true, why.Text
	}
	return v
}

// drain answers POST /admin/server/drain.
func (a *Admin) drain(c *gin.Context) {
	back := Path + "/server"
	rate, err := strconv.Atoi(c.PostForm("rate"))
	if err != nil || rate < 1 || rate > node.MaxDrainRate {
		a.failed(c, "server.drain", "", back, "The rate must be a whole number from 1 to "+grouped(node.MaxDrainRate)+".")
		return
	}
	a.node.Drainer.Start(rate)
	a.done(c, "server.drain", "", grouped(rate)+" a second", back, "Draining: "+grouped(rate)+" streams a second.")
}

// stopDrain answers POST /admin/server/drain/stop.
func (a *Admin) stopDrain(c *gin.Context) {
	back := Path + "/server"
	if !a.node.Drainer.Stop() {
		a.failed(c, "server.drain.stop", "", back, "The server is not being drained.")
		return
	}
	a.done(c, "server.drain.stop", "", "", back, "New streams are accepted again.")
}

// limitRow returns a total as a row of the admin UI.
func limitRow(t totals.Total) templates.LimitRow {
	text := func(n int64) string {
		if t.Bytes {
			return sized(n)
		}
		return grouped(n)
	}
	row := templates.LimitRow{What: t.What, Now: "not counted", Limit: "none", By: t.By}
	if t.Limit > 0 {
		row.Now, row.Limit = text(t.Held), text(t.Limit)
		share := 100 * t.Held / t.Limit
		row.Share = strconv.FormatInt(share, 10) + " %"
		row.High = share >= 80
	}
	return row
}
