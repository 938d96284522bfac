package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/login"
	"rollcall/web/reply"
)

// limitedRoutes are the routes, below [Path], for roles that are limited to channels. Every other one refuses them, new
// ones too. Those with a channel in the path need one of the role's; the rest shows its channels alone.
var limitedRoutes = []string{
	"/channels", "/channels/:channel", "/channels/:channel/publish", "/channels/:channel/purge", "/tail", "/events", "/find",
	"/stream", "/sessions", "/sessions/end", "/logout", "/logout-everywhere",
}

// mayReach refuses the routes that the session's role does not have.
func (a *Admin) mayReach(c *gin.Context) {
	s := sessionOf(c)
	if !s.Limited() {
		return
	}
	path := strings.TrimPrefix(c.FullPath(), Path)
	if (path == "" || path == "/") && c.Request.Method != http.MethodPost {
		reply.Redirect(c, Path+"/channels")
		c.Abort()
		return
	}
	if !reaches(s, path, argOf(c)) {
		if c.Request.Method == http.MethodPost {
			a.audited(c, "POST "+c.FullPath(), argOf(c), "refused", "the role "+s.Rights()+" is limited to channels")
		}
		a.refuse(c, s, limitedFault(s))
	}
}

// reaches reports whether a session may have a route; arg is the channel of its path.
func reaches(s *login.Session, path, arg string) bool {
	if !s.Limited() {
		return true
	}
	return slices.Contains(limitedRoutes, path) && (!strings.Contains(path, ":channel") || sees(s, arg))
}

// sees reports whether a session may see, and act on, a channel or all channels of a pattern. Events to single clients
// are not of any channel.
func sees(s *login.Session, channel string) bool {
	return !s.Limited() || eventlog.ClientOf(channel) == "" && s.Channels.Covers(channel)
}

func limitedFault(s *login.Session) *reply.Fault {
	return reply.NewFault(http.StatusForbidden, "limited_role",
		"Your role "+s.Rights()+" is limited to the channels "+reply.Short(s.Channels.String(), 200)+". This page or action is for others.")
}
