package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// How often the clock strikes, and how far apart.
const (
	clockEvents = 100
	clockPause  = 15 * time.Millisecond
)

// clockEpoch marks the place of a clock's stream where a position is wanted.
const clockEpoch = "time"

// clock answers GET /sse/time: a hundred times, and the end. It is a stream to the
// limits, but no hub's: there is no log behind it.
func (s *Server) clock(c *gin.Context) {
	n := clockPlace(cmp.Or(c.GetHeader("Last-Event-ID"), c.Query("lastEventId"), c.Query("last_event_id")))
	at := eventlog.Position{Epoch: clockEpoch, Seq: uint64(n)}
	g, f := s.grant(c)
	switch {
	case f != nil:
	case n >= clockEvents:
		c.Status(http.StatusNoContent) // EventSource comes back at every end; now it stays away
		return
	case s.leaving():
		s.turnAway(c, at.String(), hub.Draining)
		return
	case s.Streams() >= s.opts.MaxStreams:
		s.turnAway(c, at.String(), hub.Overloaded)
		return
	}
	var p place
	if f == nil {
		p, f = s.takePlace(c, g)
	}
	if f != nil {
		s.refuseStream(c, at.String(), f)
		return
	}
	defer s.givePlace(p)
	s.clocks.Add(1)
	defer s.clocks.Add(-1)
	s.strike(c, at)
}

// strike writes the events behind at, until the end, the client's or the server's.
func (s *Server) strike(c *gin.Context, at eventlog.Position) {
	streamHead(c)
	w := unwrapped(c)
	out := http.NewResponseController(w)
	c.Writer.WriteHeaderNow()
	ticker := time.NewTicker(clockPause)
	defer ticker.Stop()
	for over := false; at.Seq < clockEvents && !over; {
		select {
		case <-c.Request.Context().Done():
			return
		case now := <-ticker.C:
			var text []byte
			if over = s.leaving(); over {
				text = hub.Draining.Goodbye(nil, at)
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

// clockPlace returns how many events a client has had that saw this id last: the number
// itself, or that of the position in a goodbye. Anything else is none.
func clockPlace(id string) int {
	n, err := strconv.ParseUint(strings.TrimPrefix(id, clockEpoch+"-"), 10, 64)
	if err != nil {
		return 0
	}
	return int(min(n, clockEvents))
}
