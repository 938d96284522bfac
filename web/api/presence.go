package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/auth"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// maxList is the most entries of one page of a list.
const maxList = 1000

// clientView is a client in the presence API.
type clientView struct {
	ClientID    string          `json:"clientId"`
	Info        json.RawMessage `json:"info"`
	Connections any             `json:"connections"` // a count, or the connections
	Channels    []string        `json:"channels"`
	ConnectedAt string          `json:"connectedAt"`
}

type connectionView struct {
	ConnectionID string   `json:"connectionId"`
	DeviceID     string   `json:"deviceId,omitempty"`
	Node         string   `json:"node"`
	RemoteAddr   string   `json:"remoteAddr"`
	UserAgent    string   `json:"userAgent"`
	Protocol     string   `json:"protocol"`
	Channels     []string `json:"channels"`
	ConnectedAt  string   `json:"connectedAt"`
	LastEventID  string   `json:"lastEventId"`
	EventsSent   uint64   `json:"eventsSent"`
	BytesSent    uint64   `json:"bytesSent"`
	Behind       int      `json:"behind"`
}

type channelView struct {
	ChannelName string  `json:"channelName"`
	Clients     int     `json:"clients"`
	Connections int     `json:"connections"`
	LastEventAt *string `json:"lastEventAt"`
}

// clientList is one page of clients.
type clientList struct {
	Clients []clientView `json:"clients"`
	Total   int          `json:"total"`
	Next    string       `json:"next"`
}

// channelList is one page of channels.
type channelList struct {
	Channels []channelView `json:"channels"`
	Total    int           `json:"total"`
	Next     string        `json:"next"`
}

// viewClient returns the view of a client, with the channels that the grant may see.
func viewClient(c presence.Client, g *auth.Grant) clientView {
	return clientView{c.ClientID, c.Info, c.Connections, visible(c.Channels, g), eventlog.Stamp(c.ConnectedAt)}
}

// visible returns the channels whose members may be seen, in place.
func visible(channels []string, g *auth.Grant) []string {
	if g.FullPresence() {
		return channels
	}
	return slices.DeleteFunc(channels, func(name string) bool { return !g.MaySeePresence(name) })
}

// queryParams returns which page of a list is asked for.
func queryParams(c *gin.Context) (presence.Query, *reply.Fault) {
	q := presence.Query{Channel: c.Query("channel"), Search: c.Query("q")}
	var f *reply.Fault
	if q.Limit, f = reply.LimitParam(c, 100, maxList); f != nil {
		return q, f
	}
	after, err := base64.RawURLEncoding.DecodeString(c.Query("cursor"))
	if err != nil {
		return q, reply.Invalid("invalid_cursor", "cursor", "must be the next of an earlier answer")
	}
	q.After = string(after)
	return q, nil
}

// cursorAfter returns the cursor of the page behind last, "" for "".
func cursorAfter(last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(last))
}

// listClients answers GET /presence/clients.
func (a *API) listClients(c *gin.Context) *reply.Fault {
	q, f := queryParams(c)
	if f != nil {
		return f
	}
	who, f := a.gate.Caller(c)
	if f == nil && q.Channel != "" { // the list of all is for keys alone
		who, f = a.gate.Ask(c, who, []string{q.Channel}, "")
	}
	if f != nil {
		return f
	}
	switch {
	case q.Channel == "" && !who.FullPresence():
		return a.gate.Forbidden(c, who, "channel", "Listing all online clients")
	case q.Channel != "" && !who.MaySeePresence(q.Channel):
		return a.gate.Forbidden(c, who, "channel", "Listing the members of "+strconv.Quote(q.Channel))
	}
	page, total, more := a.node.Registry.Clients(q)
	views := make([]clientView, len(page))
	for i, client := range page {
		views[i] = viewClient(client, who.Grant)
	}
	last := ""
	if more {
		last = page[len(page)-1].ClientID
	}
	reply.Answer(c, clientList{views, total, cursorAfter(last)})
	return nil
}

