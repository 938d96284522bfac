package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// RemoteFlags name a running server and the caller's credentials. Every client command has them.
type RemoteFlags struct {
	Server      string   `group:"remote" default:"http://127.0.0.1:9090" placeholder:"URL" help:"The server's base URL, or unix:/path of its socket file."`
	Key         string   `group:"remote" placeholder:"KEY" help:"API key to send. Better set in the environment: other users can see command lines."`
	Token       string   `group:"remote" placeholder:"TOKEN" help:"Token to send instead of a key."`
	CA          string   `group:"remote" name:"ca" placeholder:"FILE" help:"Trust servers whose certificate is signed by one in this PEM file."`
	InsecureTLS bool     `group:"remote" name:"insecure-tls" help:"Trust any certificate, such as that of \"serve --tls-dev\". Anyone in between can then read the traffic."`
	Timeout     Duration `group:"remote" default:"30s" placeholder:"DURATION" help:"The longest wait for an answer, or for the start of a stream."`
	JSON        bool     `group:"remote" name:"json" help:"Print JSON, one object per line."`

	base   string // the URL without a slash at its end
	client *http.Client
}

// AfterApply checks the flags and makes the client.
func (r *RemoteFlags) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	within(p, "timeout", r.Timeout, Duration(time.Millisecond), Duration(time.Hour))
	if r.Key != "" && r.Token != "" {
		p.add("key", "a request has only one credential; remove the key or the token")
	}
	for name, value := range map[string]string{"key": r.Key, "token": r.Token} {
		if strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			p.add(name, "it has a space or another invalid character")
		}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSClientConfig: r.trust(p)}
	if path, ok := strings.CutPrefix(r.Server, unixPrefix); ok {
		transport.Proxy = nil
		transport.DialContext = dialSocket(path)
		r.base = "http://localhost"
	} else if u, err := url.Parse(r.Server); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		p.add("server", "%q is not a server; write for example http://127.0.0.1:9090, https://example.org/events or unix:/run/rollcall.sock", r.Server)
	} else {
		r.base = strings.TrimRight(r.Server, "/")
	}
	r.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // credentials go nowhere else
	}
	return p.err()
}

// dialSocket connects to a unix socket, ignoring the address.
func dialSocket(path string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}

// trust returns the TLS settings for accepted certificates, nil for those of the system.
func (r *RemoteFlags) trust(p *problems) *tls.Config {
	config := &tls.Config{InsecureSkipVerify: r.InsecureTLS}
	if r.CA != "" {
		text, err := os.ReadFile(r.CA)
		config.RootCAs = x509.NewCertPool()
		if err != nil {
			p.add("ca", "%v", err)
		} else if !config.RootCAs.AppendCertsFromPEM(text) {
			p.add("ca", "%s has no certificate in PEM", r.CA)
		}
	}
	return config
}

// statusUnreachable is the exit code of a command that got no answer.
const statusUnreachable = 4

// errUnreachable is in the error of a request that got no answer. It has an exit code of its own.
var errUnreachable = errors.New("the server can't be reached")

// refusedError is an answer that is no success.
type refusedError struct {
	Status               int
	Code, Message, Field string        // of Rollcall's own errors; otherwise Message is the answer's text
	After                time.Duration // of Retry-After; 0 without
}

func (r *refusedError) Error() string {
	text := r.text()
	if r.Status == http.StatusUnauthorized {
		text += "; set ROLLCALL_KEY or ROLLCALL_TOKEN, or use --key or --token"
	}
	return text
}

// text returns the server's message.
func (r *refusedError) text() string {
	switch {
	case r.Code == "":
		return fmt.Sprintf("the server answered %d %s: %s", r.Status, http.StatusText(r.Status), printable(r.Message))
	case r.Field != "":
		return fmt.Sprintf("%s (%s, field %s)", printable(r.Message), printable(r.Code), printable(r.Field))
	}
	return fmt.Sprintf("%s (%s)", printable(r.Message), printable(r.Code))
}

// busy reports whether the same request may succeed later.
func (r *refusedError) busy() bool { return r.Status == http.StatusTooManyRequests || r.Status >= 500 }

