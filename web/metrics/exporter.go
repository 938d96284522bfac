package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/hub"
	"rollcall/web/alarms"
	"rollcall/web/auth"
	"rollcall/web/gate"
	"rollcall/web/hooks"
	"rollcall/web/node"
	"rollcall/web/publish"
	"rollcall/web/reply"
	"rollcall/web/stream"
	"rollcall/web/totals"
)

// Exporter exports the server's figures to Prometheus. It collects them at each scrape:
// nothing is counted twice, and no label names a channel or a client.
type Exporter struct {
	opts      Options
	node      *node.Node
	gate      *gate.Gate
	streams   *stream.Streams
	publisher *publish.Publisher
	pages     func() int // live ones of the admin UI
	behind    prometheus.Histogram
	handler   http.Handler
}

// Options configure an Exporter. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	Version      string
	LoopbackOnly bool
	Totals       func() []totals.Total // the limits and their present use
	Hooks        *hooks.Hooks          // nil without webhooks
	Alarms       *alarms.Book
}

// New returns the metrics of a node; pages counts the live pages of its admin UI.
func New(n *node.Node, g *gate.Gate, s *stream.Streams, p *publish.Publisher, pages func() int, opts Options) *Exporter {
	x := &Exporter{opts: opts, node: n, gate: g, streams: s, publisher: p, pages: pages, behind: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "rollcall_stream_behind_events",
		Help:    "Kept events still to be sent, per stream that is behind; a sample of the streams at each scrape.",
		Buckets: []float64{0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000},
	})}
	registry := prometheus.NewRegistry()
	registry.MustRegister(x, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	x.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorLog: nil, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	return x
}

// metric is one that has no labels of its own, or one label whose values collect
// gives.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("rollcall_"+name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("rollcall_"+name, help, labels, nil), prometheus.CounterValue}
}

var (
	metricBuild    = gauge("build_info", "The version of this server; always 1.", "version")
	metricReady    = gauge("ready", "Whether the server accepts new streams and events.")
	metricStreams  = gauge("streams", "Open streams.", "kind")
	metricMax      = gauge("streams_limit", "Maximum number of open streams.")
	metricBehind   = gauge("streams_behind", "Streams that are catching up with the log.")
	metricBlocked  = gauge("streams_blocked", "Streams whose connection takes no data now.")
	metricPatterns = gauge("stream_patterns", "Patterns that streams follow, each once for each shard.")
	metricClients  = gauge("clients", "Online clients.")
	metricConns    = gauge("connections", "Connections of online clients.")
	metricChannels = gauge("channels", "Channels that have members.")
	metricKept     = gauge("log_channels", "Channels with kept events.")
	metricOver     = gauge("log_ended_channels", "Channels with kept events that have ended.")
	metricEvents   = gauge("log_events", "Kept events.")
	metricBytes    = gauge("log_bytes", "Bytes of the budget used by kept events.")
	metricBudget   = gauge("log_budget_bytes", "Budget for kept events, in bytes.")
	metricBlocks   = gauge("blocked_clients", "Blocked clients.")
	metricNetworks = gauge("blocked_networks", "Blocked addresses and networks.")

	metricShardStreams = gauge("shard_streams", "Streams of each shard.", "shard")
	metricShardMail    = gauge("shard_mailbox_messages", "Messages waiting for each shard, other than events.", "shard")
	metricShardBehind  = gauge("shard_behind_bytes", "Bytes of events that each shard has not delivered yet; publishing waits at 64 MiB.", "shard")

	metricHeld      = gauge("held", "Current number of each limited kind.", "kind")
	metricMaxHeld   = gauge("held_limit", "Limit of each kind.", "kind")
	metricHeldBytes = gauge("held_bytes", "Memory used by each kind.", "kind")
	metricMaxBytes  = gauge("held_limit_bytes", "Memory limit of each kind.", "kind")

	metricEngine    = gauge("engine_ready", "Whether the event store can be used.")
	metricDisk      = gauge("engine_disk_bytes", "Bytes of the event store on this machine's disk.")
	metricEngineLag = gauge("engine_lag_events", "Events of the store that this node has not received yet.")

	metricIngested = counter("ingest_messages_total", "Messages on the subjects of --ingest, by result.", "result")
	metricUnread   = gauge("ingest_waiting_messages", "Messages on the subjects of --ingest that this server has yet to read.")

	metricPublished = counter("events_published_total", "Events accepted by the log.")
	metricPieces    = counter("pieces_published_total", "Events that are pieces of a text, of requests to this server.")
	metricArriving  = gauge("publish_bodies", "Bodies that are being published while they arrive.")
	metricDelivered = counter("events_delivered_total", "Events delivered, one per event and stream.")
	metricSent      = counter("sent_bytes_total", "Bytes written to streams' connections.")
	metricOpened    = counter("streams_opened_total", "Opened streams.", "resumed")
	metricEnded     = counter("streams_ended_total", "Ended streams, by reason code.", "reason")
	metricGaps      = counter("gaps_total", "Gap events sent to streams.")
	metricCrowded   = counter("log_events_crowded_out_total", "Events dropped early because the budget was used up.")
	metricEdges     = counter("presence_edges_total", "Joins, leaves and updates, over all channels.", "kind")
	metricRequests  = counter("publish_requests_total", "Publish requests, by result.", "result")
	metricRefused   = counter("credentials_refused_total", "Refused credentials.")
	metricDenied    = counter("requests_denied_total", "Requests that their credentials do not allow.")
	metricLimited   = counter("requests_limited_total", "Requests over a limit of their address, their identity or the server, by limit.", "limit")

	metricAlarm   = gauge("alarm_active", "Whether an alarm is active, by its kind.", "alarm")
	metricAlarmed = counter("alarms_raised_total", "Alarms that were raised, by their kind.", "alarm")

	metricAsked        = counter("authorize_requests_total", "Requests without credentials about which the backend was to be asked, by result.", "result")
	metricAskFails     = gauge("authorize_failing", "Whether the last question to the backend had no answer that counts.")
	metricHookFails    = gauge("webhook_endpoints_failing", "Webhook endpoints whose last attempt failed.")
	metricHookOldest   = gauge("webhook_oldest_seconds", "Age of the oldest message that an endpoint has not taken.")
	metricHookDead     = gauge("webhook_dead_letters", "Messages that endpoints did not take in time, and that are kept.")
	metricHookAttempts = counter("webhook_attempts_total", "Attempts to send a message, by result.", "result")
	metricHookEvents   = counter("webhook_events_total", "Events that endpoints took, each once for each endpoint.")
	metricHookBuried   = counter("webhook_buried_total", "Messages that became dead letters.")
	metricHookLost     = counter("webhook_lost_total", "Messages and changes that were dropped because too much waited.")

	metricAskTime = prometheus.NewDesc("rollcall_authorize_seconds", "Time that the backend took for a question.", nil, nil)

	metricLag = prometheus.NewDesc("rollcall_delivery_lag_seconds", "Time from accepting an event to writing it to a connection; each write of a stream counts once, sampled.", nil, nil)
)

