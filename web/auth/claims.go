package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// Limits on a token's claims.
const (
	maxSubject  = 255     // bytes of a clientId
	maxInfo     = 1 << 10 // bytes of JSON
	maxPatterns = 1000    // in one list
	// maxAhead is how far the clock of an issuer may be ahead in iat. Nothing hangs
	// on it; a token from farther ahead is from a clock that can't be believed.
	maxAhead = 5 * time.Minute
)

// claims are the recognised claims, by their exact names. A repeated name makes a token malformed, because its issuer
// might use the other one.
type claims struct {
	Issuer    string           `json:"iss,omitzero"`
	Subject   string           `json:"sub,omitzero"`
	Audience  jwt.ClaimStrings `json:"aud,omitempty"`
	Expires   *numericDate     `json:"exp,omitzero"`
	NotBefore *numericDate     `json:"nbf,omitzero"`
	IssuedAt  *numericDate     `json:"iat,omitzero"`
	Info      jsontext.Value   `json:"info,omitzero"`
	Channels  claimedChannels  `json:"channels,omitzero"`
}

// claimedChannels are patterns.
type claimedChannels struct {
	Subscribe []string `json:"subscribe,omitzero"`
	Publish   []string `json:"publish,omitzero"`
}

// UnmarshalJSON reads claims strictly: exact names, each once, valid UTF-8.
func (c *claims) UnmarshalJSON(text []byte) error {
	type plain claims
	err := strict.Unmarshal(text, (*plain)(c))
	var wrong *strict.SemanticError
	if errors.As(err, &wrong) {
		return kindError(wrong.JSONPointer)
	}
	return err
}

// claimKinds is the required kind of each claim's value.
var claimKinds = map[string]string{
	"iss": "a string", "sub": "a string, also for users with numbers", "aud": "a string or a list of strings",
	"exp": "a number of seconds since 1970", "nbf": "a number of seconds since 1970", "iat": "a number of seconds since 1970",
	"channels":           `an object such as {"subscribe":["news"]}`,
	"channels.subscribe": "a list of strings", "channels.publish": "a list of strings",
}

// claimKindError names a claim whose value is of the wrong kind, or a number out of range.
type claimKindError struct{ text string }

func (e *claimKindError) Error() string { return ErrClaims.Error() + ": " + e.text }
func (e *claimKindError) Unwrap() error { return ErrClaims }

// kindError returns the error about the claim at a place in the token.
func kindError(at jsontext.Pointer) error {
	name := ""
	for token := range at.Tokens() {
		deeper := strings.TrimPrefix(name+"."+token, ".")
		if claimKinds[deeper] == "" {
			break // a place in a list
		}
		name = deeper
	}
	if name == "" {
		return &claimKindError{"they must be an object"}
	}
	return &claimKindError{name + " must be " + claimKinds[name]}
}

// The methods of [jwt.Claims].
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.Expires.library(), nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.NotBefore.library(), nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt.library(), nil }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.Audience, nil }

// grant returns the grant of claims that were verified.
func (c *claims) grant(leeway time.Duration) (*Grant, error) {
	if c.IssuedAt != nil && time.Until(c.IssuedAt.Time) > maxAhead {
		return nil, ErrNotYet
	}
	if err := checkSubject(c.Subject); err != nil {
		return nil, fmt.Errorf("%w: sub %w", ErrClaims, err)
	}
	info, err := compactInfo(c.Info)
	if err != nil {
		return nil, fmt.Errorf("%w: info %w", ErrClaims, err)
	}
	g := &Grant{
		Kind: Token, Name: c.Subject, ClientID: c.Subject, identity: "token:" + c.Subject,
		Info: info, Expires: c.Expires.Add(leeway),
	}
	if g.subscribe, err = claimedPatterns("subscribe", c.Channels.Subscribe); err != nil {
		return nil, err
	}
	if g.publish, err = claimedPatterns("publish", c.Channels.Publish); err != nil {
		return nil, err
	}
	g.history, g.presence = g.subscribe, g.subscribe
	return g, nil
}

// checkSubject holds a subject to the rules of a clientId, as the end of a sentence.
func checkSubject(sub string) error {
	if sub == "" || len(sub) > maxSubject || !utf8.ValidString(sub) || strings.ContainsFunc(sub, unicode.IsControl) {
		return fmt.Errorf("must be 1 to %d bytes of UTF-8 without control characters", maxSubject)
	}
	return nil
}

// compactInfo returns info on one line, nil for none.
func compactInfo(info []byte) ([]byte, error) {
	if len(info) == 0 || string(info) == "null" {
		return nil, nil
	}
	var out bytes.Buffer
	if !utf8.Valid(info) || json.Compact(&out, info) != nil || out.Bytes()[0] != '{' || out.Len() > maxInfo {
		return nil, fmt.Errorf("must be a JSON object of at most %d bytes", maxInfo)
	}
	return out.Bytes(), nil
}

// claimedPatterns reads a list of patterns. Its errors name a place, not the text.
func claimedPatterns(list string, texts []string) (Patterns, error) {
	if len(texts) > maxPatterns {
		return nil, fmt.Errorf("%w: channels.%s has more than %d patterns", ErrClaims, list, maxPatterns)
	}
	patterns := make(Patterns, len(texts))
	for i, text := range texts {
		p, err := ParsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("%w: channels.%s[%d] is not a pattern", ErrClaims, list, i)
		}
		patterns[i] = p
	}
	return patterns, nil
}

// numericDate is a time in JSON: seconds since 1970.
type numericDate struct{ time.Time }

// maxSeconds is the end of the year 9999. Farther away, times no longer compare.
const maxSeconds = 253_402_300_799

// UnmarshalJSON reads a number.
func (d *numericDate) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := strict.Unmarshal(text, &seconds); err != nil {
		return err
	}
	if seconds < 0 || seconds > maxSeconds {
		return fmt.Errorf("out of range")
	}
	d.Time = time.Unix(int64(seconds), 0)
	return nil
}

// MarshalJSON writes whole seconds.
func (d numericDate) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%d", d.Unix()), nil }

func (d *numericDate) library() *jwt.NumericDate {
	if d == nil {
		return nil
	}
	return &jwt.NumericDate{Time: d.Time}
}
