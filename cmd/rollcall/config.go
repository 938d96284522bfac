package main

import (
	"cmp"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"go.opentelemetry.io/otel/trace"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/hooks"
	"rollcall/web/login"
)

// serveCmd is the configuration of a server. Kong fills it in from flags, settings and the defaults below; the rest of
// the program does not depend on a value's source.
type serveCmd struct {
	Config string `group:"server" placeholder:"FILE" help:"Read settings from this YAML file; its keys are the flag names below."`

	Listen          string   `group:"server" default:"127.0.0.1:9090" placeholder:"ADDRESS" help:"The address to listen on: host:port, :port for every interface, or unix:/path for a socket file."`
	CORSOrigin      []string `group:"server" name:"cors-origin" placeholder:"ORIGIN" help:"Allow pages of this origin, such as https://example.org; http://localhost:* means any port there, * any origin. May be repeated."`
	NoHTTP2         bool     `name:"no-http2" group:"server" help:"Speak HTTP/1.1 alone."`
	NetHTTP2        bool     `name:"net-http2" group:"server" help:"Serve HTTP/2 as earlier releases did, by Go's net/http: each stream then costs more. This goes with the next release."`
	H2C             bool     `name:"h2c" group:"server" help:"Also accept unencrypted HTTP/2 with prior knowledge, from a proxy in front."`
	Compat          bool     `group:"server" default:"true" negatable:"" help:"Serve /events, /messages and /sse/time too: notifications of members, rooms and a clock, over the same events."`
	Pages           bool     `group:"server" default:"true" negatable:"" help:"Serve the start page, the API's description at /docs and the demo pages. --no-pages leaves the API, /rollcall.js, /openapi.yaml and the admin UI."`
	Node            string   `group:"server" placeholder:"NAME" help:"The name of this server in presence and logs. The default is the host name."`
	ShutdownTimeout Duration `group:"server" default:"30s" placeholder:"DURATION" help:"After SIGTERM or Ctrl-C, wait at most this long for streams to close."`

	EngineFlags `embed:""`
	TLSFlags    `embed:""`
	AccessFlags `embed:""`

	MaxBody    Size `group:"publishing" default:"1MiB" placeholder:"SIZE" help:"Refuse a request body larger than this."`
	MaxPayload Size `group:"publishing" default:"60KiB" placeholder:"SIZE" help:"Refuse an event whose payload is larger than this."`
	MaxEvents  int  `group:"publishing" default:"1000" placeholder:"N" help:"Refuse a batch of more events than this."`

	MaxChannels        int      `group:"streams" default:"1000" placeholder:"N" help:"Maximum number of channels per stream."`
	MaxConnections     int      `group:"streams" default:"0" placeholder:"N" help:"Maximum number of open connections, idle ones included; further ones are closed at once. 0 means as many as the open-file limit allows."`
	SubscriptionBudget Size     `group:"streams" default:"512MiB" placeholder:"SIZE" help:"Memory for streams and the names of their channels: 1 KiB for each stream, and 1 KiB and the name for each of its channels. One address, key or token subject may use half of it."`
	MaxStreams         int      `group:"streams" default:"0" placeholder:"N" help:"Maximum number of open streams; further ones are asked to come back later. 0 means as many as the open-file limit allows."`
	Heartbeat          Duration `group:"streams" default:"25s" placeholder:"DURATION" help:"Send a comment line after this much silence, so that proxies keep the stream open."`
	StallTimeout       Duration `group:"streams" default:"10s" placeholder:"DURATION" help:"End a stream whose reader has taken no data for this long."`
	Shards             int      `group:"streams" default:"0" placeholder:"N" help:"Number of delivery loops that share the streams. 0 means one per core."`

	HistoryEvents int      `group:"history" default:"1000" placeholder:"N" help:"Number of newest events kept per channel."`
	HistoryBytes  Size     `group:"history" default:"1MiB" placeholder:"SIZE" help:"Memory limit for the kept events of one channel."`
	HistoryAge    Duration `group:"history" default:"1h" placeholder:"DURATION" help:"The longest time to keep an event. 0 keeps events until their space is needed."`
	Channel       []string `group:"history" sep:"none" placeholder:"RULE" help:"What certain channels keep: a name or a pattern, and then keep=all, last (the newest event) or none (live only), events=N, bytes=SIZE, age=DURATION, and slow=latest, which gives a stream that is behind only the newest event. Such as 'typing.> keep=none'. May be repeated; the first that matches counts."`
	HistoryBudget Size     `group:"history" default:"256MiB" placeholder:"SIZE" help:"Memory limit for the kept events of all channels; the oldest are dropped first."`

	OnlinePresence bool     `group:"presence" help:"Send online-presence, the list of all online clients, on every stream, requested or not."`
	PresenceGrace  Duration `group:"presence" default:"10s" placeholder:"DURATION" help:"How long a client stays online after its last connection ended, so that a page reload is not a leave. 0 means offline at once."`

	AdminListen       string   `group:"admin" placeholder:"ADDRESS" help:"Serve the admin UI and /metrics, and profiles for operators, only on this separate address."`
	AdminUser         []string `group:"admin" name:"admin-user" sep:" " placeholder:"USER" help:"A user of the admin UI: NAME, NAME:ROLE, NAME:HASH or NAME:ROLE:HASH. The role is operator, who may act, viewer, who may only look, or one of --admin-role; \"rollcall admin hash-password\" makes the hash. May be repeated."`
	AdminPassword     string   `group:"admin" placeholder:"PASSWORD" help:"Password, or its hash, of admin users without their own hash. Better set in a file or the environment: other users can see command lines."`
	AdminPasswordFile string   `group:"admin" placeholder:"FILE" help:"Read this password or hash from a file."`
	AdminRole         []string `group:"admin" name:"admin-role" sep:"none" placeholder:"ROLE" help:"A role that is limited to channels: NAME=viewer:PATTERNS or NAME=operator:PATTERNS, such as 'support=viewer:room.>,chat.*'. It sees, and acts on, these channels alone. May be repeated."`
	AdminSessions     string   `group:"admin" placeholder:"FILE" help:"Keep the admin UI's sessions in this file. Without it they end with the server."`

	OIDCFlags `embed:""`

	LogFormat string `group:"logging" default:"auto" placeholder:"FORMAT" help:"auto, text or json. auto means text on a terminal and JSON elsewhere."`
	LogLevel  string `group:"logging" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`

	OTLPEndpoint string `group:"logging" name:"otlp-endpoint" placeholder:"URL" help:"Send traces of published events to this OpenTelemetry collector, by OTLP over HTTP, such as http://127.0.0.1:4318. OpenTelemetry's own variables, OTEL_…, set everything else."`

	admins []login.Account // made of the admin settings
	oidc   *web.OIDC       // nil without a login provider
	hint   string          // where to find the generated password
	// passwordFile contains that password if the output is not a terminal.
	passwordFile string
	local        bool     // only this machine reaches the server
	seen         []string // states of the watched files when they were read
	traces       trace.TracerProvider
	webhooks     []hooks.Endpoint // of the file
	rules        []eventlog.Rule  // of the flags, and then of the file
}

