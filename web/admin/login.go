package admin

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/login"
	"rollcall/web/reply"
)

// loginPage answers GET /admin/login.
func (a *Admin) loginPage(c *gin.Context) {
	next := safeNext(c.Query("next"))
	if _, err := a.sessions.Get(c.Request); err == nil {
		reply.Redirect(c, next)
		return
	}
	v := templates.LoginView{Next: next}
	if c.Query("expired") != "" {
		v.Notice = expiredText(true)
	}
	a.showLogin(c, http.StatusOK, v)
}

func (a *Admin) showLogin(c *gin.Context, status int, v templates.LoginView) {
	v.Version, v.Hint = a.opts.Version, a.opts.Hint
	v.Passwords = a.Accounts.HasPasswords()
	v.Provider, v.ProviderHost = a.ssoView(v.Next)
	a.pages.Send(c, status, templates.Login(v))
	c.Abort()
}

// safeNext returns a path of the admin UI to go on to: the asked one, if it is.
func safeNext(next string) string {
	u, err := url.Parse(next)
	isElsewhere := err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !IsPath(path.Clean(u.Path))
	if isElsewhere || u.Path == Path+"/login" || u.Path == Path+"/stream" {
		return Path
	}
	return u.RequestURI()
}

// login answers POST /admin/login.
func (a *Admin) login(c *gin.Context) {
	form := c.Request.PostForm
	name, next, addr := form.Get("username"), safeNext(form.Get("next")), a.gate.RemoteHost(c.Request)
	v := templates.LoginView{Username: reply.Short(name, 64), Next: next}
	attempt, wait := a.limiter.StartAttempt(addr, name)
	if wait > 0 {
		a.tooMany(c, v, name, wait)
		return
	}
	account, err := a.Accounts.Verify(c.Request.Context(), name, []byte(form.Get("password")))
	if err == nil {
		_, err = a.sessions.Start(c.Writer, c.Request, account, addr)
	}
	switch {
	case errors.Is(err, login.ErrWrong):
		v.Error = "The name or the password is wrong."
		a.Note(AuditEntry{User: name, Addr: addr, Action: "login", Result: "refused", Detail: "wrong name or password", anonymous: true})
		a.showLogin(c, http.StatusUnauthorized, v)
	case err != nil:
		a.opts.Log.Error("login failed", "error", err)
		v.Error = "The server could not log you in. Try again."
		a.showLogin(c, http.StatusServiceUnavailable, v)
	default:
		attempt.Succeeded()
		a.Note(AuditEntry{User: account.Name, Addr: addr, Action: "login", Result: "ok", Detail: account.Rights()})
		reply.Redirect(c, next)
	}
}

// tooMany shows the login page to one who must wait.
func (a *Admin) tooMany(c *gin.Context, v templates.LoginView, name string, wait time.Duration) {
	v.Wait = wait
	seconds := math.Ceil(wait.Seconds())
	v.Error = "Too many attempts. Try again in " + durationText(time.Duration(seconds)*time.Second) + "."
	c.Header("Retry-After", strconv.Itoa(int(seconds)))
	a.Note(AuditEntry{User: name, Addr: a.gate.RemoteHost(c.Request), Action: "login", Result: "refused", Detail: "too many attempts", anonymous: true})
	a.showLogin(c, http.StatusTooManyRequests, v)
}

// logout answers POST /admin/logout.
func (a *Admin) logout(c *gin.Context) {
	a.audited(c, "logout", "", "ok", "")
	a.sessions.End(c.Writer, c.Request)
	reply.Redirect(c, Path+"/login")
}

// logoutEverywhere answers POST /admin/logout-everywhere.
func (a *Admin) logoutEverywhere(c *gin.Context) {
	n := a.sessions.EndAll(sessionOf(c).Owner())
	a.sessions.End(c.Writer, c.Request)
	a.audited(c, "logout everywhere", "", "ok", grouped(n)+" sessions")
	reply.Redirect(c, Path+"/login")
}
