package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
)

// Publish appends events to the log for the program that the server is part of, which
// may do so without a request. See [eventlog.Log.Append].
//
// Errors: those of the log; another one for an event whose channel, type, key or payload
// is not as POST /publish wants it. Nothing was published then.
func (s *Server) Publish(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	for i := range events {
		ev := &events[i]
		if err := eventlog.CheckChannel(ev.Channel); err != nil {
			return nil, fmt.Errorf("events[%d]: the channel %w", i, err)
		}
		if err := eventlog.CheckType(ev.Type); err != nil {
			return nil, fmt.Errorf("events[%d]: the type %w", i, err)
		}
		if len(ev.Key) > eventlog.MaxKey {
			return nil, fmt.Errorf("events[%d]: the key has more than %d bytes", i, eventlog.MaxKey)
		}
		if len(ev.Payload) > s.opts.MaxPayloadBytes || !json.Valid(ev.Payload) || !utf8.Valid(ev.Payload) {
			return nil, fmt.Errorf("events[%d]: the payload is not JSON of at most %d bytes", i, s.opts.MaxPayloadBytes)
		}
	}
	return s.tracer.append(ctx, s.hub, events)
}

// publishing counts requests that next publishes, and ends their spans.
func (s *Server) publishing(next gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		next(c)
		var f *fault
		if v, ok := c.Get(refusal); ok {
			f = v.(*fault)
		}
		s.outcomes.count(f)
		s.endSpan(c, f)
	}
}

// publishes counts requests by what became of them.
type publishes [len(publishResults)]atomic.Uint64

// publishResults are the values of that label of the metric.
var publishResults = [...]string{"accepted", "denied", "invalid", "limited", "busy", "unavailable"}

// count notes a request that was answered with f, or as asked if f is nil.
func (p *publishes) count(f *fault) {
	result := 2 // invalid
	switch {
	case f == nil:
		result = 0
	case f.status == http.StatusUnauthorized || f.status == http.StatusForbidden:
		result = 1
	case f.Code == "busy":
		result = 4
	case f.status == http.StatusTooManyRequests:
		result = 3
	case f.status >= http.StatusInternalServerError:
		result = 5
	}
	p[result].Add(1)
}