// Help is shown above the flags of "rollcall serve --help".
func (c *serveCmd) Help() string {
	return `Starts the server and runs until it gets SIGTERM or Ctrl-C. Every flag is optional.

Each flag can also be set in the environment, --some-name as ROLLCALL_SOME_NAME, and in the YAML file that --config names, with some-name as the key. Where several are set, the flag wins over the environment and the environment over the file. PORT=8080 alone is short for ROLLCALL_LISTEN=127.0.0.1:8080.

Sizes are written 64KiB, 1MiB or 10MB, durations 250ms, 25s or 1h.`
}

// Examples is printed below the flags.
func (c *serveCmd) Examples() string {
	return `
Examples:
  rollcall serve
      Listen on http://127.0.0.1:9090/ with the defaults.

  rollcall serve --cors-origin 'http://localhost:*'
      Let pages use it that another server of this machine serves.

  rollcall serve --listen :8080 --api-keys keys --cors-origin https://app.example.org
      Listen on every interface, for programs with a key of the file keys and for pages of one other site.

  ROLLCALL_LOG_FORMAT=json rollcall serve --config /etc/rollcall.yaml
      Take the settings from a file such as:
          listen: unix:/run/rollcall.sock
          cors-origin: ["https://app.example.org", "https://www.example.org"]
          history-age: 15m`
}

