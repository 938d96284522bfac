package admin

import (
	"strings"
	"time"

	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

const (
	browserStreams  = 6 // HTTP/1.1 connections that a browser opens to one host
	crowdedBrowsers = 3 // most warnings about them
	fullInTenths    = 9 // tenths of the most streams at which a server is nearly full
)

// Where warnings lead.
const (
	serverPath            = Path + "/server"
	largestChannelsPath   = Path + "/channels?sort=-bytes"
	serversPath           = Path + "/nodes"
	furthestBehindPath    = Path + "/clients?sort=-behind"
	clientsByProtocolPath = Path + "/clients?sort=protocol"
)

// largestPath returns the list of clients with the largest figure first.
func largestPath(by string) string { return Path + "/clients?sort=-" + by }

// warnings returns what an operator should look at.
func (a *Admin) warnings() []templates.Warning {
	list := a.stateWarnings()
	list = append(list, a.protocolWarnings()...)
	list = append(list, a.loadWarnings()...)
	return append(list, a.accessWarnings()...)
}

// stateWarnings are about a server that is not fully available.
func (a *Admin) stateWarnings() (list []templates.Warning) {
	if why, leaving := a.node.Leaving(); leaving {
		list = append(list, templates.Warning{
			Key: "draining", Tone: "warn", Title: "Draining",
			Text: why.Text + " New streams are refused and /readyz answers 503.",
			Href: serverPath, Action: "Server",
		})
	}
	if e := a.node.EngineState(); !e.Ready {
		list = append(list, templates.Warning{
			Key: "engine", Tone: "bad", Title: "The event store is unavailable",
			Text: "Nothing can be published since " + durationText(time.Since(e.Since)) + ": " + e.Reason +
				". Streams stay open and catch up when it is back.",
			Href: serverPath, Action: "Server",
		})
	}
	if a.node.Cluster == nil {
		return list
	}
	list = append(list, a.otherWarnings()...)
	if since, reason, degraded := a.node.Cluster.Roster.Degraded(); degraded {
		list = append(list, templates.Warning{
			Key: "cluster", Tone: "bad", Title: "Disconnected from the other servers",
			Text: "The view of their clients is " + durationText(time.Since(since)) + " old: " + reason + ".",
			Href: serverPath, Action: "Server",
		})
	}
	return list
}

// otherWarnings are about other servers of the cluster.
func (a *Admin) otherWarnings() (list []templates.Warning) {
	told, silent := a.serverStates()
	for _, s := range told[1:] {
		if s.Leaving != "" {
			list = append(list, templates.Warning{
				Key: "draining-" + keyOf(s.Session), Tone: "warn", Title: "Draining: " + s.Name,
				Text: s.Leaving + " It has " + plural(s.Streams, "stream") + " left.", Href: serversPath, Action: "Servers",
			})
		}
		if s.Trouble != "" {
			list = append(list, templates.Warning{
				Key: "engine-" + keyOf(s.Session), Tone: "bad", Title: "The event store is unavailable on " + s.Name,
				Text: s.Trouble + ".", Href: serversPath, Action: "Servers",
			})
		}
	}
	for _, name := range silent {
		list = append(list, templates.Warning{
			Key: "silent-" + keyOf(name), Tone: "warn", Title: "No answer from " + name,
			Text: "Its figures are not in the sums, and those of its connections are shown as " + unknown + ".", Href: serversPath, Action: "Servers",
		})
	}
	return list
}

// protocolWarnings are about connections whose protocol causes trouble.
func (a *Admin) protocolWarnings() (list []templates.Warning) {
	old, crowded := a.protocolTrouble()
	for _, id := range crowded {
		list = append(list, templates.Warning{
			Key: "six-" + keyOf(id), Tone: "warn", Title: "Six HTTP/1.1 streams: " + reply.Short(id, 60),
			Text: "A browser opens six connections to a host. If all are used by streams, its other requests wait. " +
				"HTTP/2 (over TLS) has no such limit; or let tabs share one stream with /rollcall.js.",
			Href: adminLink("clients", id), Action: "Client",
		})
	}
	if old > 0 {
		list = append(list, templates.Warning{
			Key: "http10", Tone: "warn", Title: grouped(old) + " over HTTP/1.0",
			Text: "A proxy in between speaks HTTP/1.0 and may buffer events. In nginx: proxy_http_version 1.1; proxy_buffering off;",
			Href: clientsByProtocolPath, Action: "Clients",
		})
	}
	return list
}

// protocolTrouble counts connections over HTTP/1.0, and returns some clients whose browser has no connection left.
func (a *Admin) protocolTrouble() (old int, crowded []string) {
	a.node.Registry.Each(func(r presence.Ref) {
		conns := r.Connections()
		same := 0
		for _, c := range conns {
			if c.Protocol == "HTTP/1.0" {
				old++
			}
			if c.Protocol == "HTTP/1.1" && c.RemoteAddr == conns[0].RemoteAddr {
				same++
			}
		}
		if same >= browserStreams && len(crowded) < crowdedBrowsers {
			crowded = append(crowded, strings.Clone(r.ID()))
		}
	})
	return old, crowded
}

// loadWarnings are about limits that are reached or near.
func (a *Admin) loadWarnings() (list []templates.Warning) {
	kept := a.logStats()
	told, _ := a.serverStates()
	all, _ := totalState(told)
	before := uint64(0)
	if seconds := a.node.Meter.History(node.Seconds); len(seconds) == node.Seconds.Kept() {
		before = seconds[0].Crowded
	}
	if kept.EvictedForBudget > before {
		list = append(list, templates.Warning{
			Key: "budget", Tone: "warn", Title: "Retention budget reached",
			Text: grouped(kept.EvictedForBudget-before) + " events were dropped early in 15 minutes, to stay within " + sized(kept.Budget) +
				". Streams that resume late may have gaps. Raise --history-budget, or keep fewer events per channel.",
			Href: largestChannelsPath, Action: "Largest channels",
		})
	}
	if all.Blocked > 0 {
		list = append(list, templates.Warning{
			Key: "blocked", Tone: "warn", Title: grouped(all.Blocked) + " not reading",
			Text: "These connections take no data now. Each ends as slow after " + durationText(a.opts.StallTimeout) +
				" without progress, and can resume.",
			Href: furthestBehindPath, Action: "Furthest behind",
		})
	}
	for i := range told {
		n, most := told[i].Streams, told[i].MaxStreams
		if n*10 <= most*fullInTenths {
			continue
		}
		on := ""
		if len(told) > 1 {
			on = " on " + told[i].Name
		}
		list = append(list, templates.Warning{
			Key: "full-" + keyOf(told[i].Session), Tone: "bad", Title: "Nearly full" + on,
			Text: grouped(n) + " of " + grouped(most) + " streams. At the limit, new streams are asked to come back later.",
			Href: serverPath, Action: "Server",
		})
	}
	return list
}

// accessWarnings are about an open server.
func (a *Admin) accessWarnings() []templates.Warning {
	if !a.gate.Open() {
		return nil
	}
	w := templates.Warning{Key: "open", Href: serverPath, Action: "Server"}
	if a.opts.LoopbackOnly {
		w.Tone, w.Title = "warn", "Open mode"
		w.Text = "No credentials are configured: all programs on this machine may publish, subscribe and see presence. Others are refused."
	} else {
		w.Tone, w.Title = "bad", "Open to everybody"
		w.Text = "No credentials are configured: anyone who reaches this server may publish, subscribe and see presence."
	}
	return []templates.Warning{w}
}
