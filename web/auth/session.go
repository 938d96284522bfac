package auth

import (
	"net/http"
	"time"
)

// Session is a user that the application around the server has authenticated by its own means, such as its login. It
// replaces a subscriber's token.
type Session struct {
	User      string    // the clientId of its streams, and the key of limits and logs, like a token's sub
	Info      []byte    // shown in presence: a JSON object or nil
	Subscribe Patterns  // channels that it may read, with their members
	Publish   Patterns  // channels that it may publish to
	Expires   time.Time // when its streams end; zero: never
}

// Sessions returns the session of a request by the application's own means, or nil. On an error the request is
// refused; the answer does not contain the error. It may be called concurrently, once for each request.
type Sessions func(*http.Request) (*Session, error)

// grant returns the grant of the request's session, nil without one. The error is ErrSession.
func (f Sessions) grant(r *http.Request) (*Grant, error) {
	s, err := f(r)
	if s == nil && err == nil {
		return nil, nil
	}
	if err != nil || checkSubject(s.User) != nil {
		return nil, ErrSession
	}
	info, err := compactInfo(s.Info)
	if err != nil {
		return nil, ErrSession
	}
	g := &Grant{
		Kind: InApp, Name: s.User, ClientID: s.User, identity: "session:" + s.User,
		Info: info, Expires: s.Expires, Ambient: true,
		subscribe: s.Subscribe, publish: s.Publish, history: s.Subscribe, presence: s.Subscribe,
	}
	if g.Expired(time.Now()) {
		return nil, ErrExpired
	}
	return g, nil
}
