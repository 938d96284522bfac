package hooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// answerBytes is how much of an answer is read; the rest is cut off.
const answerBytes = 16 << 10

// errPrivate is the error of an endpoint whose name leads to an address that it may not have.
var errPrivate = errors.New("its address is not a public one; set allow-private if that is meant")

// newClient returns the HTTP client for an endpoint. If private addresses are not allowed, the dialled address is
// checked, after name resolution: a name that resolves differently the second time gains nothing. No proxy is used,
// because it would dial instead of us.
func newClient(allowPrivate bool, roots *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !allowPrivate {
		guard := ssrf.New(ssrf.WithAnyPort())
		dialer.Control = guard.Safe
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: roots, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Answer is the result of one attempt.
type Answer struct {
	Status int // 0 without an answer
	Err    string
	Took   time.Duration
	After  time.Duration // the endpoint's Retry-After; 0 if absent
}

// OK reports whether the endpoint accepted the message.
func (a *Answer) OK() bool { return a.Err == "" }

// post sends a message once.
func post(ctx context.Context, client *http.Client, e *Endpoint, id string, body []byte, timeout time.Duration) (a Answer) {
	begun := time.Now()
	defer func() { a.Took = time.Since(begun) }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{Err: "the URL can't be used"}
	}
	signature, err := sign(e.Secrets, id, begun, body)
	if err != nil {
		return Answer{Err: err.Error()}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "rollcall")
	req.Header.Set(webhooks.HeaderWebhookID, id)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(begun.Unix(), 10))
	req.Header.Set(webhooks.HeaderWebhookSignature, signature)
	res, err := client.Do(req)
	if err != nil {
		return Answer{Err: reason(err, timeout)}
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerBytes)) // only the status counts
	a.Status = res.StatusCode
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
	case res.StatusCode >= 300 && res.StatusCode < 400:
		a.Err = fmt.Sprintf("it answered %s; redirects are not followed", res.Status)
	default:
		a.Err = "it answered " + res.Status
		if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
			a.After = time.Duration(min(seconds, 3600)) * time.Second
		}
	}
	return a
}

// sign returns the signatures of a message, one with each secret.
func sign(secrets []string, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		hook, err := webhooks.NewWebhook(secret)
		if err == nil {
			signatures[i], err = hook.Sign(id, at, body)
		}
		if err != nil {
			return "", errors.New("the secret can't be used")
		}
	}
	return strings.Join(signatures, " "), nil
}

// reason says why a request failed, without the URL, which may contain a secret.
func reason(err error, timeout time.Duration) string {
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedNetwork):
		return errPrivate.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", timeout)
	case errors.As(err, &cert):
		return "its certificate is not trusted: " + cert.Err.Error()
	case errors.As(err, &dns):
		return "its name was not found"
	case errors.As(err, &op):
		return op.Op + " failed: " + op.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke before an answer"
	}
	return "the request failed"
}
