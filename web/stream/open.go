package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/auth"
	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// Refuse ends a request for a stream with f. What may pass is told in a goodbye,
// which EventSource comes back from; to it, any other status is final.
func (s *Streams) Refuse(c *gin.Context, resume string, f *reply.Fault) {
	if f == gate.Blocked {
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
	s.TurnAway(c, resume, why)
}

// readOlder has the request get what the store has of what it is to be given: of what
// it missed or, on a fresh start in a dialect with a history, of everything.
func (s *Streams) readOlder(ctx context.Context, r *Request) (err error) {
	from := r.Resume
	_, resumes := s.node.Resumes(from)
	afresh := !resumes && r.Dialect != nil && r.Dialect.History
	if afresh {
		from = eventlog.Position{Epoch: s.node.Log.Head().Epoch}.String()
	}
	r.older, r.olderHeld, err = s.node.Older(ctx, r.Channels, from)
	if afresh && r.older != nil {
		r.older.Gaps = nil // it has missed nothing yet
	}
	if err == nil && !resumes && r.Dialect == nil {
		r.last, err = s.node.ReadLast(ctx, r.Channels)
	}
	return err
}

// stream answers a good request with a stream and returns when it has ended.
func (s *Streams) stream(c *gin.Context, r *Request, admitted node.Admission) {
	id := strings.Clone(r.ClientID)
	if id == "" {
		id = node.NewID()
	}
	st := &node.Stream{
		At:        s.node,
		Wants:     r.wants,
		Admission: admitted,
		Place:     r.Place,
		Connection: presence.Connection{
			ID:          node.NewID(),
			ClientID:    id,
			DeviceID:    strings.Clone(r.DeviceID),
			Anonymous:   r.ClientID == "",
			Node:        s.node.Name(),
			RemoteAddr:  s.gate.RemoteHost(c.Request),
			UserAgent:   node.ShortAgent(c.Request.UserAgent()),
			Protocol:    protocol(c.Request),
			ConnectedAt: time.Now(),
		},
	}
	st.Handle = st
	s.node.Feed.Count(st.Wants, 1)
	for i, name := range r.Channels {
		r.Channels[i] = strings.Clone(name) // hub and presence share it; the rest of the request goes
	}
	kind := "open"
	if s.node.Registry.Join(&st.Connection, r.Channels, r.info) {
		kind = "return"
	}
	if s.node.Cluster != nil {
		s.node.Cluster.Put(&st.Connection, r.Channels)
	}
	s.node.Journal.Note(node.Happening{Kind: kind, ClientID: st.ClientID, ConnID: st.ID, Addr: st.RemoteAddr})
	held := r.olderHeld
	given := func() { s.node.ReleaseOlder(held) }
	s.Attach(c, s.node.Hub, hub.Subscription{
		Channels:  r.Channels,
		Resume:    r.Resume,
		Wants:     r.wants,
		Owner:     st,
		Tap:       s.node.Taps.Of(&st.Connection),
		Older:     r.older,
		OlderDone: given,
		Last:      r.last,
		Dialect:   r.Dialect,
		Greet: func(at eventlog.Position, resumed bool) []byte {
			if st.Place != nil {
				st.Place.Starts(at.Seq)
			}
			if r.Dialect != nil {
				return fmt.Appendf(nil, "%sid: %s\n\n", node.RetryLine, at)
			}
			out := append(make([]byte, 0, 320+len(st.ClientID)), node.RetryLine...)
			return eventlog.AppendNotice(out, at, "", "registered", st.Hello(resumed))
		},
	}, st.Attached, func() { given(); st.Ended(nil, hub.Gone) })
	if st.Place != nil && st.Waiting != nil {
		st.Place.Ended(st.Conn.Load(), st.Unsent())
	}
}

// Open answers a request for a stream, which is refused if f is not nil.
func (s *Streams) Open(c *gin.Context, r *Request, f *reply.Fault) {
	var g *auth.Grant
	if f == nil {
		g, f = s.gate.Grant(c)
	}
	if f == nil {
		f = s.allowed(c, r, g)
	}
	if f != nil {
		s.Refuse(c, resumeOf(r), f)
		return
	}
	r.wants |= r.Always
	if s.node.Blocks.TurnAway(r.ClientID, r.Resume != "") {
		c.Status(http.StatusNoContent)
		return
	}
	if why, unwelcome := s.Unwelcome(); unwelcome {
		s.TurnAway(c, r.Resume, why)
		return
	}
	admitted, f := s.gate.Lend(c, g, r.Channels)
	if f != nil {
		s.Refuse(c, r.Resume, f)
		return
	}
	err := r.recall(c.Request.Context())
	if err == nil {
		err = s.node.AwaitPosition(c.Request.Context(), r.Resume)
	}
	if err == nil {
		err = s.readOlder(c.Request.Context(), r)
	}
	if err != nil {
		s.node.ReleaseOlder(r.olderHeld)
		admitted.Release(0)
		if errors.Is(err, node.ErrOlderBusy) {
			s.TurnAway(c, r.Resume, node.OlderBusy)
			return
		}
		s.Refuse(c, r.Resume, reply.ReadFault(c, err)) // it may have a gap that is none
		return
	}
	s.stream(c, r, admitted)
}

// allowed checks what is asked for against the grant, and puts in what the grant
// says of the client in place of what it says of itself.
func (s *Streams) allowed(c *gin.Context, r *Request, g *auth.Grant) *reply.Fault {
	for _, name := range r.Channels {
		if !g.MaySubscribe(name) {
			return s.gate.Forbidden(c, g, cmp.Or(r.Field, "channels"), "Subscribing to "+strconv.Quote(name))
		}
		if r.wants&hub.WantMembers != 0 && !g.MaySeePresence(name) {
			return s.gate.Forbidden(c, g, "presence", "Seeing who is on "+strconv.Quote(name))
		}
	}
	if r.wants&hub.WantOnline != 0 && !g.FullPresence() {
		return s.gate.Forbidden(c, g, "presence", "Seeing everybody who is online")
	}
	if !g.MayChooseClientID() {
		r.ClientID = g.ClientID
	}
	if g.Info != nil {
		r.info = g.Info
	}
	return nil
}

// resumeOf returns the position that was asked for, as far as that was understood.
func resumeOf(r *Request) string {
	if r == nil {
		return ""
	}
	return r.Resume
}

// TurnAway answers with a goodbye in place of a stream, from which a browser's
// EventSource comes back. Its position is the one asked for, so that nothing is
// lost meanwhile.
func (s *Streams) TurnAway(c *gin.Context, resume string, why hub.Reason) {
	at, err := eventlog.ParsePosition(resume)
	if err != nil {
		at = eventlog.Position{Epoch: hub.Fresh}
	}
	Head(c)
	_, _ = c.Writer.Write(why.Goodbye(nil, at))
}

// Head sets the head of a stream's answer.
func Head(c *gin.Context) {
	h := c.Writer.Header()
	h["Content-Type"] = eventStream
	h["Cache-Control"] = noCache
	h["X-Accel-Buffering"] = noBuffering
	c.Status(http.StatusOK)
}

// Header values of every stream, shared and never changed.
var (
	eventStream = []string{"text/event-stream"}
	noCache     = []string{"no-cache, no-transform"}
	noBuffering = []string{"no"}
)