// BeforeResolve reads the configuration file, once Kong has seen the command line and before it asks s for the rest.
func (c *serveCmd) BeforeResolve(ctx *kong.Context, s *settings) error {
	s.port = s.env["PORT"]
	path := s.readGiven(ctx)
	if path == "" {
		return nil
	}
	file, err := readConfigFile(path, ctx.Model.Children[0].Flags)
	if s.file = file; file != nil {
		c.webhooks, c.rules = file.webhooks, file.rules
	}
	return s.unlessCollected(err)
}

// AfterApply checks the merged settings, before anything is started.
func (c *serveCmd) AfterApply(s *settings) error {
	c.seen = fileStates(c.watchedFiles()) // before they are read, so that later changes are detected
	p := &problems{from: s.from}
	checkListen(p, "listen", c.Listen)
	if c.AdminListen != "" {
		checkListen(p, "admin-listen", c.AdminListen)
	}
	c.EngineFlags.check(p)
	c.TLSFlags.check(p)
	c.AccessFlags.check(p)
	for _, origin := range c.CORSOrigin {
		checkOrigin(p, origin)
	}
	if slices.Contains(c.CORSOrigin, "*") && c.TokenCookie != "" {
		p.add("cors-origin", "* together with token-cookie would let every page use a visitor's cookie; list the origins")
	}
	if slices.Contains(c.CORSOrigin, "*") && c.AuthorizeURL != "" {
		p.add("cors-origin", "* together with authorize-url would let every page use a visitor's cookies; list the origins")
	}
	if len(c.Node) > 255 || strings.ContainsFunc(c.Node, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		p.add("node", "%q is not a name; allowed are up to 255 bytes without spaces or control characters", c.Node)
	}
	within(p, "shutdown-timeout", c.ShutdownTimeout, Duration(100*time.Millisecond), Duration(time.Hour))
	within(p, "max-body", c.MaxBody, 1*kib, 1*gib)
	within(p, "max-payload", c.MaxPayload, 1, c.MaxBody)
	within(p, "max-events", c.MaxEvents, 1, 100_000)
	within(p, "max-channels", c.MaxChannels, 1, 100_000)
	within(p, "max-connections", c.MaxConnections, 0, 100_000_000)
	within(p, "subscription-budget", c.SubscriptionBudget, 1*mib, 1*tib)
	within(p, "max-streams", c.MaxStreams, 0, 100_000_000)
	within(p, "heartbeat", c.Heartbeat, Duration(time.Second), Duration(10*time.Minute))
	within(p, "stall-timeout", c.StallTimeout, Duration(time.Second), Duration(10*time.Minute))
	within(p, "shards", c.Shards, 0, 1024)
	within(p, "history-events", c.HistoryEvents, 1, 10_000_000)
	within(p, "history-bytes", c.HistoryBytes, 1*kib, 1*gib)
	if c.HistoryAge != 0 {
		within(p, "history-age", c.HistoryAge, Duration(time.Second), Duration(8760*time.Hour))
	}
	var rules []eventlog.Rule
	for _, text := range c.Channel {
		rule, err := parseRule(text)
		if err != nil {
			p.add("channel", "%q: %v", text, err)
		}
		rules = append(rules, rule)
	}
	c.rules = append(rules, c.rules...)
	within(p, "history-budget", c.HistoryBudget, 1*mib, 1*tib)
	within(p, "presence-grace", c.PresenceGrace, 0, Duration(time.Hour))
	oneOf(p, "log-format", c.LogFormat, "auto", "text", "json")
	oneOf(p, "log-level", c.LogLevel, "debug", "info", "warn", "error")
	if c.OTLPEndpoint != "" {
		checkEndpoint(p, c.OTLPEndpoint)
	}
	all, err := parseRoles(c.AdminRole)
	if err != nil {
		p.add("admin-role", "%v", err)
	}
	if c.admins, err = accounts(c.AdminUser, c.AdminPassword, c.AdminPasswordFile, all); err != nil {
		p.errs = append(p.errs, err)
	}
	before := len(p.errs)
	if c.OIDCFlags.check(p, all); len(p.errs) == before {
		if c.oidc, err = c.OIDCFlags.options(all); err != nil {
			p.errs = append(p.errs, err)
		}
	}
	return s.unlessCollected(p.err())
}

