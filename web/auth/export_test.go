package auth

import "time"

// What tests look at from outside.
const (
	MaxIdle = maxIdle * shards
	MaxJWKS = maxJWKS
)

// UsualPace is how often a key set is fetched.
var UsualPace = usualPace

// Asked is a pace at which unknown keys have the set fetched so often.
func Asked(between time.Duration) (p pace) {
	p = usualPace
	p.asked = between
	return p
}

// Refresh, Retry and Between are what a pace says.
func (p pace) Refresh() time.Duration { return p.refresh }
func (p pace) Retry() time.Duration   { return p.retry }
func (p pace) Between() time.Duration { return p.asked }

// NewVerifierAt is NewVerifier with a pace of its own.
func NewVerifierAt(o VerifierOptions, p pace) (*Verifier, error) { return newVerifier(o, p) }
