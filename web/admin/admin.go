package admin

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/alarms"
	"rollcall/web/auth"
	"rollcall/web/gate"
	"rollcall/web/login"
	"rollcall/web/node"
	"rollcall/web/publish"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// Admin is the admin UI: pages for people, kept live over SSE, that show every
// connection and act on it.
type Admin struct {
	opts      Options
	node      *node.Node
	gate      *gate.Gate
	streams   *stream.Streams
	publisher *publish.Publisher
	pages     *reply.Pages

	Accounts *login.Accounts
	sessions *login.Sessions
	limiter  *login.Limiter
	keys     *auth.KeyFile               // nil without a file of keys
	sso      atomic.Pointer[SSO]         // nil without a login provider
	guard    *http.CrossOriginProtection // trusts no other origin, regardless of CORS
	audit    auditLog
	feeds    feeds
	Alarms   alarms.Book
	quit     chan struct{} // closed when the server ends, which ends the live pages
	once     sync.Once     // closes quit
	watching sync.WaitGroup

	alarmKeeper *keeper        // nil without a file
	keeping     sync.WaitGroup // of keepers

	clientList  listing[clientEntry]
	channelList listing[channelEntry]

	// What the other servers say about themselves, for all pages.
	states    *lookup[serverState]
	histories [node.Tens + 1]*lookup[historyAnswer] // by pace
	alarmed   *lookup[alarmsAnswer]
	taps      remoteTaps

	selections  selections
	clientMeter clientMeter
}

// Path is the path of the admin UI.
const Path = "/admin"

// New returns the admin UI of a node. Close ends it.
func New(n *node.Node, g *gate.Gate, s *stream.Streams, p *publish.Publisher, pages *reply.Pages, opts Options) (*Admin, error) {
	a := &Admin{
		opts: opts, node: n, gate: g, streams: s, publisher: p, pages: pages,
		limiter: login.NewLimiter(), guard: http.NewCrossOriginProtection(), quit: make(chan struct{}),
	}
	a.states = &lookup[serverState]{node: n, kind: stateKind, every: time.Second}
	for p := range a.histories {
		a.histories[p] = &lookup[historyAnswer]{node: n, kind: historyKind, every: max(chartsEvery, min(node.Pace(p).Step(), time.Minute))}
	}
	a.alarmed = &lookup[alarmsAnswer]{node: n, kind: alarmsKind, every: alarmsEvery}
	a.taps.node = n
	a.answerQuestions()
	a.clientList.gather, a.channelList.gather = a.gatherClients, a.gatherChannels
	var err error
	if a.Accounts, err = login.NewAccounts(opts.Admins); err != nil {
		return nil, err
	}
	if opts.Keys != "" {
		if a.keys, err = auth.OpenKeyFile(opts.Keys); err != nil {
			return nil, err
		}
		a.applyKeys()
	}
	a.SetSSO(opts.SSO) // before the sessions of its users are read
	a.sessions, err = login.NewSessions(a.Accounts, login.SessionOptions{
		File: opts.Sessions, Log: opts.Log,
		Secure: func(r *http.Request) bool { return g.From(r).Scheme == "https" },
	})
	if err != nil {
		return nil, err
	}
	a.recall()
	a.mark(AuditEntry{Action: startAction, Target: n.Name(), Result: "ok", Detail: opts.Version})
	a.observeAlarms(time.Now())
	a.watching.Go(a.watchAlarms)
	a.clientMeter.admin, a.clientMeter.states = a, a.newStates()
	a.watching.Go(func() { a.clientMeter.run(a.quit) })
	return a, nil
}

// IsPath reports whether a path is the admin UI's.
func IsPath(path string) bool { return path == Path || strings.HasPrefix(path, Path+"/") }

// guardAll runs before every admin route. It answers 404 while no account is
// configured and rejects cross-site requests.
func (a *Admin) guardAll(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if a.Accounts.Empty() {
		a.refuse(c, nil, adminOff)
		return
	}
	if a.guard.Check(c.Request) != nil {
		a.audit.add(AuditEntry{
			Addr: a.gate.RemoteHost(c.Request), Action: c.Request.Method + " " + c.FullPath(), Result: "refused",
			Detail: "sent by a page of another origin", anonymous: true,
		})
		a.refuse(c, nil, foreignOrigin)
		return
	}
}

