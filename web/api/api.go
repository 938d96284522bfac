package api

import (
	"github.com/gin-gonic/gin"

	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/publish"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// Options configure an API. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	MaxBodyBytes int64
}

// API answers the API's requests. Its methods are safe for concurrent use.
type API struct {
	opts      Options
	node      *node.Node
	gate      *gate.Gate
	streams   *stream.Streams
	publisher *publish.Publisher
}

// New returns the API of a node.
func New(n *node.Node, g *gate.Gate, s *stream.Streams, p *publish.Publisher, opts Options) *API {
	return &API{opts, n, g, s, p}
}

// Routes serves the API.
func (a *API) Routes(e *gin.Engine) {
	for _, slash := range []string{"", "/"} {
		e.DELETE("/history"+slash, reply.Handler(a.emptyHistory))
		e.GET("/subscribe"+slash, a.subscribe)
		e.POST("/subscribe"+slash, a.subscribeJSON)
		e.Handle(reply.MethodQuery, "/subscribe"+slash, a.subscribeJSON)
		e.POST("/publish"+slash, a.publisher.Handler(a.publish))
		e.POST("/publish/stream"+slash, reply.Handler(a.publisher.Stream))
		e.PUT("/publish/stream"+slash, reply.Handler(a.publisher.Stream)) // as curl -T sends
		e.GET("/presence/stream"+slash, a.watch)
		e.Match(reply.ReadMethods, "/lastEvent"+slash, reply.Handler(a.lastEvent))
		e.Match(reply.ReadMethods, "/history"+slash, reply.Handler(a.history))
		e.Match(reply.ReadMethods, "/presence/clients"+slash, reply.Handler(a.listClients))
		e.Match(reply.ReadMethods, "/presence/channels"+slash, reply.Handler(a.listChannels))
		e.Match(reply.ReadMethods, "/backup"+slash, reply.Handler(a.backup))
		e.Match(reply.ReadMethods, "/presence/blocks"+slash, reply.Handler(a.listBlocks))
		e.PUT("/presence/blocks"+slash, reply.Handler(a.blockNetwork))
		e.DELETE("/presence/blocks"+slash, reply.Handler(a.unblockNetwork))
	}
	e.Match(reply.ReadMethods, "/presence/clients/:clientId", reply.Handler(a.showClient))
	e.Match(reply.ReadMethods, "/presence/channels/:channelName", reply.Handler(a.showChannel))
	e.DELETE("/presence/clients/:clientId", reply.Handler(a.kickClient))
	e.DELETE("/presence/blocks/:clientId", reply.Handler(a.unblock))
	e.DELETE("/presence/connections/:connectionId", reply.Handler(a.kickConnection))
	e.POST("/presence/connections/:connectionId/leave", reply.Handler(a.leave))
	e.PUT("/presence/connections/:connectionId/info", reply.Handler(a.setInfo))
}

// HealthRoutes serves the health checks. Every listener has them.
func (a *API) HealthRoutes(e *gin.Engine) {
	e.Match(reply.ReadMethods, "/healthz", a.healthz)
	e.Match(reply.ReadMethods, "/readyz", reply.Handler(a.readyz))
}
