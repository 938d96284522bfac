package admin

import (
	"cmp"
	"runtime"
	"strconv"
	"strings"

	"rollcall/templates"
	"rollcall/web/node"
)

// facts describes the server, in groups.
func (a *Admin) facts() []templates.FactGroup {
	return []templates.FactGroup{
		{ID: "facts-server", Title: "Server", Facts: a.serverFacts()},
		{ID: "facts-streams", Title: "Streams", Facts: a.streamFacts()},
		{ID: "facts-access", Title: "Access", Facts: a.accessFacts()},
		{ID: "facts-log", Title: "Log", Facts: a.logFacts()},
	}
}

func (a *Admin) serverFacts() []templates.Fact {
	health, tone := "ready", "ok"
	if engine := a.node.EngineState(); !engine.Ready {
		health, tone = "not ready: "+engine.Reason, "bad"
	} else if _, leaving := a.node.Leaving(); leaving {
		health, tone = "not ready: draining", "warn"
	}
	return []templates.Fact{
		{Name: "Health", Value: health, Tone: tone},
		{Name: "Version", Value: a.opts.Version},
		{Name: "Node", Value: a.node.Name()},
		{Name: "Started", Time: a.node.Started},
		{Name: "Built with", Value: runtime.Version() + " for " + runtime.GOOS + "/" + runtime.GOARCH},
		{Name: "Cores", Value: strconv.Itoa(runtime.GOMAXPROCS(0))},
		{Name: "Memory", Value: sized(node.ProcessMemory())},
		{Name: "Goroutines", Value: grouped(runtime.NumGoroutine())},
	}
}

func (a *Admin) streamFacts() []templates.Fact {
	stats, _ := a.node.Meter.Latest()
	return []templates.Fact{
		{Name: "Open", Value: grouped(a.node.Hub.Streams()) + " of at most " + grouped(a.streams.Max())},
		{Name: "Presence streams", Value: grouped(a.node.Watchers.Streams())},
		{Name: "Opened", Value: grouped(stats.Accepted) + ", resuming " + grouped(stats.Resumed)},
		{Name: "Ended", Value: endCounts(stats.Ends)},
		{Name: "Delivered", Value: grouped(stats.Events) + " events, " + sized(stats.Bytes)},
		{Name: "Gaps announced", Value: grouped(stats.Gaps)},
	}
}

// endCounts lists how many streams ended, by reason.
func endCounts(ends map[string]uint64) string {
	var list []string
	for _, code := range []string{"gone", "slow", "kicked", "draining", "overloaded", "expired", "limit", "complete"} {
		if n := ends[code]; n > 0 {
			list = append(list, code+" "+grouped(n))
		}
	}
	return cmp.Or(strings.Join(list, ", "), "none")
}

func (a *Admin) logFacts() []templates.Fact {
	_, kept := a.node.Meter.Latest()
	engine, tone := a.node.EngineState(), ""
	if !engine.Ready {
		tone = "bad"
	}
	return append([]templates.Fact{
		{Name: "Engine", Value: engine.Name, Tone: tone},
		{Name: "Behind the store", Value: plural(int(engine.Lag), "event")},
		{Name: "Position", Value: a.node.Log.Head().String()},
		{Name: "Kept", Value: grouped(kept.Events) + " events of " + plural(kept.Channels, "channel")},
		{Name: "Size", Value: sized(kept.Bytes) + " of " + sized(kept.Budget)},
		{Name: "Dropped early (budget)", Value: grouped(kept.EvictedForBudget)},
	}, ingestFacts(engine.Ingest)...)
}

// ingestFacts describes the messages of other programs that become events, if there are any.
func ingestFacts(st *node.IngestState) []templates.Fact {
	if st == nil {
		return nil
	}
	reader := "read by another server"
	if st.Reading {
		reader = "read by this server, " + grouped(st.Waiting) + " waiting"
	}
	return []templates.Fact{
		{Name: "Messages of NATS", Value: reader},
		{
			Name:  "Messages since the start",
			Value: grouped(st.Published) + " published, " + grouped(st.Duplicates) + " known, " + grouped(st.Refused) + " refused",
		},
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
	facts = append(facts, a.backendFacts()...)
	return append(facts, a.keySetFacts()...)
}

// backendFacts describes the requests to the operator's backend, if there is one.
func (a *Admin) backendFacts() []templates.Fact {
	b := a.gate.Backend()
	if b == nil {
		return nil
	}
	stats, tone := b.Stats(), ""
	if stats.Failing {
		tone = "warn"
	}
	asked := grouped(stats.Asked()) + ": " + grouped(stats.Admitted) + " let in, " + grouped(stats.Refused) + " refused, " +
		grouped(stats.Failed) + " failed"
	return []templates.Fact{
		{Name: "Backend asked", Value: asked, Tone: tone},
		{Name: "Backend not asked", Value: grouped(stats.Remembered) + " known, " + grouped(stats.Busy) + " too many at once"},
	}
}

// keySetFacts describes the fetched keys for tokens, if any.
func (a *Admin) keySetFacts() []templates.Fact {
	v := a.gate.Verifier()
	if v == nil {
		return nil
	}
	set, ok := v.JWKS()
	if !ok {
		return nil
	}
	text, tone := plural(set.Keys, "key"), ""
	if set.Err != nil {
		text, tone = text+", the last fetch failed", "warn"
	}
	return []templates.Fact{{Name: "Key set", Value: text, Tone: tone}, {Name: "Key set fetched", Time: set.Fetched}}
}
