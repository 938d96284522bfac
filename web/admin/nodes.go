package admin

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/presence/peers"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// nodeInfo is what servers publish about themselves with each sign of life.
type nodeInfo struct {
	Version  string `json:"version"`
	Streams  int    `json:"streams"`
	Lag      uint64 `json:"lag"`
	Draining bool   `json:"draining"`
	Alarms   int    `json:"alarms"` // that an operator should look at
}

func infoOf(n peers.Node) (info nodeInfo) {
	_ = json.Unmarshal(n.Info, &info) // another version may send less
	return info
}

// nodes paints /admin/nodes: the servers that share the log.
func (a *Admin) nodes(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "server"
	return func() renderedPage {
		view := templates.NodesView{AdminFrame: v.frame}
		told, _ := a.serverStates()
		known := make(map[string]*namedState, len(told))
		for i := range told {
			known[told[i].Session] = &told[i]
		}
		for _, n := range a.nodeList() {
			session := n.Session
			if n.Self {
				session = ""
			}
			view.Rows = append(view.Rows, nodeRow(n, known[session]))
		}
		if c := a.node.Cluster; c != nil {
			if since, reason, degraded := c.Roster.Degraded(); degraded {
				view.Degraded = "The view of the other servers is " + durationText(time.Since(since)) + " old: " + reason + "."
			}
		}
		return renderedPage{body: templates.Nodes(view), parts: view.Fragments()}
	}, nil
}

// nodeList lists the servers of the cluster, or just this one.
func (a *Admin) nodeList() []peers.Node {
	if a.node.Cluster != nil {
		return a.node.Cluster.Roster.Nodes()
	}
	_, connections, _, _ := a.node.Registry.Totals()
	info, _ := json.Marshal(nodeInfo{Version: a.opts.Version, Streams: a.node.Streams(), Lag: a.node.EngineState().Lag}) // a string and numbers
	return []peers.Node{{
		Name: a.node.Name(), Session: "alone", Self: true, Since: a.node.Started, Renewed: time.Now(), Info: info, Entries: connections,
	}}
}

// lateNode is how old the sign of life of a server may be that is well.
const lateNode = 10 * time.Second

// nodeRow returns a server as a row. st is its state, nil if it has not told it.
func nodeRow(n peers.Node, st *namedState) templates.NodeRow {
	info := infoOf(n)
	row := templates.NodeRow{
		Key: "node-" + keyOf(n.Session), Name: n.Name, Session: n.Session, Level: "ok", State: "ready", Self: n.Self,
		Connections: grouped(n.Entries), Streams: grouped(info.Streams), Behind: unknown, Delivered: unknown, Lag: unknown, Memory: unknown,
		Log: grouped(info.Lag), Version: info.Version, Since: n.Since, Seen: n.Renewed,
	}
	if st != nil {
		value, unit := shortDuration(lagTime(st.LagP99))
		row.Streams, row.Behind, row.Delivered = grouped(st.Streams), grouped(st.Behind), perSecond(st.Delivered)+"/s"
		row.Lag, row.Memory, row.Draining = value+" "+unit, sized(st.Memory), st.DrainRate > 0
	}
	late := !n.Self && time.Since(n.Renewed) > lateNode
	if n.Self {
		row.Seen = time.Now().Truncate(time.Second)
	}
	switch {
	case late:
		row.Level, row.State = "bad", "no sign of life"
	case st != nil && st.Trouble != "":
		row.Level, row.State = "bad", "not ready: "+st.Trouble
	case st != nil && st.DrainRate > 0:
		row.Level, row.State = "warn", "draining, "+grouped(st.DrainRate)+" streams a second"
	case st != nil && st.Leaving != "" || st == nil && info.Draining:
		row.Level, row.State = "warn", "draining"
	case st == nil:
		row.Level, row.State = "", "figures unknown"
	case info.Lag > 0:
		row.Level, row.State = "warn", "behind the log"
	}
	return row
}

// notice says which servers are draining, for all pages; "" for none.
func (a *Admin) notice() string {
	text := ""
	if why, leaving := a.node.Leaving(); leaving {
		text = "This server is draining: " + plural(a.node.Streams(), "stream") + " left. " + why.Text
	}
	for _, n := range a.node.Others() {
		if info := infoOf(n); info.Draining {
			if text != "" {
				text += " "
			}
			text += "The server " + n.Name + " is draining: " + plural(info.Streams, "stream") + " left."
		}
	}
	return text
}

// drainKind is the kind of question that has another server drain, or stop draining.
const drainKind = "server-drain"

type drainQuestion struct {
	Rate int `json:"rate"` // 0 stops
}

type drainAnswer struct {
	Done bool `json:"done"`
}

// answerDrain answers drainQuestions.
func (a *Admin) answerDrain(q drainQuestion) (any, bool) {
	if q.Rate == 0 {
		return drainAnswer{a.node.Drainer.Stop()}, true
	}
	if q.Rate < 0 || q.Rate > node.MaxDrainRate {
		return drainAnswer{}, true
	}
	a.node.Drainer.Start(q.Rate)
	return drainAnswer{a.node.Drainer.At() > 0}, true
}

// drainNode answers POST /admin/nodes/drain.
func (a *Admin) drainNode(c *gin.Context) {
	rate, err := strconv.Atoi(c.PostForm("rate"))
	if err != nil || rate < 1 || rate > node.MaxDrainRate {
		a.failed(c, "server.drain", c.PostForm("name"), serversPath, drainHelp)
		return
	}
	a.tellDrain(c, "server.drain", rate, grouped(rate)+" a second", "Draining "+a.nodeName(c)+": "+grouped(rate)+" streams a second.")
}

// stopNodeDrain answers POST /admin/nodes/drain/stop.
func (a *Admin) stopNodeDrain(c *gin.Context) {
	a.tellDrain(c, "server.drain.stop", 0, "", a.nodeName(c)+" accepts new streams again.")
}

// tellDrain has the server of the form drain at a rate, 0 to stop.
func (a *Admin) tellDrain(c *gin.Context, action string, rate int, detail, text string) {
	name, session := a.nodeName(c), c.PostForm("session")
	var done bool
	if list := a.nodeList(); session == list[0].Session {
		answer, _ := a.answerDrain(drainQuestion{rate})
		done = answer.(drainAnswer).Done
	} else if session != "" {
		for _, answer := range node.Ask[drainAnswer](c.Request.Context(), a.node, session, drainKind, drainQuestion{rate}) {
			done = answer.Value.Done
		}
	}
	if !done {
		a.failed(c, action, name, serversPath, "The server "+name+" did not do this. It is gone, does not answer, or was not draining.")
		return
	}
	a.done(c, action, name, detail, serversPath, text)
}

// nodeName returns the name of the form's server.
func (a *Admin) nodeName(c *gin.Context) string {
	for _, n := range a.nodeList() {
		if n.Session == c.PostForm("session") {
			return n.Name
		}
	}
	return "unknown"
}
