package login

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The errors of Get.
var (
	ErrNone    = errors.New("not logged in")           // the request has no cookie
	ErrExpired = errors.New("the session has expired") // it has one, but of no session that is alive
)

const (
	maxSessions = 1000
	maxOfUser   = 50
)

// SessionOptions say when sessions end and where they are stored.
type SessionOptions struct {
	Idle     time.Duration // without a request; 0 is one hour
	Absolute time.Duration // altogether; 0 is twelve hours
	File     string        // "" keeps sessions only in memory
	Log      *slog.Logger  // logs failed writes of File; nil logs nothing
	// Secure reports whether the browser came by TLS; nil asks the connection.
	Secure func(*http.Request) bool
}

// Sessions are all logins. Make them with NewSessions. There are at most 1000, and 50 of one user; a new one beyond
// that replaces the one that was idle longest.
type Sessions struct {
	accounts *Accounts // static, as all up to mu
	idle     time.Duration
	absolute time.Duration
	cookie   cookie
	file     *file // nil is none

	mu    sync.Mutex // guards everything below
	byKey map[key]*Session
	dirty bool // file does not have all of this
}

// NewSessions returns the sessions of accounts. With a file, it loads the file's sessions, and the owner must call
// Close.
//
// The file is created if missing. A file that others may read, or that is not a file of sessions, is an error and
// stays unchanged. It contains the key of the cookies, but no id. A stored session is valid as long as its account has
// the same hash: a password that is hashed anew at each start ends all its sessions.
func NewSessions(accounts *Accounts, opts SessionOptions) (*Sessions, error) {
	if opts.Idle < 0 || opts.Absolute < 0 {
		return nil, fmt.Errorf("sessions of %v, and %v without a request, are too short", opts.Absolute, opts.Idle)
	}
	s := &Sessions{
		accounts: accounts,
		idle:     cmp.Or(opts.Idle, time.Hour),
		absolute: cmp.Or(opts.Absolute, 12*time.Hour),
		byKey:    make(map[key]*Session),
	}
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	if opts.File != "" {
		kept, err := s.load(opts, secret)
		if err != nil {
			return nil, err
		}
		secret = kept
	}
	s.cookie = newCookie(secret, s.absolute)
	if opts.Secure != nil {
		s.cookie.secure = opts.Secure
	}
	accounts.watch(s.recheck)
	return s, nil
}

// Start logs in the account that Verify has returned and sets the cookie. The id is
// always new; the session that the request came with ends. addr is kept for List.
// ErrWrong means that the account has changed since Verify.
func (s *Sessions) Start(w http.ResponseWriter, r *http.Request, account Account, addr string) (*Session, error) {
	id := rand.Text() // 130 bits
	session := newSession(s, keyOf(id), account, addr, r.UserAgent())
	old, _ := s.cookie.key(r)
	if err := s.add(session, old); err != nil {
		return nil, err
	}
	if err := s.cookie.set(w, r, id); err != nil {
		s.end(func(other *Session) bool { return other == session })
		return nil, err
	}
	s.save()
	return session, nil
}

// SetFlow keeps the state of a login at a provider in a cookie, signed and encrypted, for FlowAge.
func (s *Sessions) SetFlow(w http.ResponseWriter, r *http.Request, state string) error {
	return s.cookie.setFlow(w, r, state)
}

// TakeFlow returns the state of SetFlow once, if the request has it.
func (s *Sessions) TakeFlow(w http.ResponseWriter, r *http.Request) (state string, ok bool) {
	return s.cookie.takeFlow(w, r)
}

// add puts in a session in place of the one with the key old, if there is one.
func (s *Sessions) add(session *Session, old key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.accounts.current(session) {
		return ErrWrong
	}
	if other := s.byKey[old]; other != nil {
		s.remove(other)
	}
	s.sweep()
	s.makeRoom(maxOfUser-1, func(other *Session) bool { return other.Owner() == session.Owner() })
	s.makeRoom(maxSessions-1, func(*Session) bool { return true })
	s.byKey[session.key] = session
	s.dirty = true
	return nil
}

