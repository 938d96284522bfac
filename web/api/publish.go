package api

import (
	"fmt"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/reply"
)

// publish answers POST /publish.
func (a *API) publish(c *gin.Context) {
	body := reply.NewBody(&a.gate.Limits.Publishing)
	defer body.Release()
	g, f := a.publisher.Read(c, body)
	if f != nil {
		reply.Refuse(c, f)
		return
	}
	events, f := a.publisher.Parse(&body.Buffer)
	for i := 0; f == nil && i < len(events); i++ {
		if name := events[i].Channel; !g.MayPublish(name) {
			f = a.gate.Forbidden(c, g, fmt.Sprintf("events[%d].channelName", i), "Publishing to "+strconv.Quote(name))
		}
	}
	if f != nil {
		reply.Refuse(c, f)
		return
	}
	results, err := a.node.Publish(c.Request.Context(), events)
	if err != nil {
		reply.Refuse(c, reply.PublishFault(c, err))
		return
	}
	epoch := a.node.Log.Head().Epoch
	out := make([]byte, 0, 16+len(events)*64)
	out = append(out, `{"events":[`...)
	for i, r := range results {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"channelName":`...)
		out = eventlog.AppendString(out, events[i].Channel)
		out = append(out, `,"id":"`...)
		out = append(out, epoch...)
		out = append(out, '-')
		out = strconv.AppendUint(out, r.Seq, 10)
		if r.Duplicate {
			out = append(out, `","duplicate":true}`...)
		} else {
			out = append(out, `"}`...)
		}
	}
	out = append(out, "]}"...)
	reply.AnswerText(c, out)
}
