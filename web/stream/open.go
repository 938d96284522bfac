package stream

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// Open answers a request for a stream, which parse reads. It returns when the stream has ended, or belongs to the hub.
func (s *Streams) Open(c *gin.Context, parse func(*gin.Context) (*Request, *reply.Fault)) {
	r, f := parse(c)
	if f != nil {
		reply.Refuse(c, f)
		return
	}
	who, f := s.gate.Caller(c)
	if f != nil {
		s.Refuse(c, r, f)
		return
	}
	s.OpenFor(c, who, r)
}

// OpenFor is Open for a caller that was found before.
func (s *Streams) OpenFor(c *gin.Context, who gate.Caller, r *Request) {
	if why, unwelcome := s.Unwelcome(); unwelcome {
		s.TurnAway(c, r, why)
		return
	}
	who, f := s.gate.Ask(c, who, r.Channels, r.ClientID)
	if f != nil {
		s.Refuse(c, r, f)
		return
	}
	if f := s.may(c, who, r); f != nil {
		s.Refuse(c, r, f)
		return
	}
	id, info := clientOf(who, r)
	if s.node.Blocks.TurnAway(id, r.Resume != "") {
		s.Refuse(c, r, gate.Blocked)
		return
	}
	admitted, f := s.gate.Lend(c, who, r.Channels)
	if f != nil {
		s.Refuse(c, r, f)
		return
	}
	from, err := s.startPosition(c.Request.Context(), r, id)
	if err != nil {
		admitted.Release(0)
		r.Resume = from.resume
		s.refuseRead(c, r, err)
		return
	}
	s.attach(c, r, from, s.join(c, who, admitted, r, id, info))
}

// may checks the requested channels against the caller's grant.
func (s *Streams) may(c *gin.Context, who gate.Caller, r *Request) *reply.Fault {
	for _, name := range r.Channels {
		if !who.MaySubscribe(name) {
			return s.gate.Forbidden(c, who, cmp.Or(r.Field, "channels"), "Subscribing to "+strconv.Quote(name))
		}
		if r.Wants&hub.WantMembers != 0 && !who.MaySeePresence(name) {
			return s.gate.Forbidden(c, who, "presence", "Listing the members of "+strconv.Quote(name))
		}
	}
	if r.Wants&hub.WantOnline != 0 && !who.FullPresence() {
		return s.gate.Forbidden(c, who, "presence", "Listing all online clients")
	}
	return nil
}

// clientOf returns the stream's client and its info in presence: those of the caller's grant, else those of the
// request.
func clientOf(who gate.Caller, r *Request) (id string, info []byte) {
	id, info = who.ClientID, who.Info
	if who.MayChooseClientID() {
		id = r.ClientID
	}
	if info == nil {
		info = r.Info
	}
	return id, info
}

// join makes the stream of a request and enters it in presence. An empty id has the server choose one.
func (s *Streams) join(c *gin.Context, who gate.Caller, admitted node.Admission, r *Request, id string, info []byte) *node.Stream {
	st := &node.Stream{
		At:        s.node,
		Wants:     r.Wants | r.Always,
		Brief:     r.UntilNow,
		Admission: admitted,
		Place:     r.Place,
		Connection: presence.Connection{
			ID:          node.NewID(),
			ClientID:    strings.Clone(id),
			DeviceID:    strings.Clone(r.DeviceID),
			Anonymous:   id == "",
			Node:        s.node.Name(),
			RemoteAddr:  who.Host(),
			UserAgent:   node.ShortAgent(c.Request.UserAgent()),
			Protocol:    protocol(c.Request),
			ConnectedAt: time.Now(),
			InfoIsFixed: who.Info != nil,
		},
	}
	if st.Anonymous {
		st.ClientID = node.NewID()
	}
	for i, name := range r.Channels {
		r.Channels[i] = strings.Clone(name) // hub and presence share it; the rest of the request goes
	}
	st.Join(r.Channels, info)
	return st
}

// attach hands a stream to the hub.
func (s *Streams) attach(c *gin.Context, r *Request, from start, st *node.Stream) {
	given := func() { s.node.OlderRoom.Give(from.held) }
	s.Attach(c, s.node.Hub, hub.Subscription{
		Channels:  r.Channels,
		Resume:    from.resume,
		From:      r.From,
		UntilNow:  r.UntilNow,
		Wants:     st.Wants,
		Owner:     st,
		Tap:       s.node.Taps.Of(&st.Connection),
		Older:     from.older,
		OlderDone: given,
		Last:      from.last,
		Dialect:   r.Dialect,
		Greet: func(at, id eventlog.Position, resumed bool) []byte {
			if st.Place != nil {
				st.Place.Starts(at.Seq)
			}
			if !r.Dialect.Greets() {
				return fmt.Appendf(nil, "%sid: %s\n\n", node.RetryLine, id)
			}
			out := append(make([]byte, 0, 320+len(st.ClientID)), node.RetryLine...)
			return r.Dialect.AppendNotice(out, id, "", "registered", st.Hello(resumed))
		},
	}, st.Attached, func() { given(); st.Ended(nil, hub.Gone) })
	if st.Place != nil && st.Waiting != nil {
		st.Place.Ended(st.Conn.Load(), st.Unsent())
	}
}
