package web

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/login"
)

// admin is the admin UI: pages for people, kept live over SSE, that show every
// connection and act on it.
type admin struct {
	server   *Server
	accounts *login.Accounts
	sessions *login.Sessions
	limiter  *login.Limiter
	guard    *http.CrossOriginProtection // trusts no other origin, whatever CORS allows
	audit    auditLog
	feeds    feeds
	quit     chan struct{} // closed when the server ends, which ends the live pages
	once     sync.Once     // closes quit

	clientList  listing[clientEntry]
	channelList listing[channelEntry]
}

// adminPath is where the admin UI is.
const adminPath = "/admin"

func newAdmin(s *Server) (*admin, error) {
	a := &admin{server: s, limiter: login.NewLimiter(), guard: http.NewCrossOriginProtection(), quit: make(chan struct{})}
	a.clientList.gather, a.channelList.gather = s.gatherClients, s.gatherChannels
	var err error
	if a.accounts, err = login.NewAccounts(s.opts.Admins); err != nil {
		return nil, err
	}
	a.sessions, err = login.NewSessions(a.accounts, login.SessionOptions{
		File: s.opts.AdminSessions, Log: s.opts.Log,
		Secure: func(r *http.Request) bool { return s.from(r).Scheme == "https" },
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// routes adds the admin UI to the engine.
func (a *admin) routes(e *gin.Engine) {
	g := e.Group(adminPath, a.enter)
	g.Match(readMethods, "/login", a.loginPage)
	g.POST("/login", a.readForm, a.login)

	in := g.Group("", a.know, a.readForm)
	for path, paint := range a.pages() {
		in.Match(readMethods, path, a.show(paint))
	}
	in.Match(readMethods, "/", a.show(a.overview))
	in.Match(readMethods, "/stream", a.stream)
	in.Match(readMethods, "/audit.jsonl", a.auditLines)
	in.POST("/logout", a.logout)
	in.POST("/logout-everywhere", a.logoutEverywhere)

	act := func(path, action string, do gin.HandlerFunc) { in.POST(path, a.mayAct(action), do) }
	act("/clients/:clientId/disconnect", "client.disconnect", a.disconnect)
	act("/clients/:clientId/block", "client.block", a.block)
	act("/clients/:clientId/unblock", "client.unblock", a.unblock)
	act("/clients/:clientId/send", "client.send", a.send)
	act("/connections/:connectionId/disconnect", "connection.disconnect", a.disconnectOne)
	act("/channels/:channel/publish", "channel.publish", a.publish)
	act("/channels/:channel/purge", "channel.purge", a.purge)
	act("/blocks", "client.block", a.addBlock)
	act("/blocks/remove", "client.unblock", a.removeBlock)
	act("/server/drain", "server.drain", a.drain)
	act("/server/drain/stop", "server.drain.stop", a.stopDrain)
	if a.server.opts.AdminApart {
		in.GET("/debug/pprof/*profile", a.mayAct("server.profile"), a.profile)
		in.POST("/debug/pprof/*profile", a.mayAct("server.profile"), a.profile)
	}
}

// pages are the pages by their routes.
func (a *admin) pages() map[string]painting {
	return map[string]painting{
		"": a.overview, "/clients": a.clients, "/clients/:clientId": a.client, "/clients/:clientId/tap": a.tap,
		"/channels": a.channels, "/channels/:channel": a.channel, "/tail": a.tail, "/blocks": a.blocks, "/audit": a.auditPage,
		"/server": a.serverPage, "/nodes": a.nodes,
	}
}

// isAdmin reports whether a path is the admin UI's.
func isAdmin(path string) bool { return path == adminPath || strings.HasPrefix(path, adminPath+"/") }

// enter is before everything of the admin UI: nobody gets in where there is no
// account, and nobody is brought here by another site's page.
func (a *admin) enter(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if a.accounts.Empty() {
		a.refuse(c, nil, &fault{http.StatusNotFound, "admin_off", "The admin UI is off until an admin is configured; see --admin-user.", ""})
		return
	}
	if a.guard.Check(c.Request) != nil {
		a.audit.note(deed{User: "", Addr: a.server.remoteHost(c.Request), Action: c.Request.Method + " " + c.FullPath(), Result: "refused", Detail: "sent by a page of another origin", stranger: true})
		a.refuse(c, nil, &fault{http.StatusForbidden, "foreign_origin", "Pages of another origin may not use the admin UI.", ""})
		return
	}
}

// readForm reads the form of a POST; who is no stranger is found out before.
func (a *admin) readForm(c *gin.Context) {
	if c.Request.Method != http.MethodPost {
		return
	}
	var s *login.Session
	if v, ok := c.Get(sessionKey); ok {
		s = v.(*login.Session)
	}
	form := newBody(&a.server.limits.forms) // of which only the account is used
	defer form.release()
	body := struct {
		io.Reader
		io.Closer
	}{counted{c.Request.Body, form}, c.Request.Body}
	c.Request.Body = http.MaxBytesReader(c.Writer, body, a.formLimit(c.FullPath()))
	if kind, _, _ := strings.Cut(c.ContentType(), ";"); kind != "" && kind != "application/x-www-form-urlencoded" {
		a.refuse(c, s, &fault{http.StatusUnsupportedMediaType, "not_a_form", "The body must be a form: application/x-www-form-urlencoded.", ""})
		return
	}
	var large *http.MaxBytesError
	switch err := c.Request.ParseForm(); {
	case errors.As(err, &large):
		a.refuse(c, s, &fault{http.StatusRequestEntityTooLarge, "body_too_large", "The form is too large. It may have " + sized(large.Limit) + ".", ""})
	case errors.Is(err, errBodies):
		a.refuse(c, s, tooManyBodies(c))
	case err != nil:
		a.refuse(c, s, &fault{http.StatusBadRequest, "invalid_form", "The form could not be read: it is not well-formed.", ""})
	default:
		c.Next() // while the form is counted
	}
}

// formLimit returns how many bytes a form may have. What is published grows to about
// three times its size in a form.
func (a *admin) formLimit(path string) int64 {
	switch path {
	case adminPath + "/channels/:channel/publish":
		return 3*a.server.opts.MaxBodyBytes + formBytes
	case adminPath + "/clients/:clientId/send":
		return 3*int64(a.server.opts.MaxPayloadBytes) + formBytes
	}
	return formBytes
}

// formBytes is what a form may have whose fields are names.
const formBytes = 16 << 10

// sessionKey is where know leaves the session in a gin.Context.
const sessionKey = "admin session"

// know lets in who is logged in. A page leads others to the login.
func (a *admin) know(c *gin.Context) {
	session, err := a.sessions.Get(c.Request)
	if err == nil {
		c.Set(sessionKey, session)
		return
	}
	expired := err == login.ErrExpired
	reading := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
	switch {
	case reading && c.FullPath() != adminPath+"/stream" && !prefersJSON(c):
		to := adminPath + "/login?next=" + queryEscape(c.Request.URL.RequestURI())
		if expired {
			to += "&expired=1"
		}
		c.Redirect(http.StatusSeeOther, to)
		c.Abort()
	case !prefersJSON(c) && !reading:
		a.showLogin(c, http.StatusUnauthorized, templates.LoginView{Notice: expiredText(expired)})
	default:
		refuse(c, &fault{http.StatusUnauthorized, "login_required", expiredText(expired), ""})
	}
}

func expiredText(expired bool) string {
	if expired {
		return "Your session has expired. Log in to go on."
	}
	return "Log in to do this."
}

// mayAct lets in who may change something; action is what it would be in the audit
// log.
func (a *admin) mayAct(action string) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := sessionOf(c)
		if s.Role.CanAct() {
			return
		}
		a.did(c, action, cmp.Or(argOf(c), c.PostForm("clientId")), "refused", "the role "+string(s.Role)+" may only look")
		a.refuse(c, s, &fault{http.StatusForbidden, "viewer", "Your role is viewer: you may look, but not act. An operator can do this.", ""})
	}
}

func sessionOf(c *gin.Context) *login.Session {
	s, _ := c.MustGet(sessionKey).(*login.Session)
	return s
}

// prefersJSON reports whether a client asks for JSON or an event stream by name,
// and not for a page.
func prefersJSON(c *gin.Context) bool {
	accept := c.GetHeader("Accept")
	return !strings.Contains(accept, "text/html") && (strings.Contains(accept, "json") || strings.Contains(accept, "text/event-stream"))
}

// refuse ends a request with f, as a page for people and as JSON for programs.
func (a *admin) refuse(c *gin.Context, s *login.Session, f *fault) {
	if prefersJSON(c) {
		refuse(c, f)
		return
	}
	a.server.page(c, f.status, templates.AdminError(a.frame(s, ""), templates.ErrorView{
		Version: a.server.opts.Version, Status: f.status, Title: http.StatusText(f.status), Text: f.Message,
	}))
	c.Abort()
}

// frame returns what every page shows around its content.
func (a *admin) frame(s *login.Session, section string) templates.AdminFrame {
	f := templates.AdminFrame{Version: a.server.opts.Version, Node: a.server.opts.Node, Section: section}
	if s != nil {
		f.User, f.Role, f.CanAct = s.User, string(s.Role), s.Role.CanAct()
	}
	return f
}

// did notes what the user of the request did.
func (a *admin) did(c *gin.Context, action, target, result, detail string) {
	user := ""
	if v, ok := c.Get(sessionKey); ok {
		user = v.(*login.Session).User
	}
	a.note(deed{User: user, Addr: a.server.remoteHost(c.Request), Action: action, Target: target, Result: result, Detail: detail})
}

func (a *admin) note(d deed) {
	a.audit.note(d)
	a.server.opts.Log.Info("admin", "user", d.User, "remoteAddr", d.Addr, "action", d.Action, "target", d.Target, "result", d.Result, "detail", d.Detail)
}

// done ends an action: it is noted, told on the page that it came from, and the
// browser led back there.
func (a *admin) done(c *gin.Context, action, target, detail, back, text string) {
	a.did(c, action, target, "ok", detail)
	sessionOf(c).SetFlash("ok", text)
	c.Redirect(http.StatusSeeOther, back)
}

// failed ends an action that could not be done.
func (a *admin) failed(c *gin.Context, action, target, back, why string) {
	a.did(c, action, target, "failed", why)
	sessionOf(c).SetFlash("bad", why)
	c.Redirect(http.StatusSeeOther, back)
}

// close ends the live pages and keeps the sessions. It may be called twice.
func (a *admin) close() {
	a.once.Do(func() { close(a.quit) })
	if err := a.sessions.Close(); err != nil {
		a.server.opts.Log.Error("the admin sessions could not be kept", "error", err)
	}
}

// screen is a page as it is now.
type screen struct {
	body  templ.Component
	parts []templates.Fragment
	feed  func(since uint64) (items []templ.Component, through uint64) // newest first; nil for a page without one
}

// visit is a request for a page, or for its live stream.
type visit struct {
	session *login.Session
	frame   templates.AdminFrame
	query   query
	arg     string                // of the path: a clientId or a channel's name
	base    string                // scheme and host as the visitor reached them
	live    bool                  // the screen is for a stream: it is painted again and again
	send    templates.SendForm    // as it was filled in
	publish templates.PublishForm // as it was filled in
	closing []func()
}

// painting begins a page. What it returns paints the page as it is then, as often
// as it is called, by one goroutine.
type painting func(v *visit) (func() screen, *fault)
