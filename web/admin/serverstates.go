package admin

import (
	"time"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/node"
)

// stateKind is the kind of question for a server's figures.
const stateKind = "server-state"

// serverState is what a server says about itself.
type serverState struct {
	Streams    int     `json:"streams"`
	MaxStreams int     `json:"maxStreams"`
	Behind     int     `json:"behind"`
	Blocked    int     `json:"blocked"`
	Delivered  float64 `json:"delivered"` // events per second
	Bytes      float64 `json:"bytes"`     // per second
	LagP50     float64 `json:"lagP50"`    // seconds, of the last second with deliveries within a minute; negative for none
	LagP99     float64 `json:"lagP99"`
	Memory     float64 `json:"memory"`

	// Since the start, and of these in the last 15 minutes.
	Events       uint64 `json:"events"`
	SentBytes    uint64 `json:"sentBytes"`
	Slow         uint64 `json:"slow"`
	Kicked       uint64 `json:"kicked"`
	Gaps         uint64 `json:"gaps"`
	RecentSlow   uint64 `json:"recentSlow"`
	RecentKicked uint64 `json:"recentKicked"`
	RecentGaps   uint64 `json:"recentGaps"`

	DrainRate int    `json:"drainRate,omitempty"` // streams per second, 0 for not draining
	Leaving   string `json:"leaving,omitempty"`   // why streams are sent away
	Trouble   string `json:"trouble,omitempty"`   // why the event store is not ready
}

// namedState is a server's state with its name.
type namedState struct {
	Name, Session string
	At            time.Time
	serverState
}

// serverState returns the state of this server.
func (a *Admin) serverState() serverState {
	seconds := a.node.Meter.History(node.Seconds)
	stats, _ := a.node.Meter.Latest()
	var now, first node.Reading
	if n := len(seconds); n > 0 {
		now = seconds[n-1]
		if n == node.Seconds.Kept() {
			first = seconds[0]
		}
	}
	p50, p99 := recentLag(seconds)
	slow, kicked := stats.Ends[hub.Slow.Code], stats.Ends[hub.Kicked.Code]
	s := serverState{
		Streams: a.node.Streams(), MaxStreams: a.streams.Max(), Behind: stats.Behind, Blocked: stats.Blocked,
		Delivered: float64(max(0, now.Delivered)), Bytes: float64(max(0, now.Bytes)), LagP50: p50, LagP99: p99, Memory: float64(max(0, now.Memory)),
		Events: stats.Events, SentBytes: stats.Bytes, Slow: slow, Kicked: kicked, Gaps: stats.Gaps,
		RecentSlow: slow - first.Slow, RecentKicked: kicked - first.Kicked, RecentGaps: stats.Gaps - first.Gaps,
		DrainRate: a.node.Drainer.At(),
	}
	if why, leaving := a.node.Leaving(); leaving {
		s.Leaving = why.Text
	}
	if e := a.node.EngineState(); !e.Ready {
		s.Trouble = e.Reason
	}
	return s
}

// recentLag returns the lag of the last second with deliveries, within a minute, in seconds; -1 for none.
func recentLag(seconds []node.Reading) (p50, p99 float64) {
	for i := len(seconds) - 1; i >= max(0, len(seconds)-60); i-- {
		if seconds[i].LagP99 >= 0 {
			return float64(seconds[i].LagP50), float64(seconds[i].LagP99)
		}
	}
	return -1, -1
}

// serverStates returns the states of this server, first, and of the others that answered, and the names of those that
// did not.
func (a *Admin) serverStates() (list []namedState, silent []string) {
	list = []namedState{{a.node.Name(), "", time.Now(), a.serverState()}}
	answers := a.states.ask(struct{}{})
	for _, n := range answers {
		list = append(list, namedState{n.Node, n.Session, n.At, n.Value})
	}
	return list, silentServers(a.node, answers)
}

// totalState adds up the states of servers. The lag is that of the server with the largest.
func totalState(list []namedState) (sum serverState, slowest string) {
	sum.LagP50, sum.LagP99 = -1, -1
	for i := range list {
		s := &list[i]
		sum.Streams += s.Streams
		sum.Behind += s.Behind
		sum.Blocked += s.Blocked
		sum.Delivered += s.Delivered
		sum.Bytes += s.Bytes
		sum.Memory += s.Memory
		sum.Events += s.Events
		sum.SentBytes += s.SentBytes
		sum.Slow += s.Slow
		sum.Kicked += s.Kicked
		sum.Gaps += s.Gaps
		sum.RecentSlow += s.RecentSlow
		sum.RecentKicked += s.RecentKicked
		sum.RecentGaps += s.RecentGaps
		if s.LagP99 > sum.LagP99 {
			sum.LagP50, sum.LagP99, slowest = s.LagP50, s.LagP99, s.Name
		}
	}
	return sum, slowest
}

// logStats returns the counts of the log, which all servers have alike.
func (a *Admin) logStats() eventlog.Stats {
	_, kept := a.node.Meter.Latest()
	return kept
}
