package node

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// secretBytes is how much of the HMAC a stream's secret has: 128 bits.
const secretBytes = 16

// Secrets makes the secrets of this server's streams. A secret is derived from
// the connectionId, so that a stream needs no memory for it. It is the permission to
// act for the stream, and only the answer to the stream's own request carries it.
type Secrets struct{ key [32]byte }

func newStreamSecrets() *Secrets {
	s := new(Secrets)
	_, _ = rand.Read(s.key[:]) // it never fails
	return s
}

// secret returns the secret of a connection of this server.
func (s *Secrets) secret(connectionID string) string {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(connectionID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:secretBytes])
}

// Fits reports whether this server gave the secret to the connection, which may have
// ended since.
func (s *Secrets) Fits(connectionID, secret string) bool {
	return hmac.Equal([]byte(s.secret(connectionID)), []byte(secret))
}