// checkListen notes a problem with the setting key unless address is host:port with a numeric port, or unix:/path.
func checkListen(p *problems, key, address string) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		if path == "" {
			p.add(key, "%q names no file; write for example unix:/run/rollcall.sock", address)
		}
		return
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		p.add(key, "%q is not an address; write for example 127.0.0.1:9090, :9090 or unix:/run/rollcall.sock", address)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		p.add(key, "%q is not a port; allowed is 0 to 65535", port)
	}
}

// checkOrigin notes a problem unless origin is * or written as browsers send it: scheme://host[:port], in lower case.
// The port may be *.
func checkOrigin(p *problems, origin string) {
	if origin == "*" {
		return
	}
	const anyPort = ":*"
	host, ports := strings.CutSuffix(origin, anyPort)
	u, err := url.Parse(host)
	if err != nil || u.Scheme == "" || u.Host == "" || ports && u.Port() != "" {
		p.add("cors-origin", `%q is not an origin; write for example https://example.org, http://localhost:* for any port, or "*" for any`, origin)
		return
	}
	want := strings.ToLower(u.Scheme + "://" + u.Host)
	if ports {
		want += anyPort
	}
	if want != origin {
		p.add("cors-origin", "%q is not how a browser writes an origin; did you mean %q?", origin, want)
	}
}

// options returns the server's options.
func (c *serveCmd) options(log *slog.Logger, effective []web.Setting, access *auth.Options) web.Options {
	trusted, _ := auth.ParseTrusted(c.TrustedProxy...) // was found good
	address, identity := c.limits()
	return web.Options{
		Access:             access,
		AnyHost:            c.Insecure,
		TrustedProxies:     trusted,
		AddressLimits:      address,
		IdentityLimits:     identity,
		HSTS:               time.Duration(c.HSTS),
		AdminApart:         c.AdminListen != "",
		Log:                log,
		Version:            versionName(),
		CORSOrigins:        c.CORSOrigin,
		Node:               c.Node,
		H2C:                c.H2C,
		NoHTTP2:            c.NoHTTP2,
		NetHTTP2:           c.NetHTTP2,
		MaxBodyBytes:       int64(c.MaxBody),
		MaxPayloadBytes:    int(c.MaxPayload),
		MaxBatchEvents:     c.MaxEvents,
		MaxConnections:     c.MaxConnections,
		SubscriptionBudget: int64(c.SubscriptionBudget),
		MaxStreams:         c.MaxStreams,
		MaxChannels:        c.MaxChannels,
		Heartbeat:          time.Duration(c.Heartbeat),
		StallTimeout:       time.Duration(c.StallTimeout),
		Shards:             c.Shards,
		OnlinePresence:     c.OnlinePresence,
		PresenceGrace:      cmp.Or(time.Duration(c.PresenceGrace), -1),
		Admins:             c.admins,
		OIDC:               c.oidc,
		AdminHint:          c.hint,
		AdminSessions:      c.AdminSessions,
		AdminKeys:          c.AdminKeys,
		AdminHistory:       c.Data,
		Settings:           effective,
		HistoryEvents:      c.HistoryEvents,
		HistoryBytes:       int(c.HistoryBytes),
		HistoryAge:         cmp.Or(time.Duration(c.HistoryAge), -1),
		HistoryBudget:      int64(c.HistoryBudget),
		ChannelRules:       c.rules,
		Tracing:            c.traces,
		Webhooks:           c.webhooks,
		NoCompat:           !c.Compat,
		NoPages:            !c.Pages,
	}
}
