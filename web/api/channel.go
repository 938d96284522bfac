package api

import (
	"math"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/reply"
)

// channelDetail is a channel as GET /presence/channels/{name} shows it.
type channelDetail struct {
	ChannelName string       `json:"channelName"`
	Rule        ruleView     `json:"rule"`
	Kept        *keptView    `json:"kept,omitempty"` // for those who may read the events
	Clients     []clientView `json:"clients"`
	Total       int          `json:"total"` // clients
	Connections int          `json:"connections"`
}

// ruleView is what a channel keeps.
type ruleView struct {
	Match  string `json:"match"` // of the rule; empty if none matches
	Keep   string `json:"keep"`
	Events int    `json:"events"`
	Bytes  int    `json:"bytes"`
	Age    string `json:"age"` // "0s" without end
	Slow   string `json:"slow"`
}

// keptView is what is kept of a channel.
type keptView struct {
	Events      int     `json:"events"`
	Bytes       int     `json:"bytes"`
	LastEventAt *string `json:"lastEventAt"`
	LastEventID string  `json:"lastEventId"` // empty for none
	Ended       bool    `json:"ended"`
}

// mostMembers is how many clients an answer about one channel has.
const mostMembers = 1000

// showChannel answers GET /presence/channels/{name}.
func (a *API) showChannel(c *gin.Context) *reply.Fault {
	name := reply.PathParam(c, "channelName")
	if _, err := eventlog.ParsePattern(name); err != nil {
		return reply.Invalid("invalid_channel", "channelName", "%v", err)
	}
	who, f := a.gate.Caller(c)
	if f == nil {
		who, f = a.gate.Ask(c, who, []string{name}, "")
	}
	if f != nil {
		return f
	}
	if !who.MaySeePresence(name) {
		return a.gate.Forbidden(c, who, "channelName", "Listing the members of "+strconv.Quote(name))
	}
	rule := a.node.Log.Limits(name)
	view := channelDetail{ChannelName: name, Clients: []clientView{}, Connections: a.node.Registry.Channel(name).Connections, Rule: ruleView{
		Match: rule.Match, Keep: rule.Keep.String(), Events: rule.Events, Bytes: rule.Bytes, Age: max(rule.Age, 0).String(), Slow: "wait",
	}}
	if rule.Latest {
		view.Rule.Slow = "latest"
	}
	if who.MayReadHistory(name) {
		k := a.node.Log.Kept([]string{name}, time.Minute, 1)[0]
		view.Kept = &keptView{Events: k.Events, Bytes: k.Bytes, Ended: a.node.Log.Ended([]string{name}, math.MaxUint64)}
		if k.Newest != nil {
			at := k.Newest.Timestamp()
			view.Kept.LastEventAt, view.Kept.LastEventID = &at, a.node.IDOf(k.Newest.Seq)
		}
	}
	page, total, _ := a.node.Registry.Clients(presence.Query{Channel: name, Limit: mostMembers})
	for _, client := range page {
		view.Clients = append(view.Clients, viewClient(client, who.Grant))
	}
	view.Total = total
	reply.Answer(c, view)
	return nil
}
