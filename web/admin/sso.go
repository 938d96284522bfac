package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/login"
	"rollcall/web/reply"
	"rollcall/web/sso"
)

// SSO is the login at an OpenID Connect provider.
type SSO struct {
	Provider *sso.Provider
	// Roles are the roles of the provider's groups. The first whose group a user has counts; a user without any gets
	// no session.
	Roles []GroupRole
}

// GroupRole is the role of a group's members.
type GroupRole struct {
	Group string
	// Role, Title and Channels of this account are those of the group; the rest is empty.
	login.Account
}

// userPrefix begins the names of the provider's users. No local account has a colon in its name.
const userPrefix = "oidc:"

// CallbackPath is the path, below [Path], that the provider leads back to. It has no further "/", because a cookie set
// there is for all of the admin UI.
const CallbackPath = "/oidc-callback"

// rules identifies what the rights of the provider's users follow from.
func (s *SSO) rules() string {
	if s == nil {
		return ""
	}
	text := fmt.Sprintf("%q %q", s.Provider.Issuer(), s.Provider.ClientID())
	for _, r := range s.Roles {
		text += fmt.Sprintf(" %q=%q:%q:%q", r.Group, r.Role, r.Title, r.Channels.Texts())
	}
	return text
}

// account returns the account of a user of the provider. It reports whether the user has a role.
func (s *SSO) account(u *sso.User) (login.Account, bool) {
	for _, r := range s.Roles {
		if slices.Contains(u.Groups, r.Group) {
			account := r.Account
			account.Name, account.Subject = userPrefix+u.Name, u.Subject
			return account, true
		}
	}
	return login.Account{}, false
}

// SetSSO changes the login at a provider; nil is none. The sessions of its users end if their rights follow from
// other rules now.
func (a *Admin) SetSSO(s *SSO) {
	if old := a.sso.Load(); old != nil && s != nil && s.Provider.Same(old.Provider) {
		s.Provider = old.Provider // it has found its endpoints already
	}
	a.sso.Store(s)
	a.Accounts.Admit(s.rules())
}

// loginFlow is a login under way, as the browser keeps it.
type loginFlow struct {
	sso.Flow
	Next string `json:"next"`
}

// startSSO answers GET /admin/oidc: it leads the browser to the provider.
func (a *Admin) startSSO(c *gin.Context) {
	s := a.sso.Load()
	if s == nil {
		a.refuse(c, nil, noSuchPage)
		return
	}
	flow := loginFlow{Next: safeNext(c.Query("next"))}
	address, f, err := s.Provider.Begin(c.Request.Context())
	if err != nil {
		a.ssoFailed(c, &flow, "", err)
		return
	}
	flow.Flow = f
	text, _ := json.Marshal(flow) // strings
	if err := a.sessions.SetFlow(c.Writer, c.Request, string(text)); err != nil {
		a.ssoFailed(c, &flow, "", err)
		return
	}
	c.Redirect(http.StatusSeeOther, address)
}

// finishSSO answers GET /admin/oidc-callback, where the provider leads the browser back to.
func (a *Admin) finishSSO(c *gin.Context) {
	s := a.sso.Load()
	if s == nil {
		a.refuse(c, nil, noSuchPage)
		return
	}
	var flow loginFlow
	text, ok := a.sessions.TakeFlow(c.Writer, c.Request)
	if !ok || json.Unmarshal([]byte(text), &flow) != nil {
		a.ssoFailed(c, &flow, "", errNoFlow)
		return
	}
	addr := a.gate.RemoteHost(c.Request)
	attempt, wait := a.limiter.StartAttempt(addr, "")
	if wait > 0 {
		a.tooMany(c, templates.LoginView{Next: flow.Next}, userPrefix, wait)
		return
	}
	user, err := s.Provider.Finish(c.Request.Context(), flow.Flow, c.Request.URL.Query())
	if err != nil {
		a.ssoFailed(c, &flow, "", err)
		return
	}
	attempt.Succeeded()
	account, ok := s.account(&user)
	if !ok {
		a.ssoFailed(c, &flow, user.Name, errNoGroup)
		return
	}
	if _, err := a.sessions.Start(c.Writer, c.Request, account, addr); err != nil {
		a.ssoFailed(c, &flow, user.Name, err)
		return
	}
	a.Note(AuditEntry{User: account.Name, Addr: addr, Action: "login", Result: "ok", Detail: account.Rights() + ", by " + s.Provider.Host() + " as " + user.Subject})
	// The session's cookie is not sent to where a redirect of the provider leads, so this page goes on.
	a.pages.Send(c, http.StatusOK, templates.LoggedIn(a.opts.Version, flow.Next))
}

// The errors of a login that are not the provider's.
var (
	errNoFlow  = errors.New("no login was begun in this browser, or too long ago")
	errNoGroup = errors.New("none of the groups has a role")
)

// ssoFailed shows the login page with the reason why a login at the provider failed, and records it.
func (a *Admin) ssoFailed(c *gin.Context, flow *loginFlow, name string, err error) {
	status, text, result := http.StatusServiceUnavailable, "The server could not log you in. Try again.", "failed"
	switch {
	case errors.Is(err, sso.ErrUnreachable):
		status, text = http.StatusBadGateway, "The login provider can’t be reached, or does not answer as it should. Try again later"
		if a.Accounts.HasPasswords() {
			text += ", or log in with a password"
		}
		text += "."
	case errors.Is(err, errNoFlow), errors.Is(err, sso.ErrState):
		result, status = "refused", http.StatusBadRequest
		text = "This login was not begun in this browser, or more than " + durationText(login.FlowAge) + " ago. Begin again."
	case errors.Is(err, sso.ErrDeclined):
		status, text, result = http.StatusForbidden, "The login provider has declined the login. Begin again.", "refused"
	case errors.Is(err, errNoGroup):
		result, status = "refused", http.StatusForbidden
		text = "You are logged in at the provider as " + reply.Short(name, 64) + ", but none of your groups may use this page. Ask who runs this server."
	case errors.Is(err, sso.ErrToken):
		status, text, result = http.StatusForbidden, "The login provider’s answer is not valid for this server. Begin again; the audit log has the reason.", "refused"
	case errors.Is(err, login.ErrWrong):
		text = "The settings changed meanwhile. Begin again."
	}
	a.Note(AuditEntry{
		User: userPrefix + name, Addr: a.gate.RemoteHost(c.Request), Action: "login", Result: result, Detail: err.Error(), anonymous: true,
	})
	a.showLogin(c, status, templates.LoginView{Next: safeNext(flow.Next), Error: text})
}

// ssoView returns what the login page says about the provider.
func (a *Admin) ssoView(next string) (at, host string) {
	s := a.sso.Load()
	if s == nil {
		return "", ""
	}
	at = Path + "/oidc"
	if next != "" && next != Path {
		at += "?next=" + url.QueryEscape(next)
	}
	return at, strings.TrimPrefix(s.Provider.Host(), "www.")
}
