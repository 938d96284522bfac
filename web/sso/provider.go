package sso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// Bounds on the provider's answers.
const (
	answerTime  = 10 * time.Second
	answerBytes = 1 << 20
	headerBytes = 64 << 10
)

// Options describe a provider and this client of it.
type Options struct {
	Issuer       string // its URL: https, or http on this machine
	ClientID     string
	ClientSecret string   // "" for a public client
	RedirectURL  string   // where the provider sends the browser back to
	Scopes       []string // beside openid; nil is profile and email
	GroupsClaim  string   // "" is groups
}

// Provider is an OpenID Connect provider. Its methods are safe for concurrent use.
type Provider struct {
	opts   Options
	client *http.Client

	asking singleflight.Group
	found  atomic.Pointer[oidc.Provider] // nil until the first login
}

// New returns a provider. It sends nothing.
func New(o Options) (*Provider, error) {
	if err := CheckURL(o.Issuer); err != nil {
		return nil, fmt.Errorf("the issuer %w", err)
	}
	if o.ClientID == "" {
		return nil, errors.New("the client id is missing")
	}
	if err := CheckURL(o.RedirectURL); err != nil {
		return nil, fmt.Errorf("the address that the provider leads back to %w", err)
	}
	if o.Scopes == nil {
		o.Scopes = []string{"profile", "email"}
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	return &Provider{opts: o, client: &http.Client{
		Timeout: answerTime,
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: headerBytes,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") },
	}}, nil
}

// CheckURL returns what is wrong with the URL of an issuer, or one that browsers are led back to; nil for nothing.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must be a URL such as https://login.example.org")
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("must begin with https://, or with http:// and the name of this machine")
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Issuer returns the provider's URL.
func (p *Provider) Issuer() string { return p.opts.Issuer }

// ClientID is this client's name at the provider.
func (p *Provider) ClientID() string { return p.opts.ClientID }

// Host returns the part of the provider's URL that people recognize.
func (p *Provider) Host() string {
	u, _ := url.Parse(p.opts.Issuer) // it was checked
	return u.Host
}

// Same reports whether another provider has the same settings.
func (p *Provider) Same(other *Provider) bool {
	if p == nil || other == nil {
		return p == other
	}
	a, b := p.opts, other.opts
	same := slices.Equal(a.Scopes, b.Scopes)
	a.Scopes, b.Scopes = nil, nil
	return same && fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b)
}

// bounded limits the size of answers.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, answerBytes)
	}
	return response, err
}

// discover returns the provider's endpoints. Logins at the same time share one request.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	if found := p.found.Load(); found != nil {
		return found, nil
	}
	answer := p.asking.DoChan("", func() (any, error) {
		found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.opts.Issuer)
		if err == nil {
			p.found.Store(found)
		}
		return found, err
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
	case r := <-answer:
		if r.Err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, short(r.Err))
		}
		return r.Val.(*oidc.Provider), nil
	}
}

func (p *Provider) config(found *oidc.Provider) *oauth2.Config {
	var can struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	_ = found.Claims(&can) // without it, the usual method is used
	endpoint := found.Endpoint()
	// Trying both, as the library does on its own, would use a code up.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.opts.ClientSecret == "" || len(can.Methods) > 0 && !slices.Contains(can.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.opts.ClientID, ClientSecret: p.opts.ClientSecret, RedirectURL: p.opts.RedirectURL, Endpoint: endpoint,
		Scopes: append([]string{oidc.ScopeOpenID}, p.opts.Scopes...),
	}
}

// short returns the cause of an error, without what an answer contained.
func short(err error) error {
	var answered *oauth2.RetrieveError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &answered):
		if answered.ErrorCode != "" {
			return fmt.Errorf("the provider answered %q", clip(answered.ErrorCode))
		}
		return fmt.Errorf("the provider answered %d", answered.Response.StatusCode)
	case errors.As(err, &large):
		return fmt.Errorf("the provider's answer is larger than %d bytes", large.Limit)
	}
	return errors.New(clip(err.Error()))
}

// clip returns the beginning of a text of others.
func clip(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}
