package login

import (
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

const (
	cookieName = "rollcall_admin"
	secretSize = 64 // bytes: 32 to sign with and 32 to encrypt with
)

// cookie carries only the id of a session.
type cookie struct {
	store  *sessions.CookieStore
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
	return cookie{store, func(r *http.Request) bool { return r.TLS != nil }}
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

// options returns the options of a cookie in the answer to r.
func (c cookie) options(r *http.Request) *sessions.Options {
	options := *c.store.Options
	options.Secure = c.secure(r)
	return &options
}
