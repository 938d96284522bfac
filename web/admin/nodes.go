package admin

import (
	"encoding/json"
	"time"

	"rollcall/presence/peers"
	"rollcall/templates"
	"rollcall/web/reply"
)

// nodeInfo is what servers report to each other about themselves.
type nodeInfo struct {
	Version string `json:"version"`
	Streams int    `json:"streams"`
	Lag     uint64 `json:"lag"`
}

// nodes paints /admin/nodes: the servers that share the log.
func (a *Admin) nodes(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "server"
	return func() renderedPage {
		view := templates.NodesView{AdminFrame: v.frame}
		for _, n := range a.nodeList() {
			view.Rows = append(view.Rows, nodeRow(n))
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
	s := a
	if s.node.Cluster != nil {
		return s.node.Cluster.Roster.Nodes()
	}
	_, connections, _, _ := s.node.Registry.Totals()
	info, _ := json.Marshal(nodeInfo{s.opts.Version, s.node.Streams(), s.node.EngineState().Lag}) // a string and numbers
	return []peers.Node{{
		Name: s.node.Name(), Session: "alone", Self: true, Since: s.node.Started, Renewed: time.Now(), Info: info, Entries: connections,
	}}
}

// lateNode is how old the sign of life of a server may be that is well.
const lateNode = 10 * time.Second

func nodeRow(n peers.Node) templates.NodeRow {
	var info nodeInfo
	_ = json.Unmarshal(n.Info, &info) // another version may send less
	row := templates.NodeRow{
		Key: "node-" + keyOf(n.Session), Name: n.Name, Level: "ok", Self: n.Self, Connections: grouped(n.Entries),
		Streams: grouped(info.Streams), Behind: grouped(info.Lag), Version: info.Version, Since: n.Since, Seen: n.Renewed,
	}
	switch {
	case n.Self:
		row.Seen = time.Now().Truncate(time.Second)
	case time.Since(n.Renewed) > lateNode:
		row.Level = "bad"
	case info.Lag > 0:
		row.Level = "warn"
	}
	return row
}