// lagBounds are the buckets of the delivery lag, in seconds.
var lagBounds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// behindSample is the number of streams per shard whose lag a scrape measures, which looks up each of their channels.
const behindSample = 128

// Describe implements [prometheus.Collector].
func (x *Exporter) Describe(descs chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(x, descs)
}

// putFunc adds a value to a collection.
type putFunc func(m metric, value float64, labels ...string)

// Collect implements [prometheus.Collector].
func (x *Exporter) Collect(out chan<- prometheus.Metric) {
	put := func(m metric, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
	}
	put(metricBuild, 1, x.opts.Version)
	x.collectStreams(put, out)
	x.collectPresence(put)
	for i, result := range publish.PublishResults {
		put(metricRequests, float64(x.publisher.Outcomes[i].Load()), result)
	}
	x.collectLog(put)
	x.collectTotals(put)
	x.collectHooks(put)
	x.collectBackend(put, out)
	x.collectRefusals(put)
	x.collectAlarms(put)
}

func (x *Exporter) collectStreams(put putFunc, out chan<- prometheus.Metric) {
	st := x.node.Hub.Stats()
	put(metricStreams, float64(st.Streams), "events")
	put(metricStreams, float64(x.node.Watchers.Streams()), "presence")
	put(metricMax, float64(x.streams.Max()))
	put(metricBehind, float64(st.Behind))
	put(metricBlocked, float64(st.Blocked))
	put(metricPatterns, float64(st.Patterns))
	put(metricDelivered, float64(st.Events))
	put(metricSent, float64(st.Bytes))
	put(metricOpened, float64(st.Resumed), "true")
	put(metricOpened, float64(st.Accepted-st.Resumed), "false")
	for _, why := range []hub.Reason{hub.Draining, hub.Overloaded, hub.Slow, hub.Expired, hub.Kicked, hub.Limited, hub.Complete, hub.Gone} {
		put(metricEnded, float64(st.Ends[why.Code]), why.Code)
	}
	put(metricGaps, float64(st.Gaps))
	for i, shard := range st.Shards {
		name := strconv.Itoa(i)
		put(metricShardStreams, float64(shard.Streams), name)
		put(metricShardMail, float64(shard.Mail), name)
		put(metricShardBehind, float64(shard.Behind), name)
	}
	if st.Behind > 0 {
		for _, n := range x.node.Hub.Behind(behindSample) {
			x.behind.Observe(float64(n))
		}
	}
	x.behind.Collect(out)
	out <- lagHistogram(&st.Lag)
}

func lagHistogram(lag *hub.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(lagBounds))
	for _, bound := range lagBounds {
		buckets[bound] = lag.Within(time.Duration(bound * float64(time.Second)))
	}
	return prometheus.MustNewConstHistogram(metricLag, lag.Count(), lag.Sum().Seconds(), buckets)
}

