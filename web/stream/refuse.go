package stream

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// Refuse ends a request for a stream with f. Temporary faults are sent as a goodbye, after which EventSource
// reconnects; it never does after any other status. Of r, the position and the dialect count.
func (s *Streams) Refuse(c *gin.Context, r *Request, f *reply.Fault) {
	if f.Code == gate.Blocked.Code {
		c.Status(http.StatusNoContent)
		return
	}
	var why hub.Reason
	switch f.Status {
	case http.StatusTooManyRequests:
		why = hub.Limited
	case http.StatusServiceUnavailable:
		why = hub.Overloaded
	default:
		reply.Refuse(c, f)
		return
	}
	wait, _ := strconv.Atoi(c.Writer.Header().Get("Retry-After"))
	why.Text, why.Retry = f.Message, time.Duration(wait)*time.Second+rand.N(4*time.Second)
	s.TurnAway(c, r, why)
}

// refuseRead ends a request for a stream whose first events could not be read: the stream would report a false gap.
func (s *Streams) refuseRead(c *gin.Context, r *Request, err error) {
	if errors.Is(err, errComplete) {
		c.Status(http.StatusNoContent) // which EventSource stays away after
		return
	}
	if errors.Is(err, node.ErrOlderBusy) {
		s.TurnAway(c, r, node.OlderBusy)
		return
	}
	s.Refuse(c, r, reply.ReadFault(c, err))
}

// TurnAway answers with a goodbye in place of a stream, from which a browser's
// EventSource comes back. Its position is the one asked for, so that nothing is
// lost meanwhile.
func (s *Streams) TurnAway(c *gin.Context, r *Request, why hub.Reason) {
	at, err := eventlog.ParsePosition(r.Resume)
	switch {
	case r.Resume == "":
		at.Epoch = hub.Fresh
	case err != nil:
		at = eventlog.Position{Epoch: hub.Unknown}
	}
	Head(c)
	_, _ = c.Writer.Write(r.Dialect.AppendGoodbye(nil, at, why))
}
