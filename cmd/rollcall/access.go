package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"rollcall/web/auth"
)

// AccessFlags are the settings for credentials and rights.
type AccessFlags struct {
	APIKey           []string       `group:"access" name:"api-key" sep:"none" placeholder:"LINE" help:"Accept the API key that this line describes; \"rollcall key new\" makes a key and its line. May be repeated."`
	APIKeys          string         `group:"access" name:"api-keys" placeholder:"FILE" help:"Read such lines from this file. Changes take effect at run time."`
	AdminKeys        string         `group:"access" name:"admin-keys" placeholder:"FILE" help:"Keep the API keys that operators make in the admin UI in this file, as hashes, and accept them. Changes of the file take effect at run time."`
	JWTSecret        string         `group:"access" name:"jwt-secret" placeholder:"SECRET" help:"Accept subscribers' tokens signed with this secret of at least 32 bytes (HS256). Better set in a file or the environment."`
	JWTPublicKey     []string       `group:"access" name:"jwt-public-key" placeholder:"FILE" help:"Accept tokens signed with the private key of a public key or certificate in this PEM file (RS256, ES256, EdDSA)."`
	JWKSURL          string         `group:"access" name:"jwks-url" placeholder:"URL" help:"Accept tokens signed with a key of the key set at this URL."`
	JWTIssuer        string         `group:"access" name:"jwt-issuer" placeholder:"NAME" help:"Accept only tokens with this issuer (iss)."`
	JWTAudience      string         `group:"access" name:"jwt-audience" placeholder:"NAME" help:"Accept only tokens with this audience (aud)."`
	JWTLeeway        Duration       `group:"access" name:"jwt-leeway" default:"5s" placeholder:"DURATION" help:"Accepted clock difference between this server and the issuers of tokens."`
	TokenCookie      string         `group:"access" placeholder:"NAME" help:"Also accept a token from this cookie, for an EventSource, which can't send headers."`
	Anonymous        []auth.Pattern `group:"access" placeholder:"PATTERNS" help:"Channels that may be read without credentials, such as public.>"`
	AuthorizeURL     string         `group:"access" name:"authorize-url" placeholder:"URL" help:"Ask this backend about requests that read without a key or token: who they are, and what they may read. See docs/authorize.md."`
	AuthorizeHeaders []string       `group:"access" placeholder:"NAMES" help:"Headers of the request that the backend is told, such as Accept-Language. Without it: none."`
	AuthorizeCookies []string       `group:"access" placeholder:"NAMES" help:"Cookies of the request that the backend is told, such as session. Without it: none."`
	AuthorizeRate    int            `group:"access" default:"500" placeholder:"N" help:"Most questions to the backend per second; requests beyond that are asked to come back later."`
	Insecure         bool           `group:"access" help:"Serve other machines without credentials: every request is permitted."`
	TrustedProxy     []string       `group:"access" placeholder:"CIDR" help:"Trust X-Forwarded-For and Forwarded from this proxy or network. unix: trust all connections to a socket file."`

	AddressConnections  int     `group:"limits" default:"0" placeholder:"N" help:"Open streams per address. 0 means no limit, as for all of these."`
	AddressConnects     float64 `group:"limits" default:"0" placeholder:"RATE" help:"New streams per address and second; twice as many at once after a pause."`
	AddressPublishes    float64 `group:"limits" default:"0" placeholder:"RATE" help:"Publish requests per address and second; twice as many at once after a pause."`
	AddressBytes        Size    `group:"limits" default:"0" placeholder:"SIZE" help:"Published bytes per address and second; twice as many at once after a pause."`
	AddressFailures     int     `group:"limits" default:"30" placeholder:"N" help:"Refused credentials per address and minute; beyond that, all its credentials are refused for a while."`
	IdentityConnections int     `group:"limits" default:"0" placeholder:"N" help:"Open streams per key or token subject."`
	IdentityConnects    float64 `group:"limits" default:"0" placeholder:"RATE" help:"New streams per key or subject and second; twice as many at once after a pause."`
	IdentityPublishes   float64 `group:"limits" default:"0" placeholder:"RATE" help:"Publish requests per key or subject and second; twice as many at once after a pause."`
	IdentityBytes       Size    `group:"limits" default:"0" placeholder:"SIZE" help:"Published bytes per key or subject and second; twice as many at once after a pause."`
}

