package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// pace is how often a key set is fetched.
type pace struct {
	refresh time.Duration // after a successful fetch: the longest life of a revoked key
	retry   time.Duration // after one that did not
	asked   time.Duration // between two for unknown keys, however many are named
	timeout time.Duration // of one fetch, all of it
}

var usualPace = pace{refresh: 5 * time.Minute, retry: 30 * time.Second, asked: 10 * time.Second, timeout: 5 * time.Second}

// remoteKeys is a key set that one goroutine fetches: at once, from time to time, and when a token names an unknown
// key. The last successful fetch stays valid until the next one.
//
// Package jwkset decodes the keys. Its own client is not used, although its rate and, through an http.RoundTripper and
// a Storage, its sizes could be limited: while it fetches for one token, others with the same new key are refused, or
// queue for a fetch each, whereas these wait for the running one; one unreadable key invalidates the whole set; it
// waits as long after a failure as after a success; and its periodic fetches overlap with those for tokens, so that an
// older set may replace a newer one.
type remoteKeys struct {
	url    string
	shown  string // the url without a password, for logs
	client http.Client
	log    *slog.Logger
	pace   pace
	stop   context.CancelFunc
	done   chan struct{} // closed at the end of run

	set   atomic.Pointer[publicKeys]
	asked *rate.Limiter
	wake  chan struct{} // capacity one

	mu      sync.Mutex    // guards the fields below
	running chan struct{} // closed at the end of the running or next fetch, or nil
	state   JWKSState
}

// JWKSState is how the fetching of a key set goes.
type JWKSState struct {
	Keys     int       // that can be used
	Fetched  time.Time // when these were; zero: never
	Fetches  uint64    // how many were tried
	Failures uint64    // failed fetches
	Err      error     // the last fetch's error, nil if it succeeded
}

// JWKS returns the state of fetching the key set, or false without a key set.
func (v *Verifier) JWKS() (JWKSState, bool) {
	if v == nil || v.remote == nil {
		return JWKSState{}, false
	}
	v.remote.mu.Lock()
	defer v.remote.mu.Unlock()
	return v.remote.state, true
}

func newRemoteKeys(o VerifierOptions, pace pace) (*remoteKeys, error) {
	u, err := url.Parse(o.JWKSURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !LoopbackHost(u.Host)) {
		return nil, errors.New("the URL of a key set must begin with https://, or with http:// and the name of this machine")
	}
	r := &remoteKeys{
		url: o.JWKSURL, shown: shownURL(u), log: o.Log, pace: pace,
		done: make(chan struct{}), asked: rate.NewLimiter(rate.Every(pace.asked), 1),
		wake: make(chan struct{}, 1), running: make(chan struct{}),
	}
	r.set.Store(&publicKeys{})
	if p := o.Previous; p != nil && p.remote != nil && p.remote.url == r.url {
		r.set.Store(p.remote.set.Load())
		r.state.Keys = r.set.Load().count
	}
	if o.Log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if o.Client != nil {
		r.client = *o.Client
	} else {
		r.client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") }
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.run(ctx)
	return r, nil
}

func (r *remoteKeys) close() {
	r.stop()
	<-r.done
}

// find returns the keys for an algorithm with the given name. If there is none, it waits for a running fetch, or
// starts one if allowed.
func (r *remoteKeys) find(ctx context.Context, alg, kid string) ([]jwt.VerificationKey, error) {
	if keys := r.set.Load().find(alg, kid); len(keys) > 0 {
		return keys, nil
	}
	fetched := r.refresh(false)
	if fetched != nil {
		select {
		case <-fetched:
		case <-ctx.Done():
			return nil, ErrKeyLater
		case <-r.done:
			return nil, ErrKeyLater
		}
	}
	if keys := r.set.Load().find(alg, kid); len(keys) > 0 { // a fetch that has just ended counts too
		return keys, nil
	}
	if fetched == nil {
		return nil, ErrKeyLater
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Err != nil {
		return nil, ErrKeyLater
	}
	return nil, ErrKey
}

// refresh returns a channel that is closed when a fetch has ended: the running one, or one that it requests; nil if it
// is too soon for another. With force it is never too soon.
func (r *remoteKeys) refresh(force bool) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil && (force || r.asked.Allow()) {
		r.running = make(chan struct{})
		r.wake <- struct{}{} // has room: this is its only sender
	}
	return r.running
}

// run fetches until ctx ends.
func (r *remoteKeys) run(ctx context.Context) {
	defer close(r.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-r.wake:
		}
		r.begin()
		set, err := r.fetch(ctx)
		if ctx.Err() != nil {
			return // waiting callers see done
		}
		r.end(set, err)
		wait := r.pace.refresh
		if err != nil {
			wait = r.pace.retry
		}
		timer.Reset(wait - rand.N(wait/10)) // not all servers at the same time
	}
}

// begin makes later callers wait for this fetch.
func (r *remoteKeys) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		r.running = make(chan struct{})
	}
	select {
	case <-r.wake: // this fetch serves the request
	default:
	}
}

// end stores the fetched set and releases the waiting callers.
func (r *remoteKeys) end(set *publicKeys, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := r.state.Err != nil
	r.state.Fetches++
	if r.state.Err = err; err != nil {
		r.state.Failures++
		r.log.Warn("the key set could not be fetched; the last one stays in use", "url", r.shown, "keys", r.state.Keys, "error", err)
	} else {
		r.state.Keys, r.state.Fetched = set.count, time.Now()
		r.set.Store(set)
		if failed {
			r.log.Info("the key set was fetched again", "url", r.shown, "keys", set.count)
		}
	}
	close(r.running)
	r.running = nil
}

// fetch asks for the key set.
func (r *remoteKeys) fetch(ctx context.Context) (*publicKeys, error) {
	ctx, cancel := context.WithTimeout(ctx, r.pace.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	request.Close = true // the next one is minutes away
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer has the status %d", response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxJWKS+1)) // as decompressed
	if err != nil {
		return nil, err
	}
	return parseJWKS(text)
}

// shownURL returns the URL for logs: without a password and the values of its query.
func shownURL(u *url.URL) string {
	shown := *u
	if shown.RawQuery != "" {
		shown.RawQuery = "…"
	}
	return shown.Redacted()
}