// listChannels answers GET /presence/channels.
func (a *API) listChannels(c *gin.Context) *reply.Fault {
	q, f := queryParams(c)
	if f != nil {
		return f
	}
	who, f := a.gate.Reader(c)
	if f != nil {
		return f
	}
	if !who.MaySeeSome() {
		if who.Kind == auth.Anonymous {
			return a.gate.Forbidden(c, who, "", "Listing channels")
		}
		reply.Answer(c, channelList{Channels: []channelView{}})
		return nil
	}
	if !who.FullPresence() {
		q.Allow = who.MaySeePresence
	}
	page, total, more := a.node.Registry.Channels(q)
	names := make([]string, len(page))
	for i, ch := range page {
		names[i] = ch.Name
	}
	_, last := a.node.Log.Last(names)
	views := make([]channelView, len(page))
	for i, ch := range page {
		views[i] = channelView{ChannelName: ch.Name, Clients: ch.Clients, Connections: ch.Connections}
		if last[i] != nil {
			at := last[i].Timestamp()
			views[i].LastEventAt = &at
		}
	}
	behind := ""
	if more {
		behind = page[len(page)-1].Name
	}
	reply.Answer(c, channelList{views, total, cursorAfter(behind)})
	return nil
}

// showClient answers GET /presence/clients/{clientId}.
func (a *API) showClient(c *gin.Context) *reply.Fault {
	who, f := a.gate.Reader(c)
	if f != nil {
		return f
	}
	client, conns, ok := a.node.Registry.Client(reply.PathParam(c, "clientId"))
	view := viewClient(client, who.Grant)
	if !ok || len(view.Channels) == 0 && !who.FullPresence() {
		return notOnline // the answer must not reveal who is online elsewhere
	}
	views := make([]connectionView, 0, len(conns))
	for _, conn := range conns {
		v := connectionView{
			ConnectionID: conn.ID, DeviceID: conn.DeviceID, Node: conn.Node, Protocol: conn.Protocol,
			Channels: a.node.Registry.On(conn), ConnectedAt: eventlog.Stamp(conn.ConnectedAt),
		}
		if who.Admin() {
			v.RemoteAddr, v.UserAgent = conn.RemoteAddr, conn.UserAgent
		} else if who.Kind != auth.APIKey && who.ClientID != conn.ClientID {
			v.ConnectionID = "" // of no use to other subscribers
		}
		all := len(v.Channels)
		if v.Channels = visible(v.Channels, who.Grant); len(v.Channels) == 0 && !who.FullPresence() {
			continue
		}
		// The figures of a stream include the events of all its channels.
		if at := node.ConnOf(conn); at != nil && len(v.Channels) == all {
			v.LastEventID = at.Position().String()
			v.EventsSent, v.BytesSent = at.Sent()
			v.Behind = a.node.Hub.Pending(at, v.Channels)
		}
		views = append(views, v)
	}
	view.Connections = views
	reply.Answer(c, view)
	return nil
}

var notOnline = reply.NewFault(http.StatusNotFound, "not_online", "No such client or connection is online.")

// kickClient answers DELETE /presence/clients/{clientId}.
func (a *API) kickClient(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Ending other clients' streams"); f != nil {
		return f
	}
	id := reply.PathParam(c, "clientId")
	if text := c.Query("block"); text != "" {
		if f := a.block(node.Target{ClientID: id}, text); f != nil {
			return f
		}
	} else if streams, _ := a.node.KickAll(id); streams == 0 {
		return notOnline
	}
	c.Status(http.StatusNoContent)
	return nil
}

// kickConnection answers DELETE /presence/connections/{connectionId}.
func (a *API) kickConnection(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Ending other clients' streams"); f != nil {
		return f
	}
	if c.Request.URL.Query().Has("block") {
		return reply.Invalid("invalid_block", "block", "is for clients: DELETE /presence/clients/{clientId}?block=10m")
	}
	conn := a.node.Registry.Connection(reply.PathParam(c, "connectionId"))
	if conn == nil {
		return notOnline
	}
	a.node.Kick(conn)
	c.Status(http.StatusNoContent)
	return nil
}
