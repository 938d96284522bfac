package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// Options configure the accepted credentials.
type Options struct {
	Keys        []Key
	Verifier    *Verifier // nil: no tokens; the owner closes it
	Anonymous   Patterns  // readable without a credential
	TokenCookie string    // name of a cookie that may hold a token; "": none
	Backend     *Backend  // answers for reads without a credential; nil: none; the owner closes it
	// Session, if not nil, is asked first; a request without a session may still present a key or a token.
	Session Sessions
	// Open permits everything to everybody. It is for a listener that only this machine reaches, and excludes all of
	// the above.
	Open bool
}

// Authenticator authenticates requests. Its methods may be called concurrently.
type Authenticator struct {
	rules atomic.Pointer[rules]
	made  atomic.Pointer[keySet] // keys beside those of the rules; see SetMade
}

// rules are Options as they are used. They never change.
type rules struct {
	keys      keySet
	verifier  *Verifier
	anonymous *Grant // open in open mode
	cookie    string
	session   Sessions // nil for none
	backend   *Backend // nil for none
	open      bool
}

// New returns an Authenticator.
func New(o Options) (*Authenticator, error) {
	a := &Authenticator{}
	return a, a.Replace(o)
}

// Replace changes the accepted credentials, from the next request on. On an error,
// nothing changes. The old Verifier is not closed; requests may still use it.
func (a *Authenticator) Replace(o Options) error {
	if o.Open {
		if len(o.Keys) > 0 || o.Verifier != nil || o.Anonymous != nil || o.TokenCookie != "" || o.Session != nil || o.Backend != nil {
			return errors.New("a server is either open or requires credentials, not both")
		}
		a.rules.Store(&rules{open: true, anonymous: open})
		return nil
	}
	keys, err := newKeySet(o.Keys)
	if err != nil {
		return err
	}
	if o.TokenCookie != "" {
		if o.Verifier == nil {
			return errors.New("a cookie for tokens needs a way to check them")
		}
		if (&http.Cookie{Name: o.TokenCookie, Value: "x"}).Valid() != nil {
			return fmt.Errorf("%q is not a cookie's name", o.TokenCookie)
		}
	}
	a.rules.Store(&rules{
		keys: keys, verifier: o.Verifier, anonymous: anonymous(o.Anonymous), cookie: o.TokenCookie, session: o.Session, backend: o.Backend,
	})
	return nil
}

// SetMade replaces the keys that are accepted beside those of [Options]. An open server ignores them. On an error,
// nothing changes.
func (a *Authenticator) SetMade(keys []Key) error {
	made, err := newKeySet(keys)
	if err == nil {
		a.made.Store(&made)
	}
	return err
}

// Authenticate returns the grant of a request. A request without a credential is
// anonymous, which may permit nothing. Every error is one of this package's, or wraps one.
//
// A credential is taken from Authorization: Bearer (a key or a token), X-API-Key (a
// key), the query parameter access_token or the cookie (a token). In open mode
// credentials are ignored.
func (a *Authenticator) Authenticate(r *http.Request) (*Grant, error) {
	rules := a.rules.Load()
	if rules.open {
		return rules.anonymous, nil
	}
	if rules.session != nil {
		if g, err := rules.session.grant(r); g != nil || err != nil {
			return g, err
		}
	}
	c, err := credentialOf(r, rules.cookie)
	if err != nil {
		return nil, err
	}
	return a.judge(r.Context(), rules, c)
}

// Try returns the grant of a credential as a request gets it that sends it in Authorization: Bearer.
func (a *Authenticator) Try(ctx context.Context, text string) (*Grant, error) {
	rules := a.rules.Load()
	if rules.open {
		return rules.anonymous, nil
	}
	return a.judge(ctx, rules, credential{text, inAuthorization})
}

// judge returns the grant of a credential.
func (a *Authenticator) judge(ctx context.Context, rules *rules, c credential) (*Grant, error) {
	switch {
	case c.text == "":
		return rules.anonymous, nil
	case isKey(c.text) && c.from&(inQuery|inCookie) != 0:
		return nil, ErrKeyInURL
	case isKey(c.text):
		g, err := rules.keys.find(c.text)
		if made := a.made.Load(); errors.Is(err, ErrAPIKey) && made != nil {
			return made.find(c.text)
		}
		return g, err
	case c.from&inKeyHeader != 0:
		return nil, ErrAPIKey
	case rules.verifier == nil && c.from == inAuthorization && rules.backend.asks("Authorization"):
		return rules.anonymous, nil // the backend judges the credential
	case rules.verifier == nil:
		return nil, ErrKey
	}
	g, err := rules.verifier.Verify(ctx, c.text)
	if err != nil {
		return nil, err
	}
	g.Ambient = c.from == inCookie // not shared yet
	return g, nil
}

// Presents reports whether a request has a credential, valid or not; in open mode, none has.
func (a *Authenticator) Presents(r *http.Request) bool {
	rules := a.rules.Load()
	if rules.open {
		return false
	}
	c, err := credentialOf(r, rules.cookie)
	return err != nil || c.text != ""
}

// Backend returns the backend that judges reads without a credential; nil for none.
func (a *Authenticator) Backend() *Backend { return a.rules.Load().backend }

// Open reports whether everybody may do everything.
func (a *Authenticator) Open() bool { return a.rules.Load().open }

// Holds reports whether a Grant is still valid: it has not expired, its key is
// configured with the same rights, tokens or sessions are accepted, and anonymous
// clients may read the same. A token, session or answer is not verified again. The owner of
// long streams calls it after a Replace.
func (a *Authenticator) Holds(g *Grant) bool {
	rules := a.rules.Load()
	if g.Expired(time.Now()) {
		return false
	}
	switch g.Kind {
	case Open:
		return rules.open
	case APIKey:
		now := rules.keys[g.key.Hash]
		if made := a.made.Load(); now == nil && made != nil {
			now = (*made)[g.key.Hash]
		}
		return now != nil && now.key.String() == g.key.String()
	case Token:
		return rules.verifier != nil
	case InApp:
		return rules.session != nil
	case Asked:
		return rules.backend != nil
	}
	return rules.open || rules.anonymous.subscribe.String() == g.subscribe.String()
}
