package admin

import (
	"github.com/gin-gonic/gin"

	"rollcall/web/node"
	"rollcall/web/reply"
)

// answerQuestions has this server answer those of the other servers' pages.
func (a *Admin) answerQuestions() {
	node.OnAsk(a.node, statesKind, a.answerStates)
	node.OnAsk(a.node, topKind, a.answerTop)
	node.OnAsk(a.node, matchKind, a.answerMatch)
	node.OnAsk(a.node, timelineKind, a.answerTimeline)
	node.OnAsk(a.node, sendKind, a.answerSend)
	node.OnAsk(a.node, stateKind, func(struct{}) (any, bool) { return a.serverState(), true })
	node.OnAsk(a.node, historyKind, a.answerHistory)
	node.OnAsk(a.node, auditKind, a.answerAudit)
	node.OnAsk(a.node, drainKind, a.answerDrain)
	node.OnAsk(a.node, tapKind, a.taps.answer)
	node.OnAsk(a.node, traceKind, a.trace)
	node.OnAsk(a.node, pastKind, a.answerPast)
	node.OnAsk(a.node, troubleKind, a.answerTrouble)
	node.OnAsk(a.node, sessionsKind, a.answerSessions)
	node.OnAsk(a.node, endSessionKind, a.answerEndSession)
	node.OnAsk(a.node, alarmsKind, func(struct{}) (any, bool) { return a.ownAlarms(), true })
	node.OnAsk(a.node, awayKind, a.answerAway)
	node.OnAsk(a.node, attemptsKind, a.answerAttempts)
}

// Routes adds the admin UI to the engine.
func (a *Admin) Routes(e *gin.Engine) {
	g := e.Group(Path, a.guardAll)
	g.Match(reply.ReadMethods, "/login", a.loginPage)
	g.POST("/login", a.readForm, a.login)
	g.Match(reply.ReadMethods, "/oidc", a.startSSO)
	g.Match(reply.ReadMethods, CallbackPath, a.finishSSO)

	in := g.Group("", a.requireSession, a.mayReach, a.readForm)
	pages := a.paintings()
	for path, paint := range pages {
		in.Match(reply.ReadMethods, path, a.show(paint))
	}
	in.Match(reply.ReadMethods, "/", a.show(a.overview))
	in.Match(reply.ReadMethods, "/stream", a.stream)
	in.Match(reply.ReadMethods, "/audit.jsonl", a.auditLines)
	in.Match(reply.ReadMethods, "/clients.csv", a.exportClients("csv"))
	in.Match(reply.ReadMethods, "/clients.json", a.exportClients("json"))
	in.POST("/logout", a.logout)
	in.POST("/logout-everywhere", a.logoutEverywhere)
	in.POST("/sessions/end", a.endOneSession)
	in.Match(reply.ReadMethods, "/sessions/end", func(c *gin.Context) { reply.Redirect(c, pageOf(c)) }) // after a reload

	act := func(path, action string, do gin.HandlerFunc) {
		in.POST(path, a.mayAct(action), do)
		if pages[path] == nil {
			in.Match(reply.ReadMethods, path, func(c *gin.Context) { reply.Redirect(c, pageOf(c)) }) // after a reload
		}
	}
	act("/clients/:clientId/disconnect", "client.disconnect", a.disconnect)
	act("/clients/:clientId/block", "client.block", a.block)
	act("/clients/:clientId/unblock", "client.unblock", a.unblock)
	act("/clients/:clientId/send", "client.send", a.send)
	act("/connections/:connectionId/disconnect", "connection.disconnect", a.disconnectOne)
	act("/channels/:channel/publish", "channel.publish", a.publish)
	act("/channels/:channel/purge", "channel.purge", a.purge)
	act("/blocks", "client.block", a.addBlock)
	act("/blocks/network", "network.block", a.blockNetwork)
	act("/blocks/remove", "client.unblock", a.removeBlock)
	act("/marked", "clients.choose", a.chooseMarked)
	act("/marked/end", "clients.end", a.onMarked("clients.end", a.endMarked))
	act("/marked/block", "clients.block", a.onMarked("clients.block", a.blockMarked))
	act("/marked/undo", "clients.unblock", a.onMarked("clients.unblock", a.undoBlocks))
	act("/marked/message", "clients.message", a.onMarked("clients.message", a.messageMarked))
	a.webhookActions(act)
	act("/alarms/away", "alarm.away", a.putAway)
	act("/token", "token.try", a.tryToken)
	act("/keys", "key.add", a.addKey)
	act("/keys/revoke", "key.revoke", a.revokeKey)
	act("/nodes/drain", "server.drain", a.drainNode)
	act("/nodes/drain/stop", "server.drain.stop", a.stopNodeDrain)
	act("/server/drain", "server.drain", a.drain)
	act("/server/drain/stop", "server.drain.stop", a.stopDrain)
	if a.opts.Apart {
		in.GET("/debug/pprof/*profile", a.mayAct("server.profile"), a.profile)
		in.POST("/debug/pprof/*profile", a.mayAct("server.profile"), a.profile)
	}
}

// paintings are the pages by their routes.
func (a *Admin) paintings() map[string]pageFunc {
	return map[string]pageFunc{
		"": a.overview, "/period": a.period, "/wall": a.wall, "/clients": a.clients, "/clients/:clientId": a.client, "/clients/:clientId/tap": a.tap,
		"/clients/:clientId/between": a.between,
		"/channels":                  a.channels, "/channels/:channel": a.channel, "/tail": a.tail, "/events": a.events, "/find": a.find, "/marked": a.marked, "/alarms": a.alarmsPage, "/blocks": a.blocks, "/blocks/network": a.network, "/audit": a.auditPage,
		"/server": a.serverPage, "/nodes": a.nodes, "/webhooks": a.webhooks, "/sessions": a.sessionsPage,
		"/keys": a.keysPage, "/refused": a.refusedPage, "/slow": a.slowPage, "/token": a.tokenPage,
	}
}
