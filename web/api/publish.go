package api

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/gate"
	"rollcall/web/reply"
)

// publish answers POST /publish.
func (a *API) publish(c *gin.Context, who gate.Caller, body *reply.Body) *reply.Fault {
	events, f := a.publisher.Parse(&body.Buffer)
	if f != nil {
		return f
	}
	results, f := a.publisher.Batch(c, who, events)
	if f != nil {
		return f
	}
	reply.AnswerText(c, jsonResults(a.node.Log.Head().Epoch, events, results))
	return nil
}

// jsonResults returns the results of a publish as JSON.
func jsonResults(epoch string, events []eventlog.Event, results []eventlog.Result) []byte {
	out := make([]byte, 0, 16+len(events)*64)
	out = append(out, `{"events":[`...)
	for i, r := range results {
		if i > 0 {
			out = append(out, ',')
		}
		out = eventlog.AppendAddress(append(out, '{'), events[i].Channel)
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
	return append(out, "]}"...)
}
