package login

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

const (
	maxAgent = 256 // bytes
	maxAddr  = 64
)

// key identifies a session: the hash of its id.
type key [sha256.Size]byte

func keyOf(id string) key { return sha256.Sum256([]byte(id)) }

// Session is one login. The exported fields are static; the account has no hash, and the session ends when it
// changes.
type Session struct {
	Account
	User    string // its name
	Created time.Time
	Addr    string
	Agent   string // the browser's name for itself, at most 256 bytes

	key   key // static, as all up to done
	sum   [sha256.Size]byte
	owner *Sessions
	done  chan struct{}

	// Guarded by Sessions.mu.
	seen  time.Time
	flash struct{ tone, text, undo, secret string }
}

func newSession(owner *Sessions, k key, account Account, addr, agent string) *Session {
	created, sum := now(), owner.accounts.sumOf(account)
	account.Hash = ""
	return &Session{
		Account: account, User: account.Name, Created: created, Addr: clip(addr, maxAddr), Agent: clip(agent, maxAgent),
		key: k, sum: sum, owner: owner, done: make(chan struct{}), seen: created,
	}
}

// publicID names the session on pages and to other servers. It is a hash of the key, which is a hash of the cookie's id.
func (s *Session) publicID() string {
	sum := sha256.Sum256(s.key[:])
	return hex.EncodeToString(sum[:12])
}

// Owner identifies the session's user: two users of a login provider may have the same name.
func (s *Session) Owner() string {
	if s.Subject == "" {
		return s.User
	}
	return s.User + " " + s.Subject
}

// Limited reports whether the session may see only certain channels.
func (s *Session) Limited() bool { return len(s.Channels) > 0 }

// Alive reports whether the session has not ended. Unlike Get it does not keep it
// alive: it is for streams, which ask now and then.
func (s *Session) Alive() bool {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	return s.owner.alive(s)
}

// Done is closed when the session ends by logout, by another login in its place or because its account has changed.
// Its end by age may be noticed only by a call of Alive.
func (s *Session) Done() <-chan struct{} { return s.done }

// SetFlash stores a message for the user's next page and replaces an unread one. Both are up to the caller. It does
// not survive a restart.
func (s *Session) SetFlash(tone, text string) {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	s.flash.tone, s.flash.text, s.flash.undo = tone, text, ""
}

// SetUndo adds to the message the path whose form undoes what it says.
func (s *Session) SetUndo(path string) {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	s.flash.undo = strings.Clone(path)
}

// TakeUndo returns the path of SetUndo once, or "".
func (s *Session) TakeUndo() string {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	defer func() { s.flash.undo = "" }()
	return s.flash.undo
}

// TakeFlash returns the message once, or "" twice.
func (s *Session) TakeFlash() (tone, text string) {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	tone, text = s.flash.tone, s.flash.text
	s.flash.tone, s.flash.text = "", ""
	return tone, text
}

// SetSecret stores a text that one page of the session shows, once.
func (s *Session) SetSecret(text string) {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	s.flash.secret = text
}

// TakeSecret returns the text of SetSecret once, or "".
func (s *Session) TakeSecret() (text string) {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	text, s.flash.secret = s.flash.secret, ""
	return text
}

// now is the time by the wall clock, which goes on while the machine sleeps.
func now() time.Time { return time.Now().Round(0) }

// clip returns the beginning of text, as valid UTF-8.
func clip(text string, size int) string {
	text = strings.ToValidUTF8(text, "?")
	for len(text) > size {
		text = strings.Clone(strings.ToValidUTF8(text[:size], "")) // not the rest of it
	}
	return text
}
