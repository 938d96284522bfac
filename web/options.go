package web

import (
	"cmp"
	"log/slog"
	"os"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"rollcall/hub/eventlog"
	"rollcall/hub/outbox"
	"rollcall/presence/peers"
	"rollcall/web/admin"
	"rollcall/web/auth"
	"rollcall/web/compat"
	"rollcall/web/hooks"
	"rollcall/web/login"
	"rollcall/web/node"
)

// Options configure a Server. The zero value is the documented default.
type Options struct {
	Log     *slog.Logger // nil logs nothing
	Version string       // shown on the start page
	Node    string       // this node's name; "" means the host's

	// Access decides what each caller may do; nil permits everything to everybody.
	Access *auth.Options
	// AnyHost has an open server, one without Access, answer under every name. Otherwise it answers only requests whose
	// Host is this machine's loopback name, so that neither a page whose own name points here (DNS rebinding) nor a proxy
	// exposes it to others.
	AnyHost bool
	// TrustedProxies are the proxies whose forwarding headers are used.
	TrustedProxies auth.TrustedProxies
	AddressLimits  auth.Limits   // on each address
	IdentityLimits auth.Limits   // on each API key and each token's subject
	HSTS           time.Duration // how long browsers insist on TLS; 0 sends no header

	// CORSOrigins are the origins whose pages may use this server, each as the browser sends it, such as
	// "https://app.example"; "http://localhost:*" for any port, or "*" for all.
	CORSOrigins []string

	// H2C also takes HTTP/2 in clear, with prior knowledge, from a proxy in front.
	H2C bool

	// NoHTTP2 leaves HTTP/2 out. A listener with TLS should not offer it then.
	NoHTTP2 bool

	// NetHTTP2 has net/http serve HTTP/2, at a higher cost of each stream. It is a way back for one release.
	NetHTTP2 bool

	MaxBodyBytes    int64 // of a request's body; 0 means 1 MiB
	MaxPayloadBytes int   // of an event's payload; 0 means 60 KiB
	MaxBatchEvents  int   // of one publish; 0 means 1000

	// MaxConnections bounds the connections that are open, idle ones too; more are closed
	// as they come. 0 means somewhat below the file limit.
	MaxConnections int

	// SubscriptionBudget limits the memory of streams and their channels' names, in bytes: 1 KiB for a stream, 1 KiB
	// and its name for each channel, until the grace has passed. One address, and one identity, may have half of it. 0
	// means 512 MiB.
	SubscriptionBudget int64

	MaxStreams   int           // streams at once; 0 means somewhat below the file limit
	MaxChannels  int           // channels of one stream; 0 means 1000
	Heartbeat    time.Duration // silence before a comment line; 0 means 25 s
	StallTimeout time.Duration // no progress before a stream is ended; 0 means 10 s
	Shards       int           // goroutines that deliver; 0 means one for each core

	OnlinePresence bool          // every stream gets online-presence
	PresenceGrace  time.Duration // how long a client stays after its last connection; 0 means 10 s, negative not at all

	// AdminApart serves the admin UI, with pprof, on its own listener (see ServeAdmin)
	// instead of the main one.
	AdminApart    bool
	Admins        []login.Account // the admin UI's accounts; none turns it off
	OIDC          *OIDC           // the admin UI's login at an OpenID Connect provider; nil for none
	AdminHint     string          // the login page's hint about where the password is
	AdminKeys     string          // file of the API keys that operators make in the admin UI; "" for none
	AdminSessions string          // file that keeps its sessions over a restart; "" keeps them in memory
	Settings      []Setting       // shown in the admin UI as the configuration

	// AdminHistory is a directory for the files readings, alarms and audit, in which the admin UI keeps its charts, its
	// alarms and its audit log over a restart. A file that cannot be used is replaced; "" keeps all in memory.
	AdminHistory string

	// Engine is the log that is delivered; nil makes one in memory. Whoever gives one
	// closes it, after the server.
	Engine Engine

	// Roster is the table in which servers on one log share their connections; nil for a single server. The caller
	// closes it, after the server.
	Roster peers.Roster

	// Presence, if not nil, is called for each change of who is there, on all servers of a cluster: one call at a time, in
	// order, by a goroutine of its own. A slow function delays nothing else: of more than 10 000 changes that wait, the
	// oldest are dropped, which a change of the kind Missed reports.
	Presence func(PresenceChange)

	// Webhooks are the endpoints for presence events. Outbox stores unsent messages; nil keeps them in memory. The
	// caller closes it, after the server.
	Webhooks []Webhook
	Outbox   outbox.Store

	// NoCompat takes away the member notifications, rooms and clock that other systems
	// have: /events, /messages and /sse/time.
	NoCompat bool

	// NoPages takes away the start page, /docs and the demo pages. The API, /rollcall.js, /openapi.yaml and the
	// admin UI stay.
	NoPages bool

	// Tracing gets the spans of published events; nil traces nothing.
	Tracing trace.TracerProvider

	HistoryEvents int           // kept for each channel; 0 means 1000
	HistoryBytes  int           // kept for each channel; 0 means 1 MiB
	HistoryAge    time.Duration // how long an event is kept; 0 means 1 h, negative without end
	HistoryBudget int64         // kept over all channels; 0 means 256 MiB
	// ChannelRules say what channels keep that match, in place of the four above. The first that matches counts.
	ChannelRules []eventlog.Rule
}

// OIDCCallback is the path, below the admin UI's, that an OpenID Connect provider leads back to.
const OIDCCallback = admin.CallbackPath

// Aliases for the options.
type (
	Engine       = node.Engine
	EngineState  = node.EngineState
	IngestState  = node.IngestState
	MemoryEngine = node.MemoryEngine
	Setting      = admin.Setting
	Webhook      = hooks.Endpoint
	OIDC         = admin.SSO
	GroupRole    = admin.GroupRole
)

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Node == "" {
		o.Node, _ = os.Hostname()
	}
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 1<<20)
	o.MaxPayloadBytes = cmp.Or(o.MaxPayloadBytes, 60<<10)
	o.MaxBatchEvents = cmp.Or(o.MaxBatchEvents, 1000)
	o.MaxConnections = cmp.Or(o.MaxConnections, connectionsBelowFileLimit())
	o.MaxStreams = cmp.Or(o.MaxStreams, streamsBelowFileLimit())
	o.MaxChannels = cmp.Or(o.MaxChannels, 1000)
	o.Heartbeat = cmp.Or(o.Heartbeat, 25*time.Second)
	o.StallTimeout = cmp.Or(o.StallTimeout, 10*time.Second)
	o.PresenceGrace = cmp.Or(o.PresenceGrace, 10*time.Second)
	return o
}

// History returns the limits of the log.
func (o *Options) History() eventlog.Options {
	h := eventlog.Options{Events: o.HistoryEvents, Bytes: o.HistoryBytes, Age: o.HistoryAge, Budget: o.HistoryBudget}
	h.Rules = slices.Clone(o.ChannelRules)
	if !o.NoCompat {
		h.Rules = append(h.Rules, compat.Rules...)
	}
	return h
}
