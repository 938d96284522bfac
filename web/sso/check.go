package sso

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Severity tells how bad a Finding is.
type Severity int

const (
	Fine   Severity = iota
	Doubt           // logins may fail
	Broken          // nobody can log in
)

// Finding is what one check of a provider found: a sentence, and the remedy where there is one.
type Finding struct {
	Check    string // oidc, oidc-client or oidc-keys
	Severity Severity
	Text     string
}

// metadata is the part of a discovery document that logins depend on.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Types         []string `json:"response_types_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	Methods       []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Scopes        []string `json:"scopes_supported"`
	Claims        []string `json:"claims_supported"`
}

// Check asks the provider for its description and its keys, and compares them with the settings. It logs nobody in, so it
// can't tell whether the client id and the secret are right.
func (p *Provider) Check(ctx context.Context) []Finding {
	m, wrong := p.describe(ctx)
	if wrong != "" {
		return []Finding{{"oidc", Broken, wrong}}
	}
	return []Finding{
		{"oidc", Fine, "The provider " + p.Host() + " describes itself as " + m.Issuer + "."},
		p.checkClient(m), p.checkKeys(ctx, m),
	}
}

// describe returns the discovery document, or what is wrong with it.
func (p *Provider) describe(ctx context.Context) (m *metadata, wrong string) {
	const well = "/.well-known/openid-configuration"
	address := strings.TrimSuffix(p.opts.Issuer, "/") + well
	m = new(metadata)
	err := p.get(ctx, address, m)
	var status statusError
	switch {
	case errors.As(err, &status):
		return nil, fmt.Sprintf("%s is answered with %d: set oidc-issuer to the provider's URL before %s.", address, int(status), well)
	case err != nil:
		return nil, fmt.Sprintf("No description of the provider came from %s: %v. Check oidc-issuer, and that this machine may reach it.", address, err)
	case m.Issuer != p.opts.Issuer:
		return nil, fmt.Sprintf("The provider calls itself %s, so its tokens would be refused: set oidc-issuer to exactly that.", clip(m.Issuer))
	}
	for what, address := range map[string]string{"authorization_endpoint": m.Authorization, "token_endpoint": m.Token, "jwks_uri": m.Keys} {
		if u, err := url.Parse(address); err != nil || u.Host == "" {
			return nil, "The provider's description has no valid " + what + ": oidc-issuer must be the URL of an OpenID Connect provider."
		}
	}
	return m, ""
}

// checkClient compares the settings of this client with what the provider supports. An empty list says nothing.
func (p *Provider) checkClient(m *metadata) Finding {
	lacks := func(list []string, any ...string) bool {
		return len(list) > 0 && !slices.ContainsFunc(any, func(x string) bool { return slices.Contains(list, x) })
	}
	broken := func(text string) Finding { return Finding{"oidc-client", Broken, text} }
	doubt := func(text string) Finding { return Finding{"oidc-client", Doubt, text} }
	switch {
	case lacks(m.Types, "code"):
		return broken("The provider does not support the authorization code flow: turn it on there.")
	case lacks(m.Challenges, "S256"):
		return broken("The provider does not support PKCE with S256: turn it on there.")
	case p.opts.ClientSecret == "" && lacks(m.Methods, "none"):
		return doubt("The provider does not say that it accepts clients without a secret: set oidc-client-secret-file, or make the client a public one there.")
	case p.opts.ClientSecret != "" && lacks(m.Methods, "client_secret_basic", "client_secret_post"):
		return broken("The provider does not accept client secrets: remove oidc-client-secret, or allow client_secret_basic there.")
	}
	for _, scope := range p.opts.Scopes {
		if lacks(m.Scopes, scope) {
			return doubt(fmt.Sprintf("The provider does not list the scope %s: remove it from oidc-scope, or add it there.", scope))
		}
	}
	if first, _, _ := strings.Cut(p.opts.GroupsClaim, "."); lacks(m.Claims, first) {
		return doubt(fmt.Sprintf("The provider does not list the claim %s: it may have to be added to the ID token there, or oidc-groups-claim has another name.", first))
	}
	return Finding{"oidc-client", Fine, "The provider supports the flow, PKCE, the scopes and the claim of the settings. Register the redirect URL " + p.opts.RedirectURL + " there."}
}

// signing are the algorithms of ID tokens that are accepted.
var signing = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// checkKeys looks for a key that can sign ID tokens.
func (p *Provider) checkKeys(ctx context.Context, m *metadata) Finding {
	broken := func(text string, args ...any) Finding {
		return Finding{"oidc-keys", Broken, fmt.Sprintf(text, args...)}
	}
	if len(m.Algorithms) > 0 && !slices.ContainsFunc(m.Algorithms, func(name string) bool { return slices.Contains(signing, name) }) {
		return broken("The provider signs ID tokens only with %s: let it use RS256 or ES256.", clip(strings.Join(m.Algorithms, ", ")))
	}
	var set struct {
		Keys []struct{ Kty, Use string }
	}
	if err := p.get(ctx, m.Keys, &set); err != nil {
		return broken("No keys came from %s: %v. Without them no login is accepted: check that this machine may reach it.", clip(m.Keys), err)
	}
	n := 0
	for _, key := range set.Keys {
		if slices.Contains([]string{"RSA", "EC", "OKP"}, key.Kty) && key.Use != "enc" {
			n++
		}
	}
	if n == 0 {
		return broken("The provider's key set %s has no key that signs: make one there.", clip(m.Keys))
	}
	return Finding{"oidc-keys", Fine, fmt.Sprintf("The provider's key set has %d signing keys.", n)}
}

// statusError is the status of an answer that is not 200.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the answer is %d", int(s)) }

// get reads an answer's JSON.
func (p *Provider) get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("its address is not a URL")
	}
	answer, err := p.client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return short(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return statusError(answer.StatusCode)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return short(err)
	}
	if json.Unmarshal(text, into) != nil {
		return errors.New("the answer is not the expected JSON")
	}
	return nil
}