// NotFound answers a path below the admin UI's that leads nowhere. Logged-in users keep the navigation.
func (a *Admin) NotFound(c *gin.Context) {
	a.guardAll(c)
	if c.IsAborted() {
		return
	}
	session, err := a.sessions.Get(c.Request)
	if err != nil {
		session = nil
	}
	a.refuse(c, session, noSuchPage)
}

// readForm reads the form of a POST, after the session was checked.
func (a *Admin) readForm(c *gin.Context) {
	if c.Request.Method != http.MethodPost {
		return
	}
	var s *login.Session
	if v, ok := c.Get(sessionKey); ok {
		s = v.(*login.Session)
	}
	form := reply.NewBody(&a.gate.Limits.Forms) // of which only the account is used
	defer form.Release()
	body := struct {
		io.Reader
		io.Closer
	}{form.Counting(c.Request.Body), c.Request.Body}
	c.Request.Body = http.MaxBytesReader(c.Writer, body, a.formLimit(c.FullPath()))
	if kind, _, _ := strings.Cut(c.ContentType(), ";"); kind != "" && kind != "application/x-www-form-urlencoded" {
		a.refuse(c, s, notAForm)
		return
	}
	var large *http.MaxBytesError
	switch err := c.Request.ParseForm(); {
	case errors.As(err, &large):
		text := "The form is too large. It may have " + sized(large.Limit) + "."
		a.refuse(c, s, reply.NewFault(http.StatusRequestEntityTooLarge, "body_too_large", text))
	case errors.Is(err, reply.ErrBodies):
		a.refuse(c, s, reply.TooManyBodies(c))
	case err != nil:
		a.refuse(c, s, invalidForm)
	default:
		c.Next() // while the form is counted
	}
}

// formLimit returns the size limit of a form. A published event grows to about three times its size in a form.
func (a *Admin) formLimit(path string) int64 {
	switch path {
	case Path + "/channels/:channel/publish":
		return 3*a.opts.MaxBodyBytes + gate.FormBytes
	case Path + "/clients/:clientId/send", markedPath + "/message":
		return 3*int64(a.opts.MaxPayloadBytes) + gate.FormBytes
	case markedPath:
		return markedForm
	}
	return gate.FormBytes
}

// sessionKey is where requireSession stores the session in a gin.Context.
const sessionKey = "admin session"

// requireSession admits logged-in users; anyone else who requests a page is
// redirected to the login form.
func (a *Admin) requireSession(c *gin.Context) {
	session, err := a.sessions.Get(c.Request)
	if err == nil {
		c.Set(sessionKey, session)
		return
	}
	expired := err == login.ErrExpired
	reading := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
	switch {
	case reading && c.FullPath() != Path+"/stream" && !prefersJSON(c):
		to := Path + "/login?next=" + queryEscape(c.Request.URL.RequestURI())
		if expired {
			to += "&expired=1"
		}
		reply.Redirect(c, to)
		c.Abort()
	case !prefersJSON(c) && !reading:
		a.showLogin(c, http.StatusUnauthorized, templates.LoginView{Next: pageOf(c), Notice: expiredText(expired)})
	default:
		reply.Refuse(c, reply.NewFault(http.StatusUnauthorized, "login_required", expiredText(expired)))
	}
}

func expiredText(expired bool) string {
	if expired {
		return "You were logged out: the session timed out or was ended, or the server was restarted. Log in to continue."
	}
	return "Log in to do this."
}

// pageOf returns the page that an action belongs to.
func pageOf(c *gin.Context) string {
	p := c.Request.URL
	switch path := c.FullPath(); {
	case strings.HasPrefix(path, Path+"/clients/:"), strings.HasPrefix(path, Path+"/channels/:"):
		kind := strings.Split(path, "/")[2]
		return adminLink(kind, argOf(c))
	case strings.HasPrefix(path, Path+"/connections/"), strings.HasPrefix(path, markedPath):
		return Path + "/clients"
	case strings.HasPrefix(path, Path+"/logout"):
		return Path
	}
	parts := strings.SplitN(strings.TrimPrefix(p.Path, Path+"/"), "/", 2)
	return Path + "/" + parts[0]
}

