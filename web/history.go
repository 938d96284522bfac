package web

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// Most events and bytes of one page of history.
const (
	maxPage      = 1000
	maxPageBytes = 4 << 20
)

// channelParam returns the query's channel.
func channelParam(c *gin.Context) (string, *fault) {
	name := c.Query("channel")
	if err := eventlog.CheckChannel(name); err != nil {
		return "", invalid("invalid_channel", "channel", "%v", err)
	}
	return name, nil
}

// readableParam returns the query's channel, whose events the request may read.
func (s *Server) readableParam(c *gin.Context) (string, *fault) {
	name, f := channelParam(c)
	if f != nil {
		return "", f
	}
	g, f := s.grant(c)
	if f == nil && !g.MayReadHistory(name) {
		f = s.forbidden(c, g, "channel", "Reading the events of "+strconv.Quote(name))
	}
	return name, f
}

// limitParam returns the query's limit: 1 or more; what is over most is most.
func limitParam(c *gin.Context, usual, most int) (int, *fault) {
	text := c.Query("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalid("invalid_limit", "limit", "must be a whole number from 1 to %d", most)
	}
	return min(n, most), nil
}

// lastEvent answers GET /lastEvent.
func (s *Server) lastEvent(c *gin.Context) {
	channel, f := s.readableParam(c)
	if f != nil {
		refuse(c, f)
		return
	}
	var at eventlog.Position
	var last *eventlog.Record
	err := s.awaitPosition(c.Request.Context(), resumeID(c.GetHeader("Last-Event-ID"), []string{c.Query("lastEventId")}))
	if err == nil {
		at, last, err = s.newest(c.Request.Context(), channel)
	}
	if err != nil {
		refuse(c, readFault(c, err))
		return
	}
	c.Header("Last-Event-ID", at.String()) // a stream from there has what comes after
	out := append([]byte(`{"response":`), eventlog.AppendString(nil, hub.LastEvent(last))...)
	answerText(c, append(out, '}'))
}

// history answers GET /history.
func (s *Server) history(c *gin.Context) {
	channel, f := s.readableParam(c)
	if f != nil {
		refuse(c, f)
		return
	}
	limit, f := limitParam(c, 100, maxPage)
	if f != nil {
		refuse(c, f)
		return
	}
	after := c.Query("after")
	if err := s.awaitPosition(c.Request.Context(), after); err != nil {
		refuse(c, readFault(c, err))
		return
	}
	head := s.log.Head()
	cursor := eventlog.Cursor{Channels: []string{channel}}
	gap := false
	if after != "" {
		at, err := eventlog.ParsePosition(after)
		if err != nil {
			refuse(c, invalid("invalid_position", "after", "is %v", err))
			return
		}
		if gap = at.Epoch != head.Epoch || at.Seq > head.Seq; !gap {
			cursor.After = at.Seq
		}
	}
	var batch eventlog.Batch
	if store, ok := s.log.(deeper); ok && !gap {
		b, err := store.Older(c.Request.Context(), cursor.Channels, cursor.After, eventlog.Limit{Events: limit, Bytes: maxPageBytes})
		if err != nil {
			refuse(c, readFault(c, err))
			return
		}
		batch = b
	}
	if len(batch.Records) == 0 {
		batch = s.log.Next(&cursor, eventlog.Limit{Events: limit, Bytes: maxPageBytes}, nil)
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
	answerText(c, append(out, '}'))
}
