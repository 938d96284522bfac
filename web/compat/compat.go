package compat

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/publish"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// The channel prefixes of the compatibility APIs: a member's id or a room's name follows.
const (
	memberPrefix = "member."
	roomPrefix   = "room."
	devicePrefix = "$device." // see devices
)

// Rules are the retention rules for the channels of rooms and devices.
var Rules = []eventlog.Rule{
	{Match: eventlog.MustParsePattern(roomPrefix + ">"), Events: roomEvents, Bytes: roomBytes},
	{Match: eventlog.OwnPattern(devicePrefix + ">"), Events: placesKept},
}

// Options configure a Compat. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	Log          *slog.Logger
	Version      string
	NoPages      bool
	Admin        bool // the admin UI is on the same address
	StallTimeout time.Duration
}

// Compat serves the faces of other systems. Its methods are safe for concurrent use.
type Compat struct {
	opts      Options
	node      *node.Node
	gate      *gate.Gate
	streams   *stream.Streams
	publisher *publish.Publisher
	pages     *reply.Pages
	devices   *devices
	clocks    *clocks
}

// New returns the compatible faces of a node. Close ends them, once no stream begins or ends any more.
func New(n *node.Node, g *gate.Gate, streams *stream.Streams, p *publish.Publisher, pages *reply.Pages, opts Options) *Compat {
	s := &Compat{opts: opts, node: n, gate: g, streams: streams, publisher: p, pages: pages, clocks: newClocks()}
	s.devices = newDevices(s)
	return s
}

// Routes serves the faces, and the pages that show them.
func (s *Compat) Routes(e *gin.Engine) {
	for _, slash := range []string{"", "/"} {
		e.GET("/events"+slash, s.memberEvents)
		e.POST("/events"+slash, s.publisher.Handler(s.postEvent))
		e.POST("/events/ack"+slash, reply.Handler(s.ackEvents))
		e.GET("/messages"+slash, s.roomMessages)
		e.POST("/messages"+slash, s.publisher.Handler(s.postMessage))
		e.GET("/sse/time"+slash, s.clock)
	}
	if !s.opts.NoPages {
		s.demoRoutes(e)
	}
}

// Clocks returns how many clocks are open.
func (s *Compat) Clocks() int64 { return s.clocks.open.Load() }

// KeepPlaces has the places of devices kept whose streams were given something since.
func (s *Compat) KeepPlaces() { s.devices.enqueueMoved() }

// PlacesDue returns how many places of devices are not kept yet.
func (s *Compat) PlacesDue() int {
	s.devices.mu.Lock()
	defer s.devices.mu.Unlock()
	return len(s.devices.due) + len(s.devices.flushing)
}

// Close keeps the places of devices that are not kept yet.
func (s *Compat) Close() { s.devices.close() }
