package api

import (
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/web/gate"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// subscribe answers GET /subscribe.
func (a *API) subscribe(c *gin.Context) {
	a.streams.Open(c, a.parseQueryRequest)
}

// subscribeJSON answers POST and QUERY /subscribe.
func (a *API) subscribeJSON(c *gin.Context) {
	unread := &stream.Request{Resume: stream.ResumeParam(c)}
	who, f := a.gate.Caller(c)
	if f != nil {
		a.streams.Refuse(c, unread, f)
		return
	}
	r, f := a.parseJSONRequest(c, who)
	if f != nil {
		a.streams.Refuse(c, unread, f)
		return
	}
	a.streams.OpenFor(c, who, r)
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
	var wants []string
	for _, list := range q["presence"] {
		wants = append(wants, strings.Split(list, ",")...)
	}
	return a.streams.Check(c, stream.Asked{
		Channels: names,
		ClientID: q.Get("clientId"),
		IDs:      append(q["lastEventId"], q["last_event_id"]...),
		From:     q.Get("from"),
		Until:    q.Get("until"),
		Format:   q.Get("format"),
		Presence: wants,
		Info:     []byte(q.Get("info")),
	})
}

func (a *API) parseJSONRequest(c *gin.Context, who gate.Caller) (*stream.Request, *reply.Fault) {
	if !a.gate.MayReadSome(who) {
		return nil, a.gate.Forbidden(c, who, "channels", "Subscribing") // before its body is read
	}
	text := reply.NewBody(&a.gate.Limits.Subscribing)
	defer text.Release()
	if f := text.Fill(c, a.opts.MaxBodyBytes); f != nil {
		return nil, f
	}
	var body struct {
		Channels    []string       `json:"channels"`
		ClientID    string         `json:"clientId"`
		LastEventID string         `json:"lastEventId"`
		LastEvent2  string         `json:"last_event_id"`
		From        string         `json:"from"`
		Until       string         `json:"until"`
		Format      string         `json:"format"`
		Presence    stringOrList   `json:"presence"`
		Info        jsontext.Value `json:"info"`
	}
	if f := reply.DecodeJSON(text.Bytes(), &body); f != nil {
		return nil, f
	}
	if string(body.Info) == "null" {
		body.Info = nil
	}
	return a.streams.Check(c, stream.Asked{
		Channels: body.Channels,
		ClientID: body.ClientID,
		IDs:      []string{body.LastEventID, body.LastEvent2},
		From:     body.From,
		Until:    body.Until,
		Format:   body.Format,
		Presence: body.Presence,
		Info:     body.Info,
	})
}

// stringOrList is a list of strings that may be written as one string.
type stringOrList []string

func (l *stringOrList) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return json.UnmarshalDecode(dec, (*[]string)(l), dec.Options())
	}
	var one string
	if err := json.UnmarshalDecode(dec, &one, dec.Options()); err != nil {
		return err
	}
	*l = strings.Split(one, ",")
	return nil
}
