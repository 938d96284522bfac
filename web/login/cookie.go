package login

import (
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

const (
	cookieName = "rollcall_admin"
	flowName   = "rollcall_login"
	secretSize = 64 // bytes: 32 to sign with and 32 to encrypt with
)

// FlowAge is how long a login at a provider may take.
const FlowAge = 10 * time.Minute

// cookie carries only the id of a session.
type cookie struct {
	store  *sessions.CookieStore
	flow   *securecookie.SecureCookie // encodes the cookie of a login at a provider
	secure func(*http.Request) bool
}

func newCookie(secret []byte, lifetime time.Duration) cookie {
	store := sessions.NewCookieStore(secret[:secretSize/2], secret[secretSize/2:])
	for _, codec := range store.Codecs {
		codec.(*securecookie.SecureCookie).MaxAge(int(lifetime.Seconds()) + 1)
	}
	// Without Max-Age: the cookie ends with the browser, and may outlive its session, so that a message can be shown.
	// Without a path: it is set and deleted at /admin/…, and a proxy's prefix, which only the browser sees, would
	// change the path.
	store.Options = &sessions.Options{HttpOnly: true, SameSite: http.SameSiteStrictMode}
	flow := securecookie.New(secret[:secretSize/2], secret[secretSize/2:]).MaxAge(int(FlowAge.Seconds()))
	return cookie{store, flow, func(r *http.Request) bool { return r.TLS != nil }}
}

// key returns the key of the request's session; sent reports whether there is a
// cookie at all. One that this server did not make has a key of no session.
func (c cookie) key(r *http.Request) (k key, sent bool) {
	if _, err := r.Cookie(cookieName); err != nil {
		return key{}, false
	}
	session, err := c.store.New(r, cookieName)
	id, ok := session.Values["id"].(string)
	if err != nil || !ok {
		return key{}, true
	}
	return keyOf(id), true
}

// set sends the id of a session.
func (c cookie) set(w http.ResponseWriter, r *http.Request, id string) error {
	session := sessions.NewSession(c.store, cookieName)
	session.Options = c.options(r)
	session.Values["id"] = id
	return session.Save(r, w)
}

// delete has the browser forget the id.
func (c cookie) delete(w http.ResponseWriter, r *http.Request) {
	options := c.options(r)
	options.MaxAge = -1
	http.SetCookie(w, sessions.NewCookie(cookieName, "", options))
}

// setFlow sends what takeFlow returns. The provider's page leads the browser back, so the cookie is Lax, not Strict.
func (c cookie) setFlow(w http.ResponseWriter, r *http.Request, value string) error {
	text, err := c.flow.Encode(flowName, value)
	if err != nil {
		return err
	}
	http.SetCookie(w, sessions.NewCookie(flowName, text, c.flowOptions(r, int(FlowAge.Seconds()))))
	return nil
}

// takeFlow returns the value of setFlow and has the browser forget it. It reports whether there was one, not older than
// FlowAge.
func (c cookie) takeFlow(w http.ResponseWriter, r *http.Request) (value string, ok bool) {
	sent, err := r.Cookie(flowName)
	if err != nil {
		return "", false
	}
	http.SetCookie(w, sessions.NewCookie(flowName, "", c.flowOptions(r, -1)))
	err = c.flow.Decode(flowName, sent.Value, &value)
	return value, err == nil
}

func (c cookie) flowOptions(r *http.Request, maxAge int) *sessions.Options {
	options := c.options(r)
	options.SameSite, options.MaxAge = http.SameSiteLaxMode, maxAge
	return options
}

// options returns the options of a cookie in the answer to r.
func (c cookie) options(r *http.Request) *sessions.Options {
	options := *c.store.Options
	options.Secure = c.secure(r)
	return &options
}
