package auth

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxToken bounds the text of a token, in bytes.
const maxToken = 16 << 10

// defaultLeeway is how far clocks may differ.
const defaultLeeway = 5 * time.Second

// VerifierOptions say which tokens are valid. At least one of Secret, PublicKeys and JWKSURL must be set, and not both
// of the last two.
type VerifierOptions struct {
	Secret     []byte             // for HS256: 32 bytes or more
	PublicKeys []crypto.PublicKey // for RS256, ES256 (P-256) and EdDSA; a token's kid is ignored
	// JWKSURL is the address of the public keys: an https URL, or an http one of this machine.
	JWKSURL string

	Issuer   string        // required iss; "": any
	Audience string        // required entry of aud; "": any
	Leeway   time.Duration // for exp and nbf; 0: 5 s, less than 0: none

	// Previous is a Verifier that this one comes after, or nil. If its JWKSURL is the
	// same, its keys count until new ones were fetched.
	Previous *Verifier

	Client *http.Client // fetches the JWKSURL, without following redirects; nil: a plain one
	Log    *slog.Logger // logs failed and recovered fetches; nil: nothing
}

// Verifier checks tokens. Its methods may be called concurrently.
type Verifier struct {
	secret  []byte
	static  map[string][]jwt.VerificationKey // by algorithm
	remote  *remoteKeys                      // nil without a JWKSURL
	methods []string
	parser  *jwt.Parser
	leeway  time.Duration
}

// NewVerifier returns a Verifier, whose owner closes it. A JWKSURL is fetched in
// the background, so an endpoint that is down is no error.
func NewVerifier(o VerifierOptions) (*Verifier, error) { return newVerifier(o, usualPace) }

func newVerifier(o VerifierOptions, pace pace) (*Verifier, error) {
	v := &Verifier{
		secret: slices.Clone(o.Secret), static: map[string][]jwt.VerificationKey{},
		leeway: max(0, cmp.Or(o.Leeway, defaultLeeway)),
	}
	if o.Secret != nil {
		if err := checkSecret(o.Secret); err != nil {
			return nil, err
		}
		v.methods = append(v.methods, hs256)
	}
	for _, key := range o.PublicKeys {
		alg, err := algorithmOf(key)
		if err != nil {
			return nil, err
		}
		if v.static[alg] == nil {
			v.methods = append(v.methods, alg)
		}
		v.static[alg] = append(v.static[alg], key)
	}
	if o.JWKSURL != "" {
		if len(o.PublicKeys) > 0 {
			return nil, errors.New("public keys are either given or fetched, not both")
		}
		v.methods = append(v.methods, rs256, es256, eddsa)
	}
	if len(v.methods) == 0 {
		return nil, errors.New("a secret, a public key or the URL of a key set is required")
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(v.methods), jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithLeeway(v.leeway),
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	v.parser = jwt.NewParser(options...)
	if o.JWKSURL != "" {
		var err error
		if v.remote, err = newRemoteKeys(o, pace); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Close ends the fetching of keys. Tokens can still be checked with the keys already fetched. It may be called on nil,
// and more than once.
func (v *Verifier) Close() {
	if v != nil && v.remote != nil {
		v.remote.close()
	}
}

// Refresh fetches the key set now, at an operator's word, and waits for it. It may
// be called on nil.
func (v *Verifier) Refresh() {
	if v != nil && v.remote != nil {
		select {
		case <-v.remote.refresh(true):
		case <-v.remote.done:
		}
	}
}

// Verify returns a token's grant. If the token names an unknown key, it waits for a fetch of the key set, at most
// until ctx ends.
//
// The Grant's clientId and name are the token's sub. Its info and its channels, {"subscribe":[…],"publish":[…]}, are
// the token's; the history and presence of channels in subscribe are readable, too.
func (v *Verifier) Verify(ctx context.Context, text string) (*Grant, error) {
	if len(text) > maxToken || strings.ContainsFunc(text, notInToken) {
		return nil, ErrMalformed
	}
	var c claims
	token, err := v.parser.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) { return v.keys(ctx, t) })
	if err != nil {
		return nil, v.refusal(token, &c, err)
	}
	return c.grant(v.leeway)
}

// notInToken matches characters that are neither base64url nor a dot. The base64 decoder would skip line ends.
func notInToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// keys returns the keys that may have signed a token, all of which are for its
// algorithm. Nothing else in its header (jku, jwk, x5u, x5c) is looked at.
func (v *Verifier) keys(ctx context.Context, t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok {
		return nil, ErrMalformed // an extension that must be understood
	}
	kid, ok := "", true
	if value, there := t.Header["kid"]; there {
		kid, ok = value.(string)
	}
	if !ok {
		return nil, ErrMalformed
	}
	alg := t.Method.Alg()
	switch {
	case alg == hs256:
		return v.secret, nil
	case v.remote != nil:
		keys, err := v.remote.find(ctx, alg, kid)
		return jwt.VerificationKeySet{Keys: keys}, err
	}
	return jwt.VerificationKeySet{Keys: v.static[alg]}, nil
}

// refusal turns the library's error, which may hold text of the token, into one of
// this package.
func (v *Verifier) refusal(token *jwt.Token, c *claims, err error) error {
	for _, ours := range []error{ErrMalformed, ErrKeyLater, ErrKey} {
		if errors.Is(err, ours) {
			return ours
		}
	}
	var wrong *claimKindError
	switch {
	case errors.As(err, &wrong):
		return wrong
	case errors.Is(err, jwt.ErrTokenMalformed):
		return ErrMalformed
	case token == nil || token.Method == nil || !slices.Contains(v.methods, token.Method.Alg()):
		return ErrAlgorithm
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return ErrSignature
	case errors.Is(err, jwt.ErrTokenExpired):
		return ErrExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return ErrNotYet
	case c.Expires == nil:
		return fmt.Errorf("%w: exp is missing", ErrClaims)
	case errors.Is(err, jwt.ErrTokenInvalidIssuer) || c.Issuer == "":
		return ErrIssuer
	}
	return ErrAudience // all else was looked at
}
