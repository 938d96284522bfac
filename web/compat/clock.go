package compat

import (
	"cmp"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/auth"
	"rollcall/web/gate"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// How often the clock strikes, and how far apart.
const (
	clockEvents = 100
	clockPause  = 15 * time.Millisecond
)

// How many clocks may be open at once.
const (
	MaxClocks        = 256
	maxAddressClocks = 16
)

// clockEpoch is the epoch in positions of a clock's stream.
const clockEpoch = "time"

// clocks counts the open streams of /sse/time, which have limits of their own: a clock
// takes no place from the streams that have events.
type clocks struct {
	open      atomic.Int64
	byAddress *auth.Limiter[netip.Addr]
}

func newClocks() *clocks {
	return &clocks{byAddress: auth.NewLimiter[netip.Addr](auth.Limits{Connections: maxAddressClocks})}
}

// acquire counts a clock of the address, unless there are too many. release ends it.
func (k *clocks) acquire(addr netip.Addr) bool {
	if !k.byAddress.Acquire(addr) {
		return false
	}
	if k.open.Add(1) > MaxClocks {
		k.release(addr)
		return false
	}
	return true
}

func (k *clocks) release(addr netip.Addr) {
	k.open.Add(-1)
	k.byAddress.Release(addr)
}

// clock answers GET /sse/time: a hundred times, then the end, without a log. Every caller that may subscribe to
// something may use it.
func (s *Compat) clock(c *gin.Context) {
	n := clockPlace(cmp.Or(c.GetHeader("Last-Event-ID"), c.Query("lastEventId"), c.Query("last_event_id")))
	at := eventlog.Position{Epoch: clockEpoch, Seq: uint64(n)}
	asked := &stream.Request{Resume: at.String()}
	who, f := s.mayHaveClock(c)
	if f != nil {
		s.streams.Refuse(c, asked, f)
		return
	}
	if n >= clockEvents {
		c.Status(http.StatusNoContent) // EventSource comes back at every end; now it stays away
		return
	}
	if why, leaving := s.node.Leaving(); leaving {
		s.streams.TurnAway(c, asked, why)
		return
	}
	if f := s.gate.MayConnect(c, who); f != nil {
		s.streams.Refuse(c, asked, f)
		return
	}
	addr := auth.AddressKey(who.Addr)
	if !s.clocks.acquire(addr) {
		s.streams.Refuse(c, asked, reply.Limited(c, clockRetry, "too_many_connections", "Too many clocks are open."))
		return
	}
	defer s.clocks.release(addr)
	s.writeTicks(c, at)
}

// mayHaveClock returns the caller, if it may use a clock.
func (s *Compat) mayHaveClock(c *gin.Context) (gate.Caller, *reply.Fault) {
	who, f := s.gate.Reader(c)
	if f != nil {
		return who, f
	}
	if !who.MaySubscribeSome() {
		return who, s.gate.Forbidden(c, who, "", "The clock")
	}
	return who, nil
}

// clockRetry is when a client that found all clocks in use may retry.
const clockRetry = clockEvents * clockPause

// writeTicks writes the events after position at, until the clock, the client or the server
// ends. A slow reader is cut after the time of a clock plus the stall timeout.
func (s *Compat) writeTicks(c *gin.Context, at eventlog.Position) {
	stream.Head(c)
	w := stream.Unwrapped(c)
	out := http.NewResponseController(w)
	left := time.Duration(clockEvents-at.Seq) * clockPause
	_ = out.SetWriteDeadline(time.Now().Add(left + s.opts.StallTimeout))
	c.Writer.WriteHeaderNow()
	ticker := time.NewTicker(clockPause)
	defer ticker.Stop()
	for over := false; at.Seq < clockEvents && !over; {
		select {
		case <-c.Request.Context().Done():
			return
		case now := <-ticker.C:
			var text []byte
			var why hub.Reason
			if why, over = s.node.Leaving(); over {
				text = why.Goodbye(nil, at)
			} else {
				at.Seq++
				text = append([]byte("id: "), strconv.FormatUint(at.Seq, 10)...)
				text = append(text, "\nevent: time\ndata: "...)
				text = append(append(text, eventlog.Stamp(now)...), "\n\n"...)
			}
			if _, err := w.Write(text); err != nil || out.Flush() != nil {
				return
			}
		}
	}
}

// clockPlace returns the number of events that a client with this last id has had: the number itself, or that of the
// position in a goodbye. Any other id gives 0.
func clockPlace(id string) int {
	n, err := strconv.ParseUint(strings.TrimPrefix(id, clockEpoch+"-"), 10, 64)
	if err != nil {
		return 0
	}
	return int(min(n, clockEvents))
}
