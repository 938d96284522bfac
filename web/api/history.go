package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/node"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// Most events and bytes of one page of history.
const (
	maxPage      = 1000
	maxPageBytes = 4 << 20
)

// channelParam returns the query's channel.
func channelParam(c *gin.Context) (string, *reply.Fault) {
	name := c.Query("channel")
	if err := eventlog.CheckChannel(name); err != nil {
		return "", reply.Invalid("invalid_channel", "channel", "%v", err)
	}
	return name, nil
}

// readableParam returns the query's channel, whose events the request may read.
func (a *API) readableParam(c *gin.Context) (string, *reply.Fault) {
	name, f := channelParam(c)
	if f != nil {
		return "", f
	}
	who, f := a.gate.Reader(c, name)
	if f != nil {
		return "", f
	}
	if !who.MayReadHistory(name) {
		return "", a.gate.Forbidden(c, who, "channel", "Reading the events of "+strconv.Quote(name))
	}
	return name, nil
}

// emptyHistory answers DELETE /history.
func (a *API) emptyHistory(c *gin.Context) *reply.Fault {
	name, f := channelParam(c)
	if f != nil {
		return f
	}
	if f := a.gate.MayAdmin(c, "Emptying a channel"); f != nil {
		return f
	}
	if _, err := a.node.Log.Purge(c.Request.Context(), name); err != nil {
		return reply.ReadFault(c, err)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// lastEvent answers GET /lastEvent.
func (a *API) lastEvent(c *gin.Context) *reply.Fault {
	channel, f := a.readableParam(c)
	if f != nil {
		return f
	}
	ctx := c.Request.Context()
	if err := a.node.AwaitPosition(ctx, stream.ResumeID(c.GetHeader("Last-Event-ID"), []string{c.Query("lastEventId")})); err != nil {
		return reply.ReadFault(c, err)
	}
	at, last, err := a.node.Newest(ctx, channel)
	if err != nil {
		return reply.ReadFault(c, err)
	}
	c.Header("Last-Event-ID", at.String()) // a stream from there has the later events
	out := append([]byte(`{"response":`), eventlog.AppendString(nil, hub.LastEvent(last))...)
	reply.AnswerText(c, append(out, '}'))
	return nil
}

// span is the requested part of a channel's history.
type span struct {
	after  uint64 // the events behind it, oldest first
	before uint64 // the newest events before it; 0 for the head
	last   bool   // the newest, not the oldest
	limit  int
	lost   bool // the position asked for means nothing here
}

// spanParam parses the query's span.
func (a *API) spanParam(c *gin.Context) (s span, f *reply.Fault) {
	q := c.Request.URL.Query()
	if s.last = q.Has("last") || q.Has("before"); s.last && (q.Has("after") || q.Has("limit")) {
		return s, reply.Invalid("invalid_limit", "last", "and before do not go together with after and limit")
	}
	limit, name := "limit", "after"
	if s.last {
		limit, name = "last", "before"
	}
	if s.limit, f = reply.CountParam(c, limit, 100, maxPage); f != nil {
		return s, f
	}
	text := c.Query(name)
	if text == "" {
		return s, nil
	}
	if err := a.node.AwaitPosition(c.Request.Context(), text); err != nil {
		return s, reply.ReadFault(c, err)
	}
	at, err := eventlog.ParsePosition(text)
	if err != nil {
		return s, reply.Invalid("invalid_position", name, "is %v", err)
	}
	head := a.node.Log.Head()
	switch s.lost = at.Epoch != head.Epoch || at.Seq > head.Seq; {
	case s.lost:
	case s.last:
		s.before = at.Seq
	default:
		s.after = at.Seq
	}
	return s, nil
}

// page reads a channel's events after a position, oldest first, from the store if the memory no longer has them.
func (a *API) page(ctx context.Context, channel string, after uint64, limit int) (eventlog.Batch, error) {
	cursor := eventlog.Cursor{Channels: []string{channel}, After: after}
	most := eventlog.Limit{Events: limit, Bytes: maxPageBytes}
	store, ok := a.node.Log.(node.Deeper)
	if !ok {
		return a.node.Log.Next(&cursor, most, nil), nil
	}
	older, err := store.Older(ctx, cursor.Channels, after, most)
	if err != nil || len(older.Records) > 0 {
		return older, err
	}
	cursor.After = max(after, older.Through)
	batch := a.node.Log.Next(&cursor, most, nil)
	batch.Gaps = append(batch.Gaps, older.Gaps...)
	return batch, nil
}

// newest reads the newest events of a span, oldest first.
func (a *API) newest(ctx context.Context, channel string, s span) (eventlog.Batch, error) {
	batch := eventlog.Batch{Through: a.node.Log.Head().Seq}
	if s.before > 0 {
		batch.Through = s.before - 1
	}
	first, err := a.page(ctx, channel, 0, 1) // it reports whether events were dropped
	if err != nil {
		return batch, err
	}
	batch.Gaps = first.Gaps
	most := eventlog.Limit{Events: s.limit, Bytes: maxPageBytes}
	batch.Records, err = a.node.NewestBefore(ctx, channel, batch.Through+1, most)
	return batch, err
}

// history answers GET /history.
func (a *API) history(c *gin.Context) *reply.Fault {
	channel, f := a.readableParam(c)
	if f != nil {
		return f
	}
	s, f := a.spanParam(c)
	if f != nil {
		return f
	}
	epoch := a.node.Log.Head().Epoch
	var batch eventlog.Batch
	var err error
	if s.last {
		batch, err = a.newest(c.Request.Context(), channel, s)
	} else {
		batch, err = a.page(c.Request.Context(), channel, s.after, s.limit)
	}
	if err != nil {
		return reply.ReadFault(c, err)
	}
	at := func(seq uint64) string { return eventlog.Position{Epoch: epoch, Seq: seq}.String() }
	out := []byte(`{"events":[`)
	for i, r := range batch.Records {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"id":"`+at(r.Seq)+`","channelName":`...)
		out = eventlog.AppendString(out, r.Channel())
		out = append(out, `,"type":`...)
		out = eventlog.AppendString(out, r.Type())
		out = append(out, `,"payload":`...)
		out = append(out, r.Payload()...)
		out = append(out, `,"timestamp":"`+r.Timestamp()+`"`...)
		if key := r.Append(); key != "" {
			out = eventlog.AppendString(append(out, `,"append":`...), key)
		}
		if r.End() {
			out = append(out, `,"end":true`...)
		}
		out = append(out, '}')
	}
	out = append(out, ']')
	if s.last {
		prev := ""
		if len(batch.Records) > 0 {
			prev = at(batch.Records[0].Seq)
		}
		out = append(out, `,"prev":"`+prev+`"`...)
	}
	out = append(out, `,"next":"`+at(batch.Through)+`","gap":`...)
	out = strconv.AppendBool(out, s.lost || len(batch.Gaps) > 0)
	reply.AnswerText(c, append(out, '}'))
	return nil
}
