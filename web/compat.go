package web

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/auth"
)

// Where the other faces of the log keep their events. A member's are on the channel
// with its id behind the prefix, a room's on that with its name.
const (
	memberPrefix = "member."
	roomPrefix   = "room."
	devicePrefix = "$device." // see devices
)

// compatRoutes serves what other systems have, as other ways to the same log.
func (s *Server) compatRoutes(e *gin.Engine) {
	for _, slash := range []string{"", "/"} {
		e.GET("/events"+slash, s.memberEvents)
		e.POST("/events"+slash, s.publishing(s.postEvent))
		e.GET("/messages"+slash, s.roomMessages)
		e.POST("/messages"+slash, s.publishing(s.postMessage))
		e.GET("/sse/time"+slash, s.clock)
	}
}

// resumeParam returns where the client asks to go on from.
func resumeParam(c *gin.Context) string {
	return resumeID(c.GetHeader("Last-Event-ID"), append(c.QueryArray("lastEventId"), c.QueryArray("last_event_id")...))
}

// publishOne publishes an event that came in one of the other forms: field is where its
// payload stood in it, about what names its channel.
func (s *Server) publishOne(c *gin.Context, g *auth.Grant, ev eventlog.Event, field, about string) (eventlog.Result, *fault) {
	if n := len(ev.Payload); n > s.opts.MaxPayloadBytes {
		return eventlog.Result{}, &fault{http.StatusRequestEntityTooLarge, "payload_too_large",
			field + " makes a payload of " + strconv.Itoa(n) + " bytes; it may have " + strconv.Itoa(s.opts.MaxPayloadBytes), field}
	}
	if !g.MayPublish(ev.Channel) {
		return eventlog.Result{}, s.forbidden(c, g, about, "Publishing to "+strconv.Quote(ev.Channel))
	}
	results, err := s.tracer.append(c.Request.Context(), s.hub, []eventlog.Event{ev})
	if err != nil {
		return eventlog.Result{}, publishFault(c, err)
	}
	return results[0], nil
}

// idOf returns the id of the event with this number.
func (s *Server) idOf(seq uint64) string {
	return eventlog.Position{Epoch: s.log.Head().Epoch, Seq: seq}.String()
}

// answerAs is answer with another status.
func answerAs(c *gin.Context, status int, body any) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	c.PureJSON(status, body)
}
