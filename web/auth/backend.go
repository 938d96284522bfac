package auth

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// BackendOptions describe a backend.
type BackendOptions struct {
	// URL takes questions by POST. It may begin with http:// and have a private address: it is the operator's own. Its
	// password, if any, is sent as HTTP Basic authentication.
	URL string

	// Headers and Cookies name the parts of a request that the backend receives. With Authorization among the headers,
	// and without tokens, a Bearer credential that is not an API key belongs to the backend. Cookie is refused.
	Headers, Cookies []string

	Rate int // questions per second at most; 0: 500

	Client *http.Client // never follows redirects; nil: a plain one without a proxy
	Log    *slog.Logger // gets failures; nil: none
}

// Bounds of questions.
const (
	usualRate  = 500
	MaxAskRate = 100_000 // the most that BackendOptions.Rate may be
	places     = 64      // questions at once
)

// askPace bounds the time of a question.
type askPace struct {
	wait    time.Duration // for a turn and a place
	timeout time.Duration // for an answer
	most    time.Duration // until a request without a turn may come back
}

var usualAskPace = askPace{wait: 2 * time.Second, timeout: 2 * time.Second, most: time.Minute}

// Backend judges requests without credentials: their identity, and their rights to read. Its methods are safe for
// concurrent use.
//
// Equal questions share one request, and an answer counts for some seconds. Only a valid answer lets a request in.
type Backend struct {
	// Static.
	opts   BackendOptions
	shown  string // the URL without secrets
	client http.Client
	pace   askPace
	turns  *rate.Limiter // questions
	later  *rate.Limiter // times for requests without a turn to come back, one after the other
	places chan struct{}
	ctx    context.Context // ends with Close
	stop   context.CancelFunc

	flight  singleflight.Group
	answers remembered
	stats   askStats

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // calls of Ask whose questions go on; none begins once closed
}

// NewBackend returns a Backend, whose owner closes it. Nothing is asked yet.
func NewBackend(o BackendOptions) (*Backend, error) { return newBackend(o, usualAskPace) }

func newBackend(o BackendOptions, pace askPace) (*Backend, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "" {
		return nil, errors.New("the URL of the backend must be like https://app.example.org/authorize")
	}
	if o.Headers, err = checkNames(o.Headers, o.Cookies); err != nil {
		return nil, err
	}
	if o.Rate < 0 || o.Rate > MaxAskRate {
		return nil, fmt.Errorf("a rate of %d questions a second is out of range; allowed is 1 to %d", o.Rate, MaxAskRate)
	}
	o.Rate = cmp.Or(o.Rate, usualRate)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Backend{
		opts: o, shown: shownURL(u), pace: pace, places: make(chan struct{}, places),
		turns: rate.NewLimiter(rate.Limit(o.Rate), max(1, o.Rate/10)), later: rate.NewLimiter(rate.Limit(o.Rate), 1),
	}
	if o.Client != nil {
		b.client = *o.Client
	} else {
		b.client.Transport = &http.Transport{
			MaxIdleConnsPerHost: places, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
			DisableCompression: true,
		}
	}
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b, nil
}

// Close ends all questions; their requests are refused. It may be called on nil.
func (b *Backend) Close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.running.Wait()
	b.client.CloseIdleConnections()
}

// Remembers returns the answer to a question if it is remembered. The grant of a refusal is nil.
func (b *Backend) Remembers(q *Question) (g *Grant, known bool, err error) {
	a, known := b.answers.find(q.key, time.Now())
	if known {
		b.stats.remembered.Add(1)
	}
	return a.grant, known, a.err
}

// Ask asks a question. Equal questions at the same time share the answer.
//
// Errors: ErrLogin and ErrNotAllowed are refusals; *BackendError is everything else.
func (b *Backend) Ask(ctx context.Context, q *Question) (*Grant, error) {
	if q.text == nil || !b.begin() {
		return nil, &BackendError{Retry: retryAfter}
	}
	done := b.flight.DoChan(q.key, func() (any, error) {
		if a, known := b.answers.find(q.key, time.Now()); known { // since the caller looked
			b.stats.remembered.Add(1)
			return a, nil
		}
		a := b.ask(q.text)
		b.answers.add(q.key, a, time.Now())
		return a, nil
	})
	select {
	case result := <-done:
		b.running.Done()
		a := result.Val.(answer)
		return a.grant, a.err
	case <-ctx.Done(): // the question goes on: others may share its answer
		go func() { <-done; b.running.Done() }()
		return nil, &BackendError{Retry: retryAfter}
	}
}

// begin notes a call of Ask, unless the backend is closed.
func (b *Backend) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.running.Add(1)
	}
	return !b.closed
}

// ask waits for a turn and a place, and asks.
func (b *Backend) ask(text []byte) answer {
	ctx, cancel := context.WithTimeout(b.ctx, b.pace.wait)
	defer cancel()
	if err := b.turns.Wait(ctx); err != nil { // fails at once if the wait would be too long
		return b.busy()
	}
	select {
	case b.places <- struct{}{}:
		defer func() { <-b.places }()
	case <-ctx.Done():
		return b.busy()
	}
	begun := time.Now()
	a, err := b.post(text)
	b.stats.record(&a, err, time.Since(begun))
	if err != nil {
		b.warn(err)
		return answer{err: &BackendError{Retry: retryAfter}}
	}
	return a
}

// retryAfter is the time until a request may come back after a question without an answer.
const retryAfter = 5 * time.Second

// busy is the answer without a turn. Requests come back one after the other, at the rate of questions.
func (b *Backend) busy() answer {
	b.stats.busy.Add(1)
	turn := b.later.Reserve()
	wait := turn.Delay()
	if wait > b.pace.most {
		turn.Cancel()
		wait = b.pace.most
	}
	return answer{err: &BackendError{Busy: true, Retry: time.Second + wait}}
}

// post sends a question and reads the answer.
func (b *Backend) post(text []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(b.ctx, b.pace.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.opts.URL, bytes.NewReader(text))
	if err != nil {
		return answer{}, errors.New("the URL can't be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "rollcall")
	// net/http may send a question again if the backend has closed an idle connection. This header is not sent.
	req.Header["X-Idempotency-Key"] = nil
	res, err := b.client.Do(req)
	var body []byte
	if err == nil {
		defer res.Body.Close()
		body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	}
	var about *url.Error // its text has the URL, with its secrets
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return answer{}, fmt.Errorf("there was no answer within %v", b.pace.timeout)
	case errors.As(err, &about):
		return answer{}, about.Err
	case err != nil:
		return answer{}, err
	}
	a, err := readAnswer(res.StatusCode, res.Header, body, time.Now())
	if err != nil {
		return a, fmt.Errorf("the answer %w", err)
	}
	return a, nil
}

// warnEvery is the least time between two log lines about failures.
const warnEvery = 10 * time.Second

// warn logs that a question failed.
func (b *Backend) warn(why error) {
	if n, due := b.stats.warning(time.Now()); due && b.ctx.Err() == nil {
		b.opts.Log.Warn("the backend gave no valid answer; requests without credentials are refused",
			"url", b.shown, "reason", why, "failed", n)
	}
}

// BackendError says that a backend could not be asked, or gave no valid answer.
type BackendError struct {
	Busy  bool          // over the rate of questions
	Retry time.Duration // until the next attempt
}

func (e *BackendError) Error() string {
	if e.Busy {
		return "too many requests wait for the backend"
	}
	return "the backend gave no valid answer"
}

// quotedError is an error about a name.
func quotedError(name, what string) error { return errors.New(strconv.Quote(name) + " " + what) }
