package admin

import (
	"strings"

	"rollcall/presence"
	"rollcall/web/alarms"
	"rollcall/web/node"
	"rollcall/web/reply"
)

const (
	browserStreams = 6 // HTTP/1.1 connections that a browser opens to one host
	fullInTenths   = 9 // tenths of the most streams at which a server is nearly full
)

// Where alarms lead.
const (
	serverPath            = Path + "/server"
	largestChannelsPath   = Path + "/channels?sort=-bytes"
	serversPath           = Path + "/nodes"
	furthestBehindPath    = Path + "/clients?sort=-behind"
	clientsByProtocolPath = Path + "/clients?sort=protocol"
)

// largestPath returns the list of clients with the largest figure first.
func largestPath(by string) string { return Path + "/clients?sort=-" + by }

// conditions returns what is wrong with this server now, for alarms.
func (a *Admin) conditions() []alarms.Condition {
	list := a.stateConditions()
	list = append(list, a.protocolConditions()...)
	list = append(list, a.loadConditions()...)
	return append(list, a.accessConditions()...)
}

// stateConditions are about a server that is not fully available.
func (a *Admin) stateConditions() (list []alarms.Condition) {
	if why, leaving := a.node.Leaving(); leaving {
		list = append(list, alarms.Condition{
			Kind: alarms.Draining, Title: "Draining",
			Text: why.Text + " It has " + plural(a.node.Streams(), "stream") + " left. New streams are refused and /readyz answers 503.",
			Href: serversPath, Action: "Servers",
		})
	}
	if e := a.node.EngineState(); !e.Ready {
		list = append(list, alarms.Condition{
			Kind: alarms.Engine, Bad: true, Title: "The event store is unavailable",
			Text: "Nothing can be published: " + e.Reason + ". Streams stay open and catch up when it is back.",
			Href: serversPath, Action: "Servers",
		})
	}
	if a.node.Cluster == nil {
		return list
	}
	if _, reason, degraded := a.node.Cluster.Roster.Degraded(); degraded {
		list = append(list, alarms.Condition{
			Kind: alarms.Cluster, Bad: true, Title: "Disconnected from the other servers",
			Text: "The view of their clients is old: " + reason + ".",
			Href: serversPath, Action: "Servers",
		})
	}
	return list
}

// protocolConditions are about connections whose protocol causes trouble.
func (a *Admin) protocolConditions() (list []alarms.Condition) {
	old, crowded, one := a.protocolTrouble()
	if crowded > 0 {
		c := alarms.Condition{
			Kind: alarms.Six, Title: "Six HTTP/1.1 streams: " + reply.Short(one, 60),
			Text: "A browser opens six connections to a host. If all are used by streams, its other requests wait. " +
				"HTTP/2 (over TLS) has no such limit; or let tabs share one stream with /rollcall.js.",
			Href: adminLink("clients", one), Action: "Client",
		}
		if crowded > 1 {
			c.Title += " and " + plural(crowded-1, "other client")
			c.Href, c.Action = clientsByProtocolPath, "Clients"
		}
		list = append(list, c)
	}
	if old > 0 {
		list = append(list, alarms.Condition{
			Kind: alarms.HTTP10, Title: grouped(old) + " over HTTP/1.0",
			Text: "A proxy in between speaks HTTP/1.0 and may buffer events. In nginx: proxy_http_version 1.1; proxy_buffering off;",
			Href: clientsByProtocolPath, Action: "Clients",
		})
	}
	return list
}

// protocolTrouble counts this server's connections over HTTP/1.0, and the clients whose browser has no connection left,
// of whom it names the first in the alphabet.
func (a *Admin) protocolTrouble() (old, crowded int, one string) {
	a.node.Registry.Each(func(r presence.Ref) {
		same, addr := 0, ""
		for _, c := range r.Connections() {
			if c.Handle == nil {
				continue // another server's
			}
			if c.Protocol == "HTTP/1.0" {
				old++
			}
			if addr == "" {
				addr = c.RemoteAddr
			}
			if c.Protocol == "HTTP/1.1" && c.RemoteAddr == addr {
				same++
			}
		}
		if same >= browserStreams {
			if crowded++; one == "" || r.ID() < one {
				one = r.ID()
			}
		}
	})
	return old, crowded, strings.Clone(one)
}

// loadConditions are about limits that are reached or near.
func (a *Admin) loadConditions() (list []alarms.Condition) {
	stats, kept := a.node.Meter.Latest()
	if dropped := a.lately(kept.EvictedForBudget); dropped > 0 {
		list = append(list, alarms.Condition{
			Kind: alarms.Budget, Title: "Retention budget reached",
			Text: grouped(dropped) + " events were dropped early in 15 minutes, to stay within " + sized(kept.Budget) +
				". Streams that resume late may have gaps. Raise --history-budget, or keep fewer events per channel.",
			Href: largestChannelsPath, Action: "Largest channels",
		})
	}
	if stats.Blocked > 0 {
		list = append(list, alarms.Condition{
			Kind: alarms.Stalled, Title: grouped(stats.Blocked) + " not reading",
			Text: "These connections take no data now. Each ends as slow after " + durationText(a.opts.StallTimeout) +
				" without progress, and can resume.",
			Href: furthestBehindPath, Action: "Furthest behind",
		})
	}
	if n, most := a.node.Streams(), a.streams.Max(); n*10 > most*fullInTenths {
		list = append(list, alarms.Condition{
			Kind: alarms.Full, Bad: true, Title: "Nearly full",
			Text: grouped(n) + " of " + grouped(most) + " streams. At the limit, new streams are asked to come back later.",
			Href: serversPath, Action: "Servers",
		})
	}
	return list
}

// lately returns how many of the events that were dropped for want of room were dropped in the last 15 minutes.
func (a *Admin) lately(dropped uint64) uint64 {
	if dropped == 0 {
		return 0
	}
	if seconds := a.node.Meter.History(node.Seconds); len(seconds) == node.Seconds.Kept() {
		dropped -= seconds[0].Crowded
	}
	return dropped
}

// accessConditions are about an open server.
func (a *Admin) accessConditions() []alarms.Condition {
	if !a.gate.Open() {
		return nil
	}
	c := alarms.Condition{Kind: alarms.Open, Href: serverPath, Action: "Server"}
	if a.opts.LoopbackOnly {
		c.Title = "Open mode"
		c.Text = "No credentials are configured: all programs on this machine may publish, subscribe and see presence. Others are refused."
	} else {
		c.Bad, c.Title = true, "Open to everybody"
		c.Text = "No credentials are configured: anyone who reaches this server may publish, subscribe and see presence."
	}
	return []alarms.Condition{c}
}
