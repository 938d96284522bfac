package api

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/web/gate"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// subscribe answers GET and POST /subscribe.
func (a *API) subscribe(c *gin.Context) {
	var r *stream.Request
	var f *reply.Fault
	if c.Request.Method == http.MethodPost {
		r, f = a.parseJSONRequest(c)
	} else {
		r, f = a.parseQueryRequest(c)
	}
	if f == nil && a.opts.OnlinePresence {
		r.Always = hub.WantOnline
	}
	a.streams.Open(c, r, f)
}

func (a *API) parseQueryRequest(c *gin.Context) (*stream.Request, *reply.Fault) {
	q, f := reply.ParseQuery(c)
	if f != nil {
		return nil, f
	}
	var names []string
	for _, list := range q["channels"] {
		if list != "" {
			names = append(names, strings.Split(list, ",")...)
		}
	}
	names = append(names, q["channel"]...)
	ids := append(q["lastEventId"], q["last_event_id"]...)
	var wants []string
	for _, list := range q["presence"] {
		wants = append(wants, strings.Split(list, ",")...)
	}
	return a.streams.Check(c, names, q.Get("clientId"), ids, wants, []byte(q.Get("info")))
}

func (a *API) parseJSONRequest(c *gin.Context) (*stream.Request, *reply.Fault) {
	g, f := a.gate.Grant(c)
	if f == nil && !g.MaySubscribeSome() {
		f = a.gate.Forbidden(c, g, "channels", "Subscribing") // before its body is read
	}
	if f != nil {
		return nil, f
	}
	c.Set(gate.GrantKey, g)
	text := reply.NewBody(&a.gate.Limits.Subscribing)
	defer text.Release()
	if f := text.Fill(c, a.opts.MaxBodyBytes); f != nil {
		return nil, f
	}
	var body struct {
		Channels    []string        `json:"channels"`
		ClientID    string          `json:"clientId"`
		LastEventID string          `json:"lastEventId"`
		LastEvent2  string          `json:"last_event_id"`
		Presence    stringOrList    `json:"presence"`
		Info        json.RawMessage `json:"info"`
	}
	if f := reply.Decode(text.Bytes(), &body); f != nil {
		return nil, f
	}
	if string(body.Info) == "null" {
		body.Info = nil
	}
	return a.streams.Check(c, body.Channels, body.ClientID, []string{body.LastEventID, body.LastEvent2}, body.Presence, body.Info)
}

// stringOrList is a list of strings that may be written as one string.
type stringOrList []string

func (l *stringOrList) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = strings.Split(one, ",")
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}
