package auth

import (
	"net/http"
	"time"
)

// Session is somebody whom the application around the server knows by its own means,
// such as its login: what a subscriber's token says, without one.
type Session struct {
	User      string    // the clientId of its streams, and what limits and logs go by; as a token's sub
	Info      []byte    // what presence shows: a JSON object or nil
	Subscribe Patterns  // what it may read, and see who is there
	Publish   Patterns  // where it may publish
	Expires   time.Time // when its streams end; zero: never
}

// Sessions tells who a request is by the application's own means: nil for nobody it
// knows. On an error the request is refused, and told nothing of the error. It may be
// called concurrently, once for each request.
type Sessions func(*http.Request) (*Session, error)

// grant is what the request's session gives, nil without one. The error is ErrSession.
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
