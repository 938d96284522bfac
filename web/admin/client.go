package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// timelineLen is how many happenings a client's page shows.
const timelineLen = 50

// client paints /admin/clients/{clientId}.
func (a *Admin) client(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "clients"
	if !a.remembers(v.arg) {
		return nil, reply.NewFault(http.StatusNotFound, "not_online", "No client with this id is online, blocked or in the recent history.")
	}
	st, past := a.newStates(), a.newTimeline(v.arg)
	return func() renderedPage {
		view := a.clientView(v, st, past)
		return renderedPage{body: templates.ClientPage(view), parts: view.Fragments()}
	}, nil
}

// knows reports whether there is anything to show about a client.
func (a *Admin) knows(id string) bool {
	if _, _, online := a.node.Registry.Client(id); online {
		return true
	}
	if _, blocked := a.node.Blocks.Of(id); blocked {
		return true
	}
	return len(a.node.Journal.Newest(1, func(h *node.JournalEntry) bool { return h.ClientID == id })) > 0
}

// remembers reports whether there is anything to show about a client, here or on another server.
func (a *Admin) remembers(id string) bool {
	return a.knows(id) || len(a.newTimeline(id).entries(1)) > 0
}

func (a *Admin) clientView(v *pageRequest, st *states, past *timeline) templates.ClientView {
	s, id := a, v.arg
	base := adminLink("clients", id)
	view := templates.ClientView{AdminFrame: v.frame, ClientID: id, Base: base, TapHref: below(base, "tap"), Send: v.send, BaseURL: v.base}
	c, conns, online := s.node.Registry.Client(id)
	view.Online, view.Leaving, view.Since = online, online && len(conns) == 0, c.ConnectedAt
	view.Info = indented(c.Info)
	view.Name, _ = described(c.Info)
	view.Channels, _ = channelLinks(c.Channels, len(c.Channels))
	st.ask(id)
	var sum clientSum
	for _, conn := range conns {
		state, known := st.of(conn)
		sum.add(state, known)
		view.Connections = append(view.Connections, a.connectionRow(conn, state, known))
	}
	events, sent, behind := sum.texts()
	view.State = sum.state()
	view.Figures = []templates.Figure{
		{ID: "fig-connections", Label: "Connections", Value: grouped(len(conns))},
		{ID: "fig-channels", Label: "Channels", Value: grouped(len(c.Channels))},
		{ID: "fig-events", Label: "Events sent", Value: events},
		{ID: "fig-bytes", Label: "Sent", Value: sent},
		{ID: "fig-behind", Label: "Events behind", Value: behind},
		{ID: "fig-returns", Label: "Reconnected in grace", Value: grouped(c.Returns), Note: "no leave announced"},
	}
	if b, ok := s.node.Blocks.Of(id); ok {
		row := blockRow(b)
		view.Blocked = &row
	}
	entries := past.entries(mostTimeline)
	view.Timeline = a.moments(entries[:min(len(entries), timelineLen)], false)
	view.Lanes = a.lanes(conns, st, entries)
	view.Charts, view.ChartsSince = a.clientCharts(id, entries)
	return view
}

// connectionRow returns a connection as a row; without known, its server has not told its state.
func (a *Admin) connectionRow(conn *presence.Connection, st node.ConnState, known bool) templates.ConnectionRow {
	row := templates.ConnectionRow{
		Key: "conn-" + conn.ID, ConnectionID: conn.ID, Address: conn.RemoteAddr,
		Agent: agentName(conn.UserAgent), UserAgent: conn.UserAgent,
		Protocol: conn.Protocol, Node: conn.Node, Since: conn.ConnectedAt, EndHref: Path + "/connections/" + conn.ID + "/disconnect",
		Events: unknown, Bytes: unknown, Behind: unknown, LastID: unknown, State: "unknown",
	}
	if conn.DeviceID != "" {
		row.Agent += " · device " + conn.DeviceID
	}
	row.Channels, row.More = channelLinks(a.node.Registry.On(conn), 4)
	if known {
		row.State, row.Events, row.Bytes, row.Behind = st.State, grouped(st.Events), sized(st.Bytes), grouped(st.Behind)
		row.LastID = st.Position
	}
	return row
}

// disconnect answers POST /admin/clients/{clientId}/disconnect.
func (a *Admin) disconnect(c *gin.Context) {
	id := argOf(c)
	streams, online := a.node.KickAll(id)
	back := adminLink("clients", id)
	if !online {
		a.failed(c, "client.disconnect", id, Path+"/clients", "This client is not online.")
		return
	}
	n := plural(streams, "connection")
	a.noteAct(c, "kick", id, "")
	a.done(c, "client.disconnect", id, n, back, "Ended "+n+".")
}

// disconnectOne answers POST /admin/connections/{connectionId}/disconnect.
func (a *Admin) disconnectOne(c *gin.Context) {
	id := reply.PathParam(c, "connectionId")
	conn := a.node.Registry.Connection(id)
	if conn == nil {
		a.failed(c, "connection.disconnect", id, Path+"/clients", "This connection has already ended.")
		return
	}
	a.node.Kick(conn)
	a.noteAct(c, "kick", conn.ClientID, conn.ID)
	a.done(c, "connection.disconnect", id, "of "+conn.ClientID, adminLink("clients", conn.ClientID), "Ended one connection.")
}

// noteAct adds an operator's action to the client's timeline.
func (a *Admin) noteAct(c *gin.Context, kind, clientID, connID string) {
	a.node.Journal.Note(node.JournalEntry{
		Kind: kind, ClientID: strings.Clone(clientID), ConnID: connID, Node: a.node.Name(), // the id may be a part of a whole form
		By: sessionOf(c).User,
	})
}

// sendWait is how long the answer to a form waits for shards to give out an event.
const sendWait = 2 * time.Second

// send answers POST /admin/clients/{clientId}/send: an event for this client's live streams only. It is in no log:
// streams that are behind or away never get it.
func (a *Admin) send(c *gin.Context) {
	id := argOf(c)
	form, payload := a.readSend(c)
	_, conns, online := a.node.Registry.Client(id)
	if form.Error == "" && !online {
		form.Error = "The client is not online."
	}
	if form.Error != "" {
		a.audited(c, "client.send", id, "failed", form.Error)
		a.showScreen(c, sessionOf(c), http.StatusBadRequest, a.client, func(v *pageRequest) {
			v.send = form
			v.frame.Live = adminLink("clients", id)
		})
		return
	}
	got := a.sendEverywhere(c, id, conns, form.Type, payload)
	a.noteAct(c, "send", id, "")
	text := "Sent to " + grouped(got) + " of " + plural(len(conns), "connection") + "."
	a.done(c, "client.send", id, form.Type+", "+text, adminLink("clients", id), text)
}

// readSend reads the form that sends an event. The form has an Error if that can't be sent.
func (a *Admin) readSend(c *gin.Context) (form templates.SendForm, payload []byte) {
	form = templates.SendForm{Type: c.PostForm("type"), Payload: c.PostForm("payload"), IsText: c.PostForm("text") != ""}
	payload, wrong := payloadOf(form.Payload, form.IsText)
	switch err := eventlog.CheckType(form.Type); {
	case err != nil:
		form.Field, form.Error = "type", "type "+err.Error()
	case wrong != "":
		form.Field, form.Error = "payload", wrong+"."
	case len(payload) > a.opts.MaxPayloadBytes:
		form.Field, form.Error = "payload", "payload has "+grouped(len(payload))+" bytes; it may have "+grouped(a.opts.MaxPayloadBytes)
	}
	return form, payload
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}
