package compat

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/reply"
)

// maxAck limits the body of an acknowledgement.
const maxAck = 1 << 10

// ackEvents answers POST /events/ack: a device reports through which event it has handled all. It may report what it
// may read.
func (s *Compat) ackEvents(c *gin.Context) *reply.Fault {
	q, f := reply.ParseQuery(c)
	if f != nil {
		return f
	}
	member, channel, f := memberParam(c, q)
	if f != nil {
		return f
	}
	device, f := deviceParam(c, q)
	if f != nil {
		return f
	}
	if device == "" {
		return reply.Invalid("invalid_device", "deviceId", "is missing; send it in the header Device-Id or as ?deviceId=")
	}
	who, f := s.gate.Caller(c)
	if f != nil {
		return f
	}
	if f := s.gate.MayPublish(c, who); f != nil { // which an acknowledgement costs the log
		return f
	}
	if who, f = s.gate.Ask(c, who, []string{channel}, member); f != nil {
		return f
	}
	if !who.MaySubscribe(channel) {
		return s.gate.Forbidden(c, who, "memberId", "Subscribing to "+strconv.Quote(channel))
	}
	body := reply.NewBody(&s.gate.Limits.Subscribing)
	defer body.Release()
	if f := body.Fill(c, maxAck); f != nil {
		return f
	}
	var ack struct {
		ID string `json:"id"`
	}
	if f := reply.DecodeJSON(body.Bytes(), &ack); f != nil {
		return f
	}
	at, f := s.reached(c, ack.ID)
	if f != nil {
		return f
	}
	s.devices.lookup(member, device).ack(at.Seq)
	c.Status(http.StatusNoContent)
	return nil
}

// reached returns the position of an event that a device was given.
func (s *Compat) reached(c *gin.Context, id string) (eventlog.Position, *reply.Fault) {
	if err := s.node.AwaitPosition(c.Request.Context(), id); err != nil {
		return eventlog.Position{}, reply.ReadFault(c, err)
	}
	at, ok := s.node.Resumes(id)
	if !ok {
		return at, reply.Invalid("invalid_position", "id", "must be the id of an event that this log has")
	}
	return at, nil
}
