package web

import (
	"context"
	"path/filepath"
	"time"

	"rollcall/presence"
	"rollcall/web/admin"
	"rollcall/web/alarms"
	"rollcall/web/api"
	"rollcall/web/compat"
	"rollcall/web/gate"
	"rollcall/web/hooks"
	"rollcall/web/metrics"
	"rollcall/web/node"
	"rollcall/web/publish"
	"rollcall/web/stream"
	"rollcall/web/totals"
)

// outboxWait limits how long a server waits at its start for the outbox.
const outboxWait = 30 * time.Second

// The options of each part of the server.

func (o *Options) node(h *hooks.Hooks, p *presenceHook) node.Options {
	n := node.Options{
		Log: o.Log, Name: o.Node, Engine: o.Engine, History: o.History(), Roster: o.Roster, Shards: o.Shards,
		Heartbeat: o.Heartbeat, StallTimeout: o.StallTimeout, PresenceGrace: max(0, o.PresenceGrace), Tracing: o.Tracing, Readings: o.inHistory("readings"),
	}
	if h != nil {
		n.Edges, n.Ended = h.Edges, h.Ended
	}
	if webhooks := n.Edges; p != nil {
		n.Edges = func(edges []presence.Edge) {
			if webhooks != nil {
				webhooks(edges)
			}
			p.take(edges)
		}
	}
	return n
}

// inHistory returns the path of a file in AdminHistory, "" without one.
func (o *Options) inHistory(name string) string {
	if o.AdminHistory == "" {
		return ""
	}
	return filepath.Join(o.AdminHistory, name)
}

// hooks returns the webhooks, nil if there are none.
func (o *Options) hooks() (*hooks.Hooks, error) {
	if len(o.Webhooks) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), outboxWait)
	defer cancel()
	return hooks.New(ctx, hooks.Options{Log: o.Log, Store: o.Outbox, Endpoints: o.Webhooks, Grace: max(0, o.PresenceGrace), Roster: o.Roster})
}

func (o *Options) gate() gate.Options {
	return gate.Options{
		Log: o.Log, Access: o.Access, LoopbackOnly: !o.AnyHost, TrustedProxies: o.TrustedProxies,
		AddressLimits: o.AddressLimits, IdentityLimits: o.IdentityLimits, HSTS: o.HSTS, Origins: o.CORSOrigins, Unguarded: unguarded,
		MaxBodyBytes: o.MaxBodyBytes, MaxConnections: o.MaxConnections, SubscriptionBudget: o.SubscriptionBudget,
	}
}

func (o *Options) streams() stream.Options {
	return stream.Options{Log: o.Log, MaxStreams: o.MaxStreams, MaxChannels: o.MaxChannels, OnlinePresence: o.OnlinePresence, StallTimeout: o.StallTimeout}
}

func (o *Options) publisher() publish.Options {
	return publish.Options{MaxBodyBytes: o.MaxBodyBytes, MaxPayloadBytes: o.MaxPayloadBytes, MaxBatchEvents: o.MaxBatchEvents}
}

func (o *Options) api() api.Options {
	return api.Options{MaxBodyBytes: o.MaxBodyBytes}
}

func (o *Options) compat() compat.Options {
	return compat.Options{Admin: (len(o.Admins) > 0 || o.OIDC != nil) && !o.AdminApart, Log: o.Log, NoPages: o.NoPages, Version: o.Version, StallTimeout: o.StallTimeout}
}

func (o *Options) admin(totals func() []totals.Total, h *hooks.Hooks) admin.Options {
	return admin.Options{
		Log: o.Log, Version: o.Version, Admins: o.Admins, SSO: o.OIDC, Hint: o.AdminHint, Sessions: o.AdminSessions, Keys: o.AdminKeys, Apart: o.AdminApart,
		Audit: o.inHistory("audit"), AlarmBook: o.inHistory("alarms"),
		Settings: o.Settings, History: o.History(), LoopbackOnly: !o.AnyHost, StallTimeout: o.StallTimeout,
		MaxBodyBytes: o.MaxBodyBytes, MaxPayloadBytes: o.MaxPayloadBytes, Totals: totals, Hooks: h,
	}
}

func (o *Options) metrics(totals func() []totals.Total, h *hooks.Hooks, book *alarms.Book) metrics.Options {
	return metrics.Options{Version: o.Version, LoopbackOnly: !o.AnyHost, Totals: totals, Hooks: h, Alarms: book}
}
