package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	strict "github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// Claims are the claims of a new token; see [Verifier.Verify].
type Claims struct {
	Subject            string
	Subscribe, Publish Patterns
	Info               []byte // a JSON object, or nil
	Issuer, Audience   string // "": none
	IssuedAt, Expires  time.Time
}

// Sign makes a token. The key is a secret of 32 bytes or more ([]byte, HS256) or a
// private key, whose type decides on the algorithm.
func Sign(c Claims, key any) (string, error) {
	if err := checkSubject(c.Subject); err != nil {
		return "", fmt.Errorf("the subject %w", err)
	}
	info, err := compactInfo(c.Info)
	if err != nil {
		return "", fmt.Errorf("the info %w", err)
	}
	method, err := signingMethod(key)
	if err != nil {
		return "", err
	}
	said := claims{
		Issuer: c.Issuer, Subject: c.Subject, Info: info,
		IssuedAt: &numericDate{c.IssuedAt}, Expires: &numericDate{c.Expires},
		Channels: claimedChannels{Subscribe: c.Subscribe.Texts(), Publish: c.Publish.Texts()},
	}
	if c.Audience != "" {
		said.Audience = jwt.ClaimStrings{c.Audience}
	}
	text, err := jwt.NewWithClaims(method, &said).SignedString(key)
	if err != nil {
		return "", err
	}
	if len(text) > maxToken {
		return "", fmt.Errorf("the token has %d bytes; allowed are %d", len(text), maxToken)
	}
	return text, nil
}

// MarshalJSON writes claims as UnmarshalJSON reads them.
func (c *claims) MarshalJSON() ([]byte, error) {
	type plain claims
	return strict.Marshal((*plain)(c))
}

// signingMethod returns the one algorithm that a key is for.
func signingMethod(key any) (jwt.SigningMethod, error) {
	if secret, ok := key.([]byte); ok {
		return jwt.SigningMethodHS256, checkSecret(secret)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("a token is signed with a secret or a private key")
	}
	if _, err := algorithmOf(signer.Public()); err != nil {
		return nil, err
	}
	switch signer.(type) {
	case *rsa.PrivateKey:
		return jwt.SigningMethodRS256, nil
	case *ecdsa.PrivateKey:
		return jwt.SigningMethodES256, nil
	}
	return jwt.SigningMethodEdDSA, nil
}
