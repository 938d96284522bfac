package publish

import (
	"fmt"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/auth"
	"rollcall/web/gate"
	"rollcall/web/reply"
)

// read reads the body of a caller that may publish to some channel.
func (p *Publisher) read(c *gin.Context, body *reply.Body) (gate.Caller, *reply.Fault) {
	who, f := p.gate.Caller(c)
	if f != nil {
		return who, f
	}
	if who.Kind == auth.Anonymous {
		return who, p.gate.Forbidden(c, who, "", "Publishing") // before its body is read
	}
	if f := p.gate.MayPublish(c, who); f != nil {
		return who, f
	}
	p.beginSpan(c)
	if f := body.Fill(c, p.opts.MaxBodyBytes); f != nil {
		return who, f
	}
	return who, p.gate.MayPublishBytes(c, who, body.Len())
}

// Batch appends events to the log if the caller may publish all of them.
func (p *Publisher) Batch(c *gin.Context, who gate.Caller, events []eventlog.Event) ([]eventlog.Result, *reply.Fault) {
	for i := range events {
		name := events[i].Channel
		if eventlog.ClientOf(name) != "" {
			if !who.MayPublishToClients() {
				return nil, p.gate.Forbidden(c, who, fmt.Sprintf("events[%d].clientId", i), fmt.Sprintf("Publishing to a client, as events[%d].clientId asks,", i))
			}
			continue
		}
		if !who.MayPublish(name) {
			return nil, p.gate.Forbidden(c, who, fmt.Sprintf("events[%d].channelName", i), "Publishing to "+strconv.Quote(name))
		}
	}
	results, err := p.node.Publish(c.Request.Context(), events)
	if err != nil {
		return nil, reply.PublishFault(c, err)
	}
	return results, nil
}
