package publish

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/gate"
	"rollcall/web/reply"
)

// One publishes an event of another API: field is the name of its payload's field, about that of its channel's field.
func (p *Publisher) One(c *gin.Context, who gate.Caller, ev eventlog.Event, field, about string) (eventlog.Result, *reply.Fault) {
	if n := len(ev.Payload); n > p.opts.MaxPayloadBytes {
		return eventlog.Result{}, &reply.Fault{Status: http.StatusRequestEntityTooLarge, Code: "payload_too_large",
			Message: field + " gives a payload of " + strconv.Itoa(n) + " bytes; it may have " + strconv.Itoa(p.opts.MaxPayloadBytes), Field: field}
	}
	if !who.MayPublish(ev.Channel) {
		return eventlog.Result{}, p.gate.Forbidden(c, who, about, "Publishing to "+strconv.Quote(ev.Channel))
	}
	results, err := p.node.Publish(c.Request.Context(), []eventlog.Event{ev})
	if err != nil {
		return eventlog.Result{}, reply.PublishFault(c, err)
	}
	return results[0], nil
}
