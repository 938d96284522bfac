package auth

import "time"

// What tests look at from outside.
const (
	MaxIdle = maxIdle * shards
	MaxJWKS = maxJWKS
)

// UsualPace is how often a key set is fetched.
var UsualPace = usualPace

// AskedEvery is a pace at which unknown keys have the set fetched so often.
func AskedEvery(between time.Duration) (p pace) {
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

// AskPace limits a question's wait for its turn, and for an answer.
func AskPace(wait, timeout time.Duration) (p askPace) {
	return askPace{wait: wait, timeout: timeout, most: usualAskPace.most}
}

// UsualAskPace is how long questions wait.
var UsualAskPace = usualAskPace

// NewBackendAt is NewBackend with a pace of its own.
func NewBackendAt(o BackendOptions, p askPace) (*Backend, error) { return newBackend(o, p) }

// Places is how many questions are asked at once.
const Places = places

// Wait, Timeout and Most are what an askPace says.
func (p askPace) Wait() time.Duration    { return p.wait }
func (p askPace) Timeout() time.Duration { return p.timeout }
func (p askPace) Most() time.Duration    { return p.most }
