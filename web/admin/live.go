package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/templates"
	"rollcall/web/livepage"
	"rollcall/web/login"
	"rollcall/web/reply"
	"rollcall/web/stream"
)

// query is the query of a page.
type query struct{ url.Values }

// with returns the page's query with some names set anew; an empty value takes
// the name out. The path may have a query of its own, which stays.
func (q query) with(path string, pairs ...string) string {
	path, own, _ := strings.Cut(path, "?")
	values, _ := url.ParseQuery(own) // it was encoded here
	for name, list := range q.Values {
		values[name] = list
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			values.Del(pairs[i])
		} else {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

func queryEscape(s string) string { return url.QueryEscape(s) }

// targetHref returns the page of what an action of the audit log was about, "" for none.
func targetHref(action, target string) string {
	switch kind, _, _ := strings.Cut(action, "."); {
	case target == "":
		return ""
	case kind == "client":
		return adminLink("clients", target)
	case kind == "channel":
		return adminLink("channels", target)
	case kind == "network":
		return blockNetworkHref(target)
	}
	return ""
}

// adminLink returns the path of the page of a client or a channel, for a pattern that of its channels' events. A name that
// cannot be in a path, "." or "..", is in the query.
func adminLink(kind, name string) string {
	if kind == "channels" && eventlog.IsPattern(name) {
		return Path + "/tail?channels=" + url.QueryEscape(name)
	}
	if name == "." || name == ".." {
		return Path + "/" + kind + "/_?name=" + url.QueryEscape(name)
	}
	return Path + "/" + kind + "/" + url.PathEscape(name)
}

// below returns the path of something below a page that adminLink returned.
func below(link, what string) string {
	path, q, ok := strings.Cut(link, "?")
	if ok {
		return path + "/" + what + "?" + q
	}
	return path + "/" + what
}

// named returns the name of a page's client or channel, from its path and query.
func named(arg string, q query) string {
	if name := q.Get("name"); arg == "_" && name != "" {
		return name
	}
	return arg
}

// argOf returns the one parameter that a path of the admin UI may have, as named.
func argOf(c *gin.Context) string {
	for _, p := range c.Params {
		return named(reply.PathParam(c, p.Key), query{c.Request.URL.Query()})
	}
	return ""
}

// show answers with a page.
func (a *Admin) show(paint pageFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := sessionOf(c)
		a.showScreen(c, s, http.StatusOK, paint, nil)
	}
}

// showScreen paints a page once; change, if not nil, has a last look at the visit.
func (a *Admin) showScreen(c *gin.Context, s *login.Session, status int, paint pageFunc, change func(*pageRequest)) {
	u := *c.Request.URL
	v := a.newPageRequest(s, &u, argOf(c))
	v.base, v.from = a.gate.BaseURL(c.Request), a.gate.From(c.Request).Addr
	v.frame.Flash.Tone, v.frame.Flash.Text = s.TakeFlash()
	v.frame.Flash.Undo = s.TakeUndo()
	if change != nil {
		change(v)
	}
	defer v.close()
	now, f := paint(v)
	if f != nil {
		a.refuse(c, s, f)
		return
	}
	a.pages.Send(c, status, now().body)
}

func (a *Admin) newPageRequest(s *login.Session, page *url.URL, arg string) *pageRequest {
	v := &pageRequest{session: s, query: query{page.Query()}, arg: arg, frame: a.frame(s, "")}
	v.frame.Live = page.RequestURI()
	return v
}

// whenClosed has f called at the end of the visit.
func (v *pageRequest) whenClosed(f func()) { v.closing = append(v.closing, f) }

// listAge returns how old the page's list may be. A page that is not live is current.
func (v *pageRequest) listAge() time.Duration {
	if v.live {
		return listEvery
	}
	return 0
}

func (v *pageRequest) close() {
	for _, f := range v.closing {
		f()
	}
}

// findPage returns the renderer of the page at a path, and the name that the page is about.
func (a *Admin) findPage(s *login.Session, page *url.URL) (paint pageFunc, arg string) {
	parts := strings.Split(strings.Trim(page.EscapedPath(), "/"), "/")
	if parts[0] != "admin" {
		return nil, ""
	}
	if len(parts) > 2 {
		name, err := url.PathUnescape(parts[2])
		if err != nil {
			return nil, ""
		}
		arg = named(name, query{page.Query()})
		parts[2] = map[string]string{"clients": ":clientId", "channels": ":channel"}[parts[1]]
	}
	parts[0] = ""
	path := strings.Join(parts, "/")
	if !reaches(s, path, arg) {
		return nil, ""
	}
	return a.paintings()[path], arg
}

// painterShare limits the cost of a live page: the pause before the next rendering is this many times the duration of
// the last one.
const painterShare = 40

// stream answers GET /admin/stream with the changes of a page, as long as it is open and its user logged in. HEAD
// answers a page that lost the stream whether it may reconnect.
func (a *Admin) stream(c *gin.Context) {
	s := sessionOf(c)
	page, err := url.Parse(c.Query("page"))
	if err != nil || page.IsAbs() || page.Host != "" {
		reply.Refuse(c, reply.Invalid("invalid_page", "page", "must be the path of a page of the admin UI, such as /admin/clients"))
		return
	}
	paint, arg := a.findPage(s, page)
	if paint == nil {
		reply.Refuse(c, reply.NewFault(http.StatusNotFound, "not_found", "There is no such page."))
		return
	}
	if c.Request.Method == http.MethodHead {
		if f := a.feeds.check(c, s.User); f != nil {
			reply.Refuse(c, f)
			return
		}
		c.Header("Content-Type", "text/event-stream")
		c.Status(http.StatusOK)
		return
	}
	if f := a.feeds.acquire(c, s.User); f != nil {
		reply.Refuse(c, f)
		return
	}
	defer a.feeds.release(s.User)
	v := a.newPageRequest(s, page, arg)
	v.base, v.live = a.gate.BaseURL(c.Request), true
	defer v.close()
	now, f := paint(v)
	if f != nil {
		reply.Refuse(c, f)
		return
	}
	livepage.Head(c.Writer.Header())
	c.Writer.WriteHeaderNow() // Gin would send a head of its own at the end
	sse, err := livepage.NewWriter(stream.Unwrapped(c))
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(templates.WithRoot(c.Request.Context(), page.EscapedPath()))
	defer cancel(nil)
	go func() {
		select {
		case <-s.Done():
			cancel(login.ErrExpired)
		case <-a.quit:
			cancel(http.ErrServerClosed)
		case <-ctx.Done():
		}
	}()
	since, _ := strconv.ParseUint(c.GetHeader("Last-Event-ID"), 10, 64)
	_ = sse.Run(ctx, a.follow(s, sse, now, since))
	if errors.Is(context.Cause(ctx), login.ErrExpired) || !s.Alive() {
		_ = sse.Expire("You were logged out.")
	}
}

// follow returns the writer of changes to a page's stream.
func (a *Admin) follow(s *login.Session, sse *livepage.Writer, now func() renderedPage, since uint64) func(context.Context) error {
	var differ livepage.Differ
	var due time.Time
	first := true // it may wait for other servers
	return func(ctx context.Context) error {
		begun := time.Now()
		if !s.Alive() {
			return login.ErrExpired
		}
		if begun.Before(due) {
			return nil
		}
		shown := now()
		patch, err := differ.Diff(ctx, append(shown.parts, a.frame(s, "").Fragments()...))
		if ctx.Err() != nil {
			return ctx.Err() // the page has left meanwhile
		}
		if err != nil {
			a.opts.Log.Error("a live page could not be rendered", "error", err)
			return err
		}
		if err := sse.Patch("", patch); err != nil {
			return err
		}
		if shown.feed != nil {
			var items []templ.Component
			items, since = shown.feed(since)
			patch, err := livepage.Feed(ctx, feedID, feedKeep, items)
			if err != nil {
				return err
			}
			if err := sse.Patch(strconv.FormatUint(since, 10), patch); err != nil {
				return err
			}
		}
		if !first {
			due = begun.Add(painterShare * time.Since(begun))
		}
		first = false
		return nil
	}
}

// The feed of events of a page, of which there is one at most.
const (
	feedID   = "tail-rows"
	feedKeep = 200
)
