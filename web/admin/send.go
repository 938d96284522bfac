package admin

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/node"
)

// sendKind is the kind of question that has the other servers send an event to a client.
const sendKind = "client-send"

type sendQuestion struct {
	ClientID string          `json:"clientId,omitempty"`
	Conns    []string        `json:"conns,omitempty"` // instead of a client
	Type     string          `json:"type"`
	Payload  json.RawMessage `json:"payload"`
}

type sendAnswer struct {
	Sent int `json:"sent"` // to how many connections
}

// answerSend answers sendQuestions.
func (a *Admin) answerSend(q sendQuestion) (any, bool) {
	conns := a.open(q.Conns)
	if q.ClientID != "" {
		_, conns, _ = a.node.Registry.Client(q.ClientID)
	}
	ctx, cancel := context.WithTimeout(context.Background(), node.AskWait*3/4)
	defer cancel()
	return sendAnswer{a.sendEvent(ctx, conns, q.Type, q.Payload)}, true
}

// sendEverywhere sends an event to a client's live connections on all servers and counts them.
func (a *Admin) sendEverywhere(c *gin.Context, id string, conns []*presence.Connection, typ string, payload []byte) int {
	ctx := c.Request.Context()
	got := a.sendEvent(ctx, conns, typ, payload)
	if slices.ContainsFunc(conns, func(c *presence.Connection) bool { return c.Handle == nil }) {
		for _, answer := range node.Ask[sendAnswer](ctx, a.node, "", sendKind, sendQuestion{ClientID: id, Type: typ, Payload: payload}) {
			got += answer.Value.Sent
		}
	}
	return got
}

// sendStep is to how many connections another server sends at once.
const sendStep = 2000

// sendToMany sends an event to the live ones of some connections, on all servers, and counts them.
func (a *Admin) sendToMany(c *gin.Context, ids []string, typ string, payload []byte) int {
	ctx := c.Request.Context()
	conns := a.open(ids)
	var away []string
	for _, conn := range conns {
		if conn.Handle == nil {
			away = append(away, conn.ID)
		}
	}
	got := a.sendEvent(ctx, conns, typ, payload)
	for part := range slices.Chunk(away, sendStep) {
		for _, answer := range node.Ask[sendAnswer](ctx, a.node, "", sendKind, sendQuestion{Conns: part, Type: typ, Payload: payload}) {
			got += answer.Value.Sent
		}
	}
	return got
}

// sendEvent sends an event to each live connection of this server and counts them.
func (a *Admin) sendEvent(ctx context.Context, conns []*presence.Connection, typ string, payload []byte) int {
	told := make(chan bool, len(conns))
	for _, conn := range conns {
		at := node.ConnOf(conn)
		if at == nil {
			told <- false
			continue
		}
		event := func(p eventlog.Position, d *hub.Dialect) []byte {
			return d.AppendDirect(nil, p, typ, payload, time.Now())
		}
		at.SendEvent(event, func(ok bool) { told <- ok })
	}
	timeout := time.NewTimer(sendWait)
	defer timeout.Stop()
	got := 0
	for range conns {
		select {
		case ok := <-told:
			if ok {
				got++
			}
		case <-timeout.C:
			return got
		case <-ctx.Done():
			return got
		}
	}
	return got
}