func (x *Exporter) collectPresence(put putFunc) {
	clients, conns, channels, _ := x.node.Registry.Totals()
	put(metricClients, float64(clients))
	put(metricConns, float64(conns))
	put(metricChannels, float64(channels))
	for i, kind := range node.EdgeKinds {
		put(metricEdges, float64(x.node.Feed.Counts[i].Load()), string(kind))
	}
	clients, networks := x.node.Blocks.Counts()
	put(metricBlocks, float64(clients))
	put(metricNetworks, float64(networks))
}

// collectLog collects the figures of the log and its store, and whether the server is ready.
func (x *Exporter) collectLog(put putFunc) {
	kept := x.node.Log.Stats()
	put(metricPublished, float64(kept.Published))
	put(metricPieces, float64(x.node.Pieces.Load()))
	put(metricArriving, float64(x.publisher.Arriving.Load()))
	put(metricKept, float64(kept.Channels))
	put(metricOver, float64(kept.Ended))
	put(metricEvents, float64(kept.Events))
	put(metricBytes, float64(kept.Bytes))
	put(metricBudget, float64(kept.Budget))
	put(metricCrowded, float64(kept.EvictedForBudget))

	engine, usable, ready := x.node.EngineState(), 1.0, 1.0
	if _, leaving := x.node.Leaving(); leaving {
		ready = 0
	}
	if !engine.Ready {
		usable, ready = 0, 0
	}
	put(metricEngine, usable)
	put(metricEngineLag, float64(engine.Lag))
	put(metricDisk, float64(engine.Bytes))
	put(metricReady, ready)
	x.collectIngest(put, engine.Ingest)
}

func (x *Exporter) collectAlarms(put putFunc) {
	for _, c := range x.opts.Alarms.Counts() {
		active := 0.0
		if c.Active {
			active = 1
		}
		put(metricAlarm, active, c.Kind)
		put(metricAlarmed, float64(c.Raised), c.Kind)
	}
}

func (x *Exporter) collectTotals(put putFunc) {
	for _, t := range x.opts.Totals() {
		held, limit := metricHeld, metricMaxHeld
		if t.Bytes {
			held, limit = metricHeldBytes, metricMaxBytes
		}
		put(held, float64(t.Held), t.Kind)
		put(limit, t.Max(), t.Kind)
	}
}

func (x *Exporter) collectRefusals(put putFunc) {
	refused := x.gate.Refusals()
	at, id := refused.Address, refused.Identity
	put(metricRefused, float64(refused.Credentials))
	put(metricDenied, float64(refused.Denied))
	put(metricLimited, float64(at.Connections+id.Connections), "connections")
	put(metricLimited, float64(at.Connects+id.Connects), "connects")
	put(metricLimited, float64(at.Publishes+id.Publishes), "publishes")
	put(metricLimited, float64(at.Bytes+id.Bytes), "bytes")
	put(metricLimited, float64(at.FailedAuth), "failures")
	put(metricLimited, float64(refused.Subscriptions), "subscriptions")
	put(metricLimited, float64(refused.Bodies), "bodies")
	put(metricLimited, float64(refused.Connections), "max_connections")
}

// collectHooks collects the webhooks' figures, over all endpoints. The server that sends to an endpoint has its
// figures.
func (x *Exporter) collectHooks(put putFunc) {
	var sum hooks.Status
	failing, dropped, oldest := 0, uint64(0), time.Duration(0)
	if x.opts.Hooks != nil {
		dropped = x.opts.Hooks.Dropped()
		for _, st := range x.opts.Hooks.Endpoints() {
			sum.Attempts, sum.Failures, sum.Delivered = sum.Attempts+st.Attempts, sum.Failures+st.Failures, sum.Delivered+st.Delivered
			sum.Dead, sum.Buried, sum.Lost = sum.Dead+st.Dead, sum.Buried+st.Buried, sum.Lost+st.Lost
			if st.Failing > 0 {
				failing++
			}
			if !st.Oldest.IsZero() {
				oldest = max(oldest, time.Since(st.Oldest))
			}
		}
	}
	put(metricHookFails, float64(failing))
	put(metricHookOldest, oldest.Seconds())
	put(metricHookDead, float64(sum.Dead))
	put(metricHookAttempts, float64(sum.Attempts-sum.Failures), "ok")
	put(metricHookAttempts, float64(sum.Failures), "failed")
	put(metricHookEvents, float64(sum.Delivered))
	put(metricHookBuried, float64(sum.Buried))
	put(metricHookLost, float64(sum.Lost+dropped))
}

// Serve answers GET /metrics, for API keys with the scope admin. An open server answers only its own machine, whatever
// address this is served at.
func (x *Exporter) Serve(c *gin.Context) *reply.Fault {
	who, f := x.gate.Caller(c)
	if f != nil {
		return f
	}
	away := x.opts.LoopbackOnly && (!who.Addr.IsLoopback() || !auth.LoopbackHost(c.Request.Host))
	if !who.Admin() || who.Kind == auth.Open && away {
		return x.gate.Forbidden(c, who, "", "Reading metrics")
	}
	x.handler.ServeHTTP(c.Writer, c.Request)
	return nil
}