// mayAct admits users that may change something; action is its name in the audit log.
func (a *Admin) mayAct(action string) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := sessionOf(c)
		if s.Role.CanAct() {
			return
		}
		a.audited(c, action, cmp.Or(argOf(c), c.PostForm("clientId"), c.PostForm("network")), "refused", "the role "+s.Rights()+" may only look")
		a.refuse(c, s, viewerOnly)
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
func (a *Admin) refuse(c *gin.Context, s *login.Session, f *reply.Fault) {
	if prefersJSON(c) {
		reply.Refuse(c, f)
		return
	}
	a.pages.Send(c, f.Status, templates.AdminError(a.frame(s, ""), templates.ErrorView{
		Version: a.opts.Version, Status: f.Status, Title: http.StatusText(f.Status), Text: f.Message,
	}))
	c.Abort()
}

// frame returns the parts of a page around its content.
func (a *Admin) frame(s *login.Session, section string) templates.AdminFrame {
	f := templates.AdminFrame{Version: a.opts.Version, Node: a.node.Name(), Section: section, Notice: a.notice()}
	if s != nil {
		f.User, f.Role, f.CanAct = s.User, s.Rights(), s.Role.CanAct()
		if s.Limited() {
			f.Channels, f.Notice = s.Channels.String(), ""
		} else {
			f.Alarms = a.pressing()
		}
	}
	return f
}

// audited records an action of the request's user in the audit log.
func (a *Admin) audited(c *gin.Context, action, target, result, detail string) {
	user := ""
	if v, ok := c.Get(sessionKey); ok {
		user = v.(*login.Session).User
	}
	a.Note(AuditEntry{User: user, Addr: a.gate.RemoteHost(c.Request), Action: action, Target: target, Result: result, Detail: detail})
}

func (a *Admin) Note(d AuditEntry) {
	a.audit.add(d)
	a.mark(d)
	a.opts.Log.Info("admin", "user", d.User, "remoteAddr", d.Addr, "action", d.Action, "target", d.Target,
		"result", d.Result, "detail", d.Detail)
}

// done ends an action: it is audited, reported on the page that it came from, and the browser is redirected there.
func (a *Admin) done(c *gin.Context, action, target, detail, back, text string) {
	a.audited(c, action, target, "ok", detail)
	sessionOf(c).SetFlash("ok", text)
	reply.Redirect(c, back)
}

// failed ends an action that could not be done.
func (a *Admin) failed(c *gin.Context, action, target, back, why string) {
	a.audited(c, action, target, "failed", why)
	sessionOf(c).SetFlash("bad", why)
	reply.Redirect(c, back)
}

// Close ends the live pages and stores what is kept. It may be called again, for what was done meanwhile.
func (a *Admin) Close() {
	a.once.Do(func() { close(a.quit) })
	a.watching.Wait()
	a.keepLast()
	if err := a.sessions.Close(); err != nil {
		a.opts.Log.Error("the admin sessions could not be stored", "error", err)
	}
}

// renderedPage is one rendering of a page.
type renderedPage struct {
	body  templ.Component
	parts []templates.Fragment
	feed  func(since uint64) (items []templ.Component, through uint64) // newest first; nil for a page without one
}

// pageRequest is a request for a page, or for its live stream.
type pageRequest struct {
	session *login.Session
	frame   templates.AdminFrame
	query   query
	arg     string                // of the path: a clientId or a channel's name
	base    string                // scheme and host as the visitor reached them
	from    netip.Addr            // the visitor's address; not of a live stream
	live    bool                  // the screen is for a stream: it is painted again and again
	send    templates.SendForm    // as it was filled in
	publish templates.PublishForm // as it was filled in
	verdict *templates.Verdict    // on the token that was tried
	closing []func()
}

// A pageFunc prepares a page. The function it returns renders the current state; it
// may be called repeatedly, from one goroutine.
type pageFunc func(v *pageRequest) (func() renderedPage, *reply.Fault)
