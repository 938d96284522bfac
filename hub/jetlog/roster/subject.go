package roster

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// names are the subjects of a roster. Ids are base64url, so that no id has a special meaning in a subject.
type names struct{ prefix string }

func (n names) all() string                 { return n.prefix + ".*.>" }
func (n names) lease(session string) string { return n.prefix + ".n." + session }
func (n names) entry(session, id string) string {
	return n.prefix + ".e." + session + "." + encode(id)
}
func (n names) entries(session string) string { return n.prefix + ".e." + session + ".*" }
func (n names) shared(id string) string       { return n.prefix + ".s." + encode(id) }
func (n names) stream() string                { return n.prefix + ".i.stream" }
func (n names) tell() string                  { return n.prefix + ".tell" }
func (n names) ask() string                   { return n.prefix + ".ask" }

// The kinds of subject.
const (
	aboutLease  = 'n'
	aboutEntry  = 'e'
	aboutShared = 's'
	aboutStream = 'i'
)

// read parses a subject; 0 is a foreign one.
func (n names) read(subject string) (about byte, session, id string) {
	rest, ok := strings.CutPrefix(subject, n.prefix+".")
	if !ok || len(rest) < 3 || rest[1] != '.' {
		return 0, "", ""
	}
	about, rest = rest[0], rest[2:]
	switch about {
	case aboutLease:
		if !strings.Contains(rest, ".") {
			return about, rest, ""
		}
	case aboutEntry:
		if session, rest, ok = strings.Cut(rest, "."); ok {
			if id, ok = decode(rest); ok {
				return about, session, id
			}
		}
	case aboutStream:
		if rest == "stream" {
			return about, "", ""
		}
	case aboutShared:
		if id, ok = decode(rest); ok {
			return about, "", id
		}
	}
	return 0, "", ""
}

func encode(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

func decode(token string) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	return string(b), err == nil && len(b) > 0
}

// newSession returns a name that no session had before.
func newSession() string { return rand.Text()[:20] }