// open reports whether no credentials are configured.
func (a *AccessFlags) open() bool {
	return len(a.APIKey) == 0 && a.APIKeys == "" && a.AdminKeys == "" && !a.takesTokens() && len(a.Anonymous) == 0 && a.AuthorizeURL == ""
}

func (a *AccessFlags) takesTokens() bool {
	return a.JWTSecret != "" || len(a.JWTPublicKey) > 0 || a.JWKSURL != ""
}

// check reports errors in the settings, including the files that they name.
func (a *AccessFlags) check(p *problems) {
	if keys, err := a.keys(); err != nil {
		p.errs = append(p.errs, err)
	} else if _, err := auth.New(auth.Options{Keys: keys}); err != nil {
		p.add("api-key", "%v", err)
	}
	if a.AdminKeys != "" {
		if _, err := auth.OpenKeyFile(a.AdminKeys); err != nil {
			p.add("admin-keys", "%v", err)
		}
	}
	a.checkTokens(p)
	a.checkBackend(p)
	if _, err := auth.ParseTrusted(a.TrustedProxy...); err != nil {
		p.add("trusted-proxy", "%v", err)
	}
	if !a.takesTokens() {
		for name, set := range map[string]bool{"jwt-issuer": a.JWTIssuer != "", "jwt-audience": a.JWTAudience != "", "token-cookie": a.TokenCookie != ""} {
			if set {
				p.add(name, "it concerns tokens, but no tokens are accepted; set jwt-secret, jwt-public-key or jwks-url too")
			}
		}
	}
	within(p, "jwt-leeway", a.JWTLeeway, 0, Duration(10*time.Minute))
	for name, n := range map[string]int{"address-connections": a.AddressConnections, "address-failures": a.AddressFailures, "identity-connections": a.IdentityConnections} {
		within(p, name, n, 0, 100_000_000)
	}
	for name, x := range map[string]float64{"address-connects": a.AddressConnects, "address-publishes": a.AddressPublishes,
		"identity-connects": a.IdentityConnects, "identity-publishes": a.IdentityPublishes} {
		if !(x >= 0 && x <= 1e9) {
			p.add(name, "%v is out of range; allowed is 0 to 1e9", x)
		}
	}
	within(p, "address-bytes", a.AddressBytes, 0, 1*tib)
	within(p, "identity-bytes", a.IdentityBytes, 0, 1*tib)
}

// checkTokens reports errors in the settings for tokens, each under its name. It fetches nothing.
func (a *AccessFlags) checkTokens(p *problems) {
	o, err := a.verifierOptions(nil, nil)
	if err != nil {
		p.errs = append(p.errs, err)
	}
	nowhere := &http.Client{Transport: http.NewFileTransport(http.Dir(os.DevNull))}
	for name, only := range map[string]auth.VerifierOptions{
		"jwt-secret": {Secret: o.Secret}, "jwks-url": {JWKSURL: o.JWKSURL, PublicKeys: o.PublicKeys, Client: nowhere},
	} {
		if only.Secret == nil && only.JWKSURL == "" {
			continue
		}
		v, err := auth.NewVerifier(only)
		if err != nil {
			p.add(name, "%v", err)
			continue
		}
		v.Close()
	}
	if a.TokenCookie != "" && (&http.Cookie{Name: a.TokenCookie, Value: "x"}).Valid() != nil {
		p.add("token-cookie", "%q is not a cookie's name", a.TokenCookie)
	}
}

// checkBackend reports errors in the settings for the backend, each under its name. It sends no request.
func (a *AccessFlags) checkBackend(p *problems) {
	within(p, "authorize-rate", a.AuthorizeRate, 1, auth.MaxAskRate)
	if a.AuthorizeURL == "" {
		for name, set := range map[string]bool{"authorize-headers": len(a.AuthorizeHeaders) > 0, "authorize-cookies": len(a.AuthorizeCookies) > 0} {
			if set {
				p.add(name, "it concerns the backend that is asked; set authorize-url too")
			}
		}
	}
	const anywhere = "http://127.0.0.1"
	for name, only := range map[string]auth.BackendOptions{
		"authorize-url":     {URL: cmp.Or(a.AuthorizeURL, anywhere)},
		"authorize-headers": {URL: anywhere, Headers: a.AuthorizeHeaders},
		"authorize-cookies": {URL: anywhere, Cookies: a.AuthorizeCookies},
	} {
		if b, err := auth.NewBackend(only); err != nil {
			p.add(name, "%v", err)
		} else {
			b.Close()
		}
	}
}