// refused reads the error in an answer.
func refused(answer *http.Response) error {
	r := &refusedError{Status: answer.StatusCode}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		r.After = time.Duration(min(seconds, 86400)) * time.Second
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var body struct {
		Error struct{ Code, Message, Field string } `json:"error"`
	}
	if json.Unmarshal(text, &body) == nil && body.Error.Code != "" {
		r.Code, r.Message, r.Field = body.Error.Code, body.Error.Message, body.Error.Field
		return r
	}
	r.Message = "the answer is not from Rollcall; a proxy may be in between, or --server may be wrong"
	if to := answer.Header.Get("Location"); to != "" {
		r.Message = fmt.Sprintf("it redirects to %s, which is not followed; --server may have to be that", to)
	}
	return r
}

// call makes a request within the timeout and decodes the answer into result, unless that is nil. The errors are a
// *refusedError, or errUnreachable with the reason.
func (r *RemoteFlags) call(ctx context.Context, method, path string, query url.Values, body, result any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(r.Timeout), fmt.Errorf("no answer within %v", r.Timeout))
	defer cancel()
	answer, err := r.send(ctx, method, path, query, body, "")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if result == nil {
		return nil
	}
	return decodeAnswer(answer.Body, result)
}

// decodeAnswer decodes the body of an answer into result.
func decodeAnswer(body io.Reader, result any) error {
	if err := json.NewDecoder(body).Decode(result); err != nil {
		return fmt.Errorf("%w: the answer can't be read: %w", errUnreachable, err)
	}
	return nil
}

// encoded is a body that is JSON already.
type encoded []byte

// send makes a request and returns its answer, if that is a success; the caller closes it. lastID, if not empty, is
// the position from which a stream resumes.
func (r *RemoteFlags) send(ctx context.Context, method, path string, query url.Values, body any, lastID string) (*http.Response, error) {
	var sent io.Reader
	form := "application/json"
	switch body := body.(type) {
	case nil:
		form = ""
	case encoded:
		sent = bytes.NewReader(body)
	default:
		buffer := new(bytes.Buffer)
		encoder := json.NewEncoder(buffer)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(body); err != nil {
			return nil, err
		}
		sent = buffer
	}
	request, err := r.request(ctx, method, path, query, sent, form)
	if err != nil {
		return nil, err
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	return r.do(request)
}

// request makes a request with the caller's credentials. form is the type of the body.
func (r *RemoteFlags) request(ctx context.Context, method, path string, query url.Values, body io.Reader, form string) (*http.Request, error) {
	address := r.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	r.sign(request.Header)
	if form != "" {
		request.Header.Set("Content-Type", form)
	}
	return request, nil
}

// do makes a request and returns its answer, if that is a success; the caller closes it.
func (r *RemoteFlags) do(request *http.Request) (*http.Response, error) {
	answer, err := r.client.Do(request)
	if err != nil {
		if cause := context.Cause(request.Context()); cause != nil {
			err = cause
		}
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the URL, which may be long
		}
		return nil, fmt.Errorf("%w at %s: %w", errUnreachable, r.Server, err)
	}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		return nil, refused(answer)
	}
	return answer, nil
}

// sign adds the credentials to a request's head.
func (r *RemoteFlags) sign(h http.Header) {
	h.Set("User-Agent", "rollcall/"+versionName())
	if r.Key != "" {
		h.Set("X-API-Key", r.Key)
	}
	if r.Token != "" {
		h.Set("Authorization", "Bearer "+r.Token)
	}
}

// pages calls each with the pages of a list, by their cursors. Each is decoded into page, and next returns the cursor
// of the following one.
func (r *RemoteFlags) pages(ctx context.Context, path string, query url.Values, page any, each func() (next string, err error)) error {
	query.Set("limit", "1000")
	for {
		if err := r.call(ctx, http.MethodGet, path, query, nil, page); err != nil {
			return err
		}
		next, err := each()
		if err != nil || next == "" {
			return err
		}
		query.Set("cursor", next)
	}
}
