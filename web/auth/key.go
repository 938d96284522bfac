package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A key's text is the prefix and 40 characters out of 32: 200 random bits. The prefix helps people, and programs that
// search for leaked secrets.
const (
	keyPrefix = "rk_"
	keyBytes  = 25
	keyLength = len(keyPrefix) + keyBytes*8/5
)

var keyEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

// maxKeyName bounds a key's name, in bytes.
const maxKeyName = 64

// Key describes an API key, without its text. Two keys may have the same name, so
// that a new one can be issued before the old one is removed.
type Key struct {
	Name     string // letters, digits and "-_.", at most 64 of them
	Allow    Scopes
	Channels Patterns  // required by Allow; Admin needs ">"
	Expires  time.Time // zero: never; whole seconds
	// Hash is the SHA-256 of the key's text. Only passwords that people choose need
	// a slow hash; 200 random bits can't be guessed, and every request is hashed.
	Hash [sha256.Size]byte
}

// NewKey makes a key and returns its text, which is nowhere else.
func NewKey(name string, allow Scopes, channels Patterns) (text string, key Key, err error) {
	var random [keyBytes]byte
	rand.Read(random[:]) // never fails
	text = keyPrefix + keyEncoding.EncodeToString(random[:])
	key = Key{Name: name, Allow: allow, Channels: channels, Hash: sha256.Sum256([]byte(text))}
	if err := key.check(); err != nil {
		return "", Key{}, err
	}
	return text, key, nil
}

// check returns what is wrong with a key's description, or nil.
func (k *Key) check() error {
	switch {
	case k.Name == "" || len(k.Name) > maxKeyName || strings.ContainsFunc(k.Name, notInKeyName):
		return fmt.Errorf("the name must be 1 to %d letters, digits, \"-\", \"_\" or \".\"", maxKeyName)
	case k.Allow == 0 || k.Allow >= 1<<len(scopeNames):
		return fmt.Errorf("a key needs scopes; allowed are %s", strings.Join(scopeNames, ", "))
	case len(k.Channels) == 0:
		return errors.New("a key needs channels; \">\" stands for all")
	case k.Allow.Has(Admin) && !k.Channels.Everything():
		return errors.New("the scope admin covers every channel; the key's channels must be \">\"")
	case k.Hash == [sha256.Size]byte{}:
		return errors.New("a key needs a hash")
	}
	return nil
}

func notInKeyName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
}

// grant returns the key's grant.
func (k *Key) grant() *Grant {
	on := func(scope Scopes) Patterns {
		if k.Allow.Has(scope) {
			return k.Channels
		}
		return nil
	}
	return &Grant{
		Kind: APIKey, Name: k.Name, Expires: k.Expires, identity: "key:" + k.Name,
		publish: on(Publish), subscribe: on(Subscribe), history: on(History), presence: on(Presence),
		full: k.Allow.Has(Presence) && k.Channels.Everything(), admin: k.Allow.Has(Admin), key: k,
	}
}

// keySet finds keys by hash.
type keySet map[[sha256.Size]byte]*Grant

// newKeySet checks the keys.
func newKeySet(keys []Key) (keySet, error) {
	s := make(keySet, len(keys))
	for _, k := range keys {
		if err := k.check(); err != nil {
			return nil, fmt.Errorf("key %q: %w", k.Name, err)
		}
		if other := s[k.Hash]; other != nil {
			return nil, fmt.Errorf("the keys %q and %q have the same hash", other.Name, k.Name)
		}
		s[k.Hash] = k.grant()
	}
	return s, nil
}

// find returns the grant of the key with this text.
//
// Its duration depends on the hash of the text only. An attacker who measures it learns at most how far a hash agrees
// with a stored one, which reveals no text: hashes can't be steered, and 200 bits can't be enumerated.
func (s keySet) find(text string) (*Grant, error) {
	if len(text) != keyLength {
		return nil, ErrAPIKey
	}
	hash := sha256.Sum256([]byte(text))
	g := s[hash]
	if g == nil || subtle.ConstantTimeCompare(hash[:], g.key.Hash[:]) != 1 {
		return nil, ErrAPIKey
	}
	if g.Expired(time.Now()) {
		return nil, ErrExpired
	}
	return g, nil
}

// isKey reports whether a credential is an API key rather than a token.
func isKey(text string) bool { return strings.HasPrefix(text, keyPrefix) }