// backendOptions returns the options of the backend.
func (a *AccessFlags) backendOptions(log *slog.Logger) auth.BackendOptions {
	return auth.BackendOptions{URL: a.AuthorizeURL, Headers: a.AuthorizeHeaders, Cookies: a.AuthorizeCookies, Rate: a.AuthorizeRate, Log: log}
}

// keys reads the API keys.
func (a *AccessFlags) keys() ([]auth.Key, error) {
	var keys []auth.Key
	for _, line := range a.APIKey {
		some, err := auth.ParseKeys(line)
		if err != nil {
			return nil, fmt.Errorf("--api-key: %w", err)
		}
		keys = append(keys, some...)
	}
	if a.APIKeys != "" {
		text, err := os.ReadFile(a.APIKeys)
		if err != nil {
			return nil, fmt.Errorf("--api-keys: %w", err)
		}
		some, err := auth.ParseKeys(string(text))
		if err != nil {
			return nil, fmt.Errorf("--api-keys: %s: %w", a.APIKeys, err)
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

// verifierOptions returns the options of the token verifier. previous is the verifier in use, or nil.
func (a *AccessFlags) verifierOptions(log *slog.Logger, previous *auth.Verifier) (auth.VerifierOptions, error) {
	o := auth.VerifierOptions{JWKSURL: a.JWKSURL, Issuer: a.JWTIssuer, Audience: a.JWTAudience,
		Leeway: time.Duration(a.JWTLeeway), Previous: previous, Log: log}
	if a.JWTSecret != "" {
		o.Secret = []byte(a.JWTSecret)
	}
	if o.Leeway == 0 {
		o.Leeway = -1
	}
	for _, path := range a.JWTPublicKey {
		text, err := os.ReadFile(path)
		if err != nil {
			return o, fmt.Errorf("--jwt-public-key: %w", err)
		}
		keys, err := auth.ParsePublicKeys(text)
		if err != nil {
			return o, fmt.Errorf("--jwt-public-key: %s %w", path, err)
		}
		o.PublicKeys = append(o.PublicKeys, keys...)
	}
	return o, nil
}

// options returns the access rules, with a new verifier and a new backend that the caller closes. previous is the
// verifier in use, or nil.
func (a *AccessFlags) options(log *slog.Logger, previous *auth.Verifier) (*auth.Options, error) {
	if a.open() {
		return &auth.Options{Open: true}, nil
	}
	keys, err := a.keys()
	if err != nil {
		return nil, err
	}
	o := &auth.Options{Keys: keys, Anonymous: slices.Clone(a.Anonymous), TokenCookie: a.TokenCookie}
	if a.takesTokens() {
		settings, err := a.verifierOptions(log, previous)
		if err != nil {
			return nil, err
		}
		if o.Verifier, err = auth.NewVerifier(settings); err != nil {
			return nil, fmt.Errorf("tokens: %w", err)
		}
	}
	if a.AuthorizeURL != "" {
		if o.Backend, err = auth.NewBackend(a.backendOptions(log)); err != nil {
			o.Verifier.Close()
			return nil, fmt.Errorf("authorize: %w", err)
		}
	}
	if _, err := auth.New(*o); err != nil {
		o.Verifier.Close()
		o.Backend.Close()
		return nil, err
	}
	return o, nil
}

func (a *AccessFlags) limits() (address, identity auth.Limits) {
	address = auth.Limits{ConnectsPerSecond: a.AddressConnects, PublishesPerSecond: a.AddressPublishes,
		BytesPerSecond: float64(a.AddressBytes), Connections: a.AddressConnections, FailedAuth: a.AddressFailures}
	identity = auth.Limits{ConnectsPerSecond: a.IdentityConnects, PublishesPerSecond: a.IdentityPublishes,
		BytesPerSecond: float64(a.IdentityBytes), Connections: a.IdentityConnections}
	return address, identity
}

// errOpen is why a server that others can reach does not start without credentials.
var errOpen = errors.New(`other machines reach this address, and there are no credentials: anybody could publish, subscribe and see who is online.

Make a key for your backend, and give the server the line that this prints last:

    rollcall key new --name backend --allow publish,subscribe,history,presence,admin --channels '>'
    rollcall serve --listen ADDRESS --api-key 'name=backend allow=... channels=> hash=sha256:...'

Or take subscribers' tokens (--jwt-secret, --jwt-public-key, --jwks-url), or ask your backend (--authorize-url), or listen on 127.0.0.1. --insecure serves everybody all the same`)
