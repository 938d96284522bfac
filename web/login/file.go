package login

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web/privatefile"
)

// saveEvery is how often the time of the last request is written down.
const saveEvery = time.Minute

// maxFile is far more than the largest number of sessions needs.
const maxFile = 16 << 20

// file stores sessions across restarts.
type file struct {
	path   string // static, as all up to saving
	log    *slog.Logger
	secret []byte
	stop   func() // ends the goroutine that saves, and waits for it

	saving sync.Mutex // held while the file is written
}

// content is the file, as JSON.
type content struct {
	Version  int      `json:"version"`
	Secret   []byte   `json:"key"` // signs and encrypts cookies
	Sessions []record `json:"sessions"`
}

// record is one session in the file.
type record struct {
	Key     []byte    `json:"id_sha256"`
	User    string    `json:"user"`
	Role    Role      `json:"role"`
	Title   string    `json:"role_name,omitempty"` // this and the next two of users of a login provider
	Limits  []string  `json:"channels,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Sum     []byte    `json:"account_sha256"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Addr    string    `json:"address"`
	Agent   string    `json:"agent"`
}

// account returns the account of a checked record, without its hash.
func (r *record) account() Account {
	a := Account{Name: r.User, Role: r.Role, Title: r.Title, Subject: r.Subject}
	for _, text := range r.Limits {
		a.Channels = append(a.Channels, eventlog.MustParsePattern(text))
	}
	return a
}

func (r *record) checkLimits() error {
	for _, text := range r.Limits {
		if _, err := eventlog.ParsePattern(text); err != nil {
			return err
		}
	}
	return nil
}

// load takes the sessions from the file and has it follow them from now on. It
// returns the file's secret, which is the given one in a new file.
func (s *Sessions) load(opts SessionOptions, secret []byte) ([]byte, error) {
	kept, err := readFile(opts.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		kept.Secret = secret
	case err != nil:
		return nil, fmt.Errorf("session file %s: %w", opts.File, err)
	}
	for _, r := range kept.Sessions {
		session := newSession(s, key(r.Key), r.account(), r.Addr, r.Agent)
		session.sum = [len(session.sum)]byte(r.Sum)
		s.accounts.restore(session)
		if r.Created.Before(session.Created) { // else the clock was set back
			session.Created = r.Created
		}
		if r.Seen.Before(session.seen) {
			session.seen = r.Seen
		}
		s.byKey[session.key] = session
	}
	s.sweep()
	s.makeRoom(maxSessions, func(*Session) bool { return true })
	s.dirty = true
	s.file = &file{path: opts.File, log: opts.Log, secret: kept.Secret}
	if s.file.log == nil {
		s.file.log = slog.New(slog.DiscardHandler)
	}
	if err := s.save(); err != nil {
		return nil, err
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	s.file.stop = sync.OnceFunc(func() {
		close(stop)
		<-stopped
	})
	go func() {
		defer close(stopped)
		s.saveInBackground(stop)
	}()
	return kept.Secret, nil
}

// saveInBackground saves pending changes until stop is closed.
func (s *Sessions) saveInBackground(stop <-chan struct{}) {
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			s.mu.Lock()
			s.sweep()
			s.mu.Unlock()
			s.save()
		}
	}
}

// save writes the file if anything has changed. A failure is logged; the next change or keep retries.
func (s *Sessions) save() error {
	if s.file == nil {
		return nil
	}
	s.file.saving.Lock()
	defer s.file.saving.Unlock()
	s.mu.Lock()
	if !s.dirty {
		s.mu.Unlock()
		return nil
	}
	s.dirty = false
	c := content{Version: 1, Secret: s.file.secret, Sessions: make([]record, 0, len(s.byKey))}
	for _, session := range s.byKey {
		r := record{
			Key: bytes.Clone(session.key[:]), User: session.User, Role: session.Role, Sum: bytes.Clone(session.sum[:]),
			Created: session.Created, Seen: session.seen, Addr: session.Addr, Agent: session.Agent,
		}
		if session.Subject != "" {
			r.Title, r.Limits, r.Subject = session.Title, session.Channels.Texts(), session.Subject
		}
		c.Sessions = append(c.Sessions, r)
	}
	s.mu.Unlock()
	err := writeFile(s.file.path, c)
	if err != nil {
		err = fmt.Errorf("session file %s: %w", s.file.path, err)
		s.file.log.Error("sessions would not survive a restart", "error", err)
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
	}
	return err
}

// readFile reads and checks the file.
func readFile(path string) (content, error) {
	text, err := privatefile.Read(path, maxFile)
	if err != nil {
		return content{}, err
	}
	var c content
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return content{}, fmt.Errorf("it is not a session file: %w", err)
	}
	if err := c.check(); err != nil {
		return content{}, fmt.Errorf("it is not a session file: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return content{}, errors.New("it is not a session file: there is more data after the sessions")
	}
	return c, nil
}

func (c content) check() error {
	if c.Version != 1 {
		return fmt.Errorf("its version is %d; the known version is 1", c.Version)
	}
	if len(c.Secret) != secretSize {
		return fmt.Errorf("its key has %d bytes, not %d", len(c.Secret), secretSize)
	}
	for i, r := range c.Sessions {
		if len(r.Key) != len(key{}) || len(r.Sum) != len(key{}) || r.User == "" || r.Role.check() != nil || r.checkLimits() != nil {
			return fmt.Errorf("session %d is damaged", i+1)
		}
	}
	return nil
}

// writeFile replaces the file by c.
func writeFile(path string, c content) error {
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	return privatefile.Replace(path, append(text, '\n'))
}
