package api

import (
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
	who, f := a.gate.Caller(c)
	if f != nil {
		return "", f
	}
	if !who.MayReadHistory(name) {
		return "", a.gate.Forbidden(c, who, "channel", "Reading the events of "+strconv.Quote(name))
	}
	return name, nil
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
	c.Header("Last-Event-ID", at.String()) // a stream from there has what comes after
	out := append([]byte(`{"response":`), eventlog.AppendString(nil, hub.LastEvent(last))...)
	reply.AnswerText(c, append(out, '}'))
	return nil
}

// history answers GET /history.
func (a *API) history(c *gin.Context) *reply.Fault {
	channel, f := a.readableParam(c)
	if f != nil {
		return f
	}
	limit, f := reply.LimitParam(c, 100, maxPage)
	if f != nil {
		return f
	}
	after := c.Query("after")
	if err := a.node.AwaitPosition(c.Request.Context(), after); err != nil {
		return reply.ReadFault(c, err)
	}
	head := a.node.Log.Head()
	cursor := eventlog.Cursor{Channels: []string{channel}}
	gap := false
	if after != "" {
		at, err := eventlog.ParsePosition(after)
		if err != nil {
			return reply.Invalid("invalid_position", "after", "is %v", err)
		}
		if gap = at.Epoch != head.Epoch || at.Seq > head.Seq; !gap {
			cursor.After = at.Seq
		}
	}
	var batch eventlog.Batch
	if store, ok := a.node.Log.(node.Deeper); ok && !gap {
		b, err := store.Older(c.Request.Context(), cursor.Channels, cursor.After, eventlog.Limit{Events: limit, Bytes: maxPageBytes})
		if err != nil {
			return reply.ReadFault(c, err)
		}
		batch = b
	}
	if len(batch.Records) == 0 {
		batch = a.node.Log.Next(&cursor, eventlog.Limit{Events: limit, Bytes: maxPageBytes}, nil)
	}
	gap = gap || after != "" && len(batch.Gaps) > 0

	out := []byte(`{"events":[`)
	for i, r := range batch.Records {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"id":"`...)
		out = append(out, eventlog.Position{Epoch: head.Epoch, Seq: r.Seq}.String()...)
		out = append(out, `","channelName":`...)
		out = eventlog.AppendString(out, r.Channel())
		out = append(out, `,"type":`...)
		out = eventlog.AppendString(out, r.Type())
		out = append(out, `,"payload":`...)
		out = append(out, r.Payload()...)
		out = append(out, `,"timestamp":"`...)
		out = append(out, r.Timestamp()...)
		out = append(out, `"}`...)
	}
	out = append(out, `],"next":"`...)
	out = append(out, eventlog.Position{Epoch: head.Epoch, Seq: batch.Through}.String()...)
	out = append(out, `","gap":`...)
	out = strconv.AppendBool(out, gap)
	reply.AnswerText(c, append(out, '}'))
	return nil
}