// Get returns the session of a request, which lives on for it, or ErrNone or
// ErrExpired.
func (s *Sessions) Get(r *http.Request) (*Session, error) {
	k, sent := s.cookie.key(r)
	if !sent {
		return nil, ErrNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.byKey[k]
	if session == nil || !s.alive(session) {
		return nil, ErrExpired
	}
	session.seen = now()
	s.dirty = true
	return session, nil
}

// End logs out: the session of the request ends and its cookie is deleted, whether
// or not there was one.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) {
	if k, sent := s.cookie.key(r); sent {
		s.end(func(session *Session) bool { return session.key == k })
	}
	s.cookie.delete(w, r)
}

// EndAll logs a user out everywhere and returns how many sessions that were. owner is a [Session.Owner].
func (s *Sessions) EndAll(owner string) int {
	return s.end(func(session *Session) bool { return session.Owner() == owner })
}

// Info describes a session.
type Info struct {
	ID      string // for EndOne; it opens no session
	User    string
	Owner   string // see [Session.Owner]
	Role    string // its name
	Created time.Time
	Seen    time.Time // the last request
	Addr    string
	Agent   string
	Current bool
}

// List returns the sessions of all users, the last seen first. current is the one that
// asks, or nil.
func (s *Sessions) List(current *Session) []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	infos := make([]Info, 0, len(s.byKey))
	for _, session := range s.byKey {
		infos = append(infos, s.info(session, current))
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Or(b.Seen.Compare(a.Seen), b.Created.Compare(a.Created)) })
	return infos
}

// EndOne ends the session with this [Info].ID and returns it. It reports whether there was one.
func (s *Sessions) EndOne(id string) (ended Info, ok bool) {
	s.end(func(session *Session) bool {
		if session.publicID() != id {
			return false
		}
		ended, ok = s.info(session, nil), true
		return true
	})
	return ended, ok
}

// info describes a session. s.mu is held.
func (s *Sessions) info(session, current *Session) Info {
	return Info{
		ID: session.publicID(), User: session.User, Owner: session.Owner(), Role: session.Rights(), Created: session.Created, Seen: session.seen,
		Addr: session.Addr, Agent: session.Agent, Current: session == current,
	}
}

// Close writes the file a last time and returns the error of the write. Without a file it does nothing.
func (s *Sessions) Close() error {
	if s.file == nil {
		return nil
	}
	s.file.stop()
	return s.save()
}

// recheck ends the sessions of accounts that have changed.
func (s *Sessions) recheck() {
	s.end(func(session *Session) bool { return !s.accounts.current(session) })
}

// end ends the sessions that are meant and returns how many that were.
func (s *Sessions) end(meant func(*Session) bool) int {
	s.mu.Lock()
	s.sweep()
	ended := 0
	for _, session := range s.byKey {
		if meant(session) {
			s.remove(session)
			ended++
		}
	}
	s.mu.Unlock()
	s.save()
	return ended
}

// alive reports whether a session is, and removes it if not. s.mu is held, as for
// all below.
func (s *Sessions) alive(session *Session) bool {
	if s.byKey[session.key] != session {
		return false
	}
	now := now()
	if now.Sub(session.Created) < s.absolute && now.Sub(session.seen) < s.idle && s.accounts.current(session) {
		return true
	}
	s.remove(session)
	return false
}

// sweep removes ended sessions.
func (s *Sessions) sweep() {
	for _, session := range s.byKey {
		s.alive(session)
	}
}

// makeRoom removes the sessions that were idle longest among those that match, down to limit.
func (s *Sessions) makeRoom(limit int, meant func(*Session) bool) {
	var all []*Session
	for _, session := range s.byKey {
		if meant(session) {
			all = append(all, session)
		}
	}
	slices.SortFunc(all, func(a, b *Session) int { return a.seen.Compare(b.seen) })
	for _, session := range all[:max(0, len(all)-limit)] {
		s.remove(session)
	}
}

func (s *Sessions) remove(session *Session) {
	delete(s.byKey, session.key)
	close(session.done)
	s.dirty = true
}
