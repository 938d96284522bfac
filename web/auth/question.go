package auth

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"

	strict "github.com/go-json-experiment/json"
	"golang.org/x/net/http/httpguts"
)

// Question describes a request without credentials to a backend.
type Question struct {
	Channels   []string          `json:"channels"`   // names and patterns; empty if the request has none
	ClientID   string            `json:"clientId"`   // requested; "" for none
	RemoteAddr string            `json:"remoteAddr"` // without a port
	Headers    map[string]string `json:"headers"`    // the listed ones; values of one name are joined
	Cookies    map[string]string `json:"cookies"`    // the listed ones; the first of each name

	text []byte // JSON; nil if it can't be written
	key  string // hash of text
}

// Question returns the question about a request.
func (b *Backend) Question(r *http.Request, channels []string, clientID, remoteAddr string) *Question {
	q := &Question{
		Channels: append([]string{}, channels...), ClientID: clientID, RemoteAddr: remoteAddr,
		Headers: map[string]string{}, Cookies: map[string]string{},
	}
	for _, name := range b.opts.Headers {
		if values := r.Header[name]; len(values) > 0 {
			q.Headers[name] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
		}
	}
	for _, name := range b.opts.Cookies {
		if found := r.CookiesNamed(name); len(found) > 0 {
			q.Cookies[name] = strings.ToValidUTF8(found[0].Value, "\uFFFD")
		}
	}
	if text, err := strict.Marshal(q, strict.Deterministic(true)); err == nil {
		sum := sha256.Sum256(text)
		q.text, q.key = text, string(sum[:])
	}
	return q
}

// checkNames checks the names of headers and cookies, and returns the canonical names of the headers.
func checkNames(headers, cookies []string) ([]string, error) {
	names := make([]string, len(headers))
	for i, name := range headers {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, quotedError(name, "is not the name of a header")
		}
		if names[i] = http.CanonicalHeaderKey(name); names[i] == "Cookie" {
			return nil, quotedError(name, "has all cookies; name those that the backend needs among the cookies")
		}
		if names[i] == "Host" {
			return nil, quotedError(name, "is not passed on")
		}
	}
	for _, name := range cookies {
		if (&http.Cookie{Name: name, Value: "x"}).Valid() != nil {
			return nil, quotedError(name, "is not the name of a cookie")
		}
	}
	return names, nil
}

// asks reports whether the backend receives this header.
func (b *Backend) asks(header string) bool {
	return b != nil && slices.Contains(b.opts.Headers, header)
}
