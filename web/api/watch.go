package api

import (
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/web/gate"
	"rollcall/web/node"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// watch answers GET /presence/stream.
func (a *API) watch(c *gin.Context) {
	var names []string
	for _, list := range append(c.QueryArray("channels"), c.QueryArray("channel")...) {
		for name := range strings.SplitSeq(list, ",") {
			if name != "" {
				names = append(names, strings.Clone(name)) // not the whole URL
			}
		}
	}
	names, f := a.streams.CheckChannels(names)
	if f != nil {
		reply.Refuse(c, f)
		return
	}
	if len(names) == 0 {
		names = []string{presence.Everyone}
	}
	asked := &stream.Request{Channels: names, Resume: stream.ResumeParam(c)}
	who, f := a.gate.Caller(c)
	if f != nil {
		a.streams.Refuse(c, asked, f)
		return
	}
	if why, unwelcome := a.streams.Unwelcome(); unwelcome {
		a.streams.TurnAway(c, asked, why)
		return
	}
	if names[0] != presence.Everyone { // which only a key may see
		if who, f = a.gate.Ask(c, who, names, ""); f != nil {
			a.streams.Refuse(c, asked, f)
			return
		}
	}
	if f := a.mayWatch(c, who, names); f != nil {
		a.streams.Refuse(c, asked, f)
		return
	}
	admitted, f := a.gate.Lend(c, who, names)
	if f != nil {
		a.streams.Refuse(c, asked, f)
		return
	}
	w := &node.Watcher{At: a.node, Channels: names, Full: who.FullPresence(), RemoteAddr: who.Host(), Admission: admitted}
	a.streams.Attach(c, a.node.Watchers, hub.Subscription{
		Channels: names,
		Resume:   asked.Resume,
		Owner:    w,
		Greet:    func(_, _ eventlog.Position, _ bool) []byte { return []byte(node.RetryLine + "\n") },
	}, w.Attached, func() { w.Ended(nil, hub.Gone) })
}

// mayWatch checks the requested channels against the grant.
func (a *API) mayWatch(c *gin.Context, who gate.Caller, names []string) *reply.Fault {
	if names[0] == presence.Everyone {
		if !who.FullPresence() {
			return a.gate.Forbidden(c, who, "channels", "Listing all online clients")
		}
		return nil
	}
	for _, name := range names {
		if !who.MaySeePresence(name) {
			return a.gate.Forbidden(c, who, "channels", "Listing the members of "+strconv.Quote(name))
		}
	}
	return nil
}
