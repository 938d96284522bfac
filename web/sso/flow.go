package sso

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// The errors of a login. Others are the provider's, or wrong tokens.
var (
	ErrUnreachable = errors.New("the login provider can't be reached")
	ErrState       = errors.New("the answer belongs to another login")
	ErrDeclined    = errors.New("the login provider has declined")
	ErrToken       = errors.New("the provider's token is refused")
)

// Flow is a login under way. It is a secret of the browser that began it.
type Flow struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE
}

// User is a logged-in user of the provider.
type User struct {
	Subject string // issuer and subject: never another user's
	Name    string // preferred_username, else email, else the subject: printable, at most 128 bytes
	Groups  []string
}

// Begin returns where to lead the browser to.
func (p *Provider) Begin(ctx context.Context) (address string, f Flow, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", f, err
	}
	f = Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return p.config(found).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// Finish returns the user of a login. answer is the query with which the browser came back.
func (p *Provider) Finish(ctx context.Context, f Flow, answer url.Values) (User, error) {
	issuer := answer.Get("iss") // RFC 9207
	if f.State == "" || !equal(answer.Get("state"), f.State) || issuer != "" && issuer != p.opts.Issuer {
		return User{}, ErrState
	}
	if code := answer.Get("error"); code != "" {
		return User{}, fmt.Errorf("%w: %q", ErrDeclined, clip(code))
	}
	if answer.Get("code") == "" {
		return User{}, fmt.Errorf("%w: the answer has no code", ErrDeclined)
	}
	found, err := p.discover(ctx)
	if err != nil {
		return User{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.config(found).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var answered *oauth2.RetrieveError
		if errors.As(err, &answered) && answered.Response.StatusCode < 500 {
			return User{}, fmt.Errorf("%w: %w", ErrDeclined, short(err))
		}
		return User{}, fmt.Errorf("%w: %w", ErrUnreachable, short(err))
	}
	claims, err := p.verify(ctx, found, f, token)
	if err != nil {
		return User{}, err
	}
	return p.user(claims)
}

// verify checks the ID token and returns the claims about the user, those of the userinfo endpoint too.
func (p *Provider) verify(ctx context.Context, found *oidc.Provider, f Flow, token *oauth2.Token) (map[string]any, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, fmt.Errorf("%w: there is no ID token", ErrToken)
	}
	id, err := found.Verifier(&oidc.Config{ClientID: p.opts.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, short(err))
	}
	if !equal(id.Nonce, f.Nonce) {
		return nil, fmt.Errorf("%w: its nonce is of another login", ErrToken)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrToken, short(err))
		}
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: its claims can't be read", ErrToken)
	}
	if id.Subject == "" {
		return nil, fmt.Errorf("%w: it has no subject", ErrToken)
	}
	if found.UserInfoEndpoint() == "" || claim(claims, p.opts.GroupsClaim) != nil && nameOf(claims) != "" {
		return claims, nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("%w: its userinfo: %w", ErrUnreachable, short(err))
	}
	if info.Subject != id.Subject {
		return nil, fmt.Errorf("%w: the userinfo is about another user", ErrToken)
	}
	var more map[string]any
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: the userinfo can't be read", ErrToken)
	}
	maps.Copy(more, claims) // the signed claims win
	return more, nil
}

// user returns the user of checked claims.
func (p *Provider) user(claims map[string]any) (User, error) {
	subject, _ := claims["sub"].(string)
	u := User{Subject: p.opts.Issuer + " " + subject, Name: nameOf(claims)}
	if u.Name == "" {
		u.Name = cleaned(subject)
	}
	var err error
	u.Groups, err = groups(claim(claims, p.opts.GroupsClaim))
	if err != nil {
		return User{}, fmt.Errorf("%w: its claim %s %w", ErrToken, p.opts.GroupsClaim, err)
	}
	return u, nil
}

// claim returns a claim by its name or, for one within another, by its path with dots; nil for none.
func claim(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok {
		return value
	}
	first, rest, nested := strings.Cut(name, ".")
	if inner, ok := claims[first].(map[string]any); ok && nested {
		return claim(inner, rest)
	}
	return nil
}

// groups returns the names of a claim: a list, one name, or an object that has the names as keys.
func groups(value any) (names []string, err error) {
	switch value := value.(type) {
	case nil:
	case string:
		names = []string{value}
	case map[string]any:
		names = slices.Sorted(maps.Keys(value))
	case []any:
		for _, v := range value {
			name, ok := v.(string)
			if !ok {
				return nil, errors.New("is not a list of names")
			}
			names = append(names, name)
		}
	default:
		return nil, errors.New("is not a list of names")
	}
	return names, nil
}

// nameOf returns the name that people know, or "".
func nameOf(claims map[string]any) string {
	for _, name := range []string{"preferred_username", "email"} {
		if text, _ := claims[name].(string); cleaned(text) != "" {
			return cleaned(text)
		}
	}
	return ""
}

// cleaned returns a name without characters that are not shown.
func cleaned(name string) string {
	const most = 128
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	for len(name) > most {
		name = name[:len(name)-1]
		name = strings.ToValidUTF8(name, "")
	}
	return strings.TrimSpace(name)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
