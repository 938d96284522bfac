package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/login"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// sessionsPath is the path of the page of sessions.
const sessionsPath = Path + "/sessions"

// sessionsKind is the kind of question for a server's sessions, endSessionKind of that which ends one.
const (
	sessionsKind   = "sessions"
	endSessionKind = "session-end"
)

// sharedSession is a session as another server sees it.
type sharedSession struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Owner   string    `json:"owner"`
	Role    string    `json:"role"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Addr    string    `json:"addr"`
	Agent   string    `json:"agent"`
}

type endSessionQuestion struct {
	ID    string `json:"id"`
	Owner string `json:"owner"` // whose it must be; "" for anybody's
}

type endSessionAnswer struct {
	Ended sharedSession `json:"ended"`
	OK    bool          `json:"ok"`
}

func shared(s login.Info) sharedSession {
	return sharedSession{ID: s.ID, User: s.User, Owner: s.Owner, Role: s.Role, Created: s.Created, Seen: s.Seen, Addr: s.Addr, Agent: agentName(s.Agent)}
}

// answerSessions answers the questions of the kind sessionsKind.
func (a *Admin) answerSessions(struct{}) (any, bool) {
	list := []sharedSession{}
	size := 0
	for _, s := range a.sessions.List(nil) {
		if size += len(s.User) + len(s.Addr) + len(s.Agent) + 200; size > answerBytes {
			break
		}
		list = append(list, shared(s))
	}
	return list, true
}

// answerEndSession answers endSessionQuestions.
func (a *Admin) answerEndSession(q endSessionQuestion) (any, bool) {
	ended, ok := a.endSession(q)
	return endSessionAnswer{shared(ended), ok}, true
}

// endSession ends one of this server's sessions.
func (a *Admin) endSession(q endSessionQuestion) (ended login.Info, ok bool) {
	for _, s := range a.sessions.List(nil) {
		if s.ID == q.ID && (q.Owner == "" || s.Owner == q.Owner) {
			return a.sessions.EndOne(q.ID)
		}
	}
	return login.Info{}, false
}

// mayEndAll reports whether a user sees and ends the sessions of all users, rather than their own.
func mayEndAll(s *login.Session) bool { return s.Role.CanAct() && !s.Limited() }

// sessionsPage paints /admin/sessions.
func (a *Admin) sessionsPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "server"
	others := &lookup[[]sharedSession]{node: a.node, kind: sessionsKind, every: 2 * time.Second}
	all := mayEndAll(v.session)
	return func() renderedPage {
		view := templates.SessionsView{AdminFrame: v.frame, All: all, Clustered: a.node.Cluster != nil}
		add := func(s sharedSession, server string, current bool) {
			if all || s.Owner == v.session.Owner() {
				view.Rows = append(view.Rows, templates.SessionRow{
					Key: "session-" + keyOf(server+s.ID), ID: s.ID, User: s.User, Role: s.Role, Since: s.Created, Seen: s.Seen,
					Address: s.Addr, Agent: s.Agent, Server: server, Current: current,
				})
			}
		}
		for _, s := range a.sessions.List(v.session) {
			add(shared(s), a.node.Name(), s.Current)
		}
		answers := others.ask(struct{}{})
		for _, answer := range answers {
			for _, s := range answer.Value {
				add(s, answer.Node, false)
			}
		}
		view.Silent = missing("Not in the list: the sessions of ", silentServers(a.node, answers))
		slices.SortStableFunc(view.Rows, func(x, y templates.SessionRow) int {
			return cmp.Or(boolOrder(y.Current, x.Current), y.Seen.Compare(x.Seen), cmp.Compare(x.ID, y.ID))
		})
		return renderedPage{body: templates.Sessions(view), parts: view.Fragments()}
	}, nil
}

// boolOrder compares two booleans, false first.
func boolOrder(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// endOneSession answers POST /admin/sessions/end. Viewers may end their own sessions.
func (a *Admin) endOneSession(c *gin.Context) {
	q := endSessionQuestion{ID: c.PostForm("session")}
	if s := sessionOf(c); !mayEndAll(s) {
		q.Owner = s.Owner()
	}
	ended, ok := a.endSession(q)
	s := shared(ended)
	if !ok && q.ID != "" {
		s, ok = a.endElsewhere(c.Request.Context(), q)
	}
	if !ok {
		a.failed(c, "session.end", "", sessionsPath, "There is no such session any more, or it is not yours to end.")
		return
	}
	a.done(c, "session.end", s.User, "at "+s.Addr+", "+s.Agent, sessionsPath, "Ended a session of "+s.User+".")
}

// endElsewhere has the other servers end a session.
func (a *Admin) endElsewhere(ctx context.Context, q endSessionQuestion) (ended sharedSession, ok bool) {
	for _, answer := range node.Ask[endSessionAnswer](ctx, a.node, "", endSessionKind, q) {
		if answer.Value.OK {
			return answer.Value.Ended, true
		}
	}
	return sharedSession{}, false
}
