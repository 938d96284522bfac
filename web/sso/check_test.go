package sso

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Each thing that is wrong with a provider, or with the settings, is told in a sentence with the remedy.
func TestCheckOfAProvider(t *testing.T) {
	t.Parallel()
	const key = `{"keys":[{"kty":"RSA","use":"sig","n":"AQAB","e":"AQAB"},{"kty":"RSA","use":"enc"}]}`
	for name, c := range map[string]struct {
		change   map[string]any // of the description; nil removes
		keys     string
		secret   string
		severity Severity
		says     string
	}{
		"all is well":      {nil, key, "s", Fine, "has 1 signing keys"},
		"nothing is said":  {map[string]any{"code_challenge_methods_supported": nil, "scopes_supported": nil, "claims_supported": nil}, key, "s", Fine, "supports the flow"},
		"another issuer":   {map[string]any{"issuer": "https://login.example.org/"}, key, "s", Broken, "The provider calls itself https://login.example.org/, so its tokens would be refused: set oidc-issuer to exactly that."},
		"no endpoint":      {map[string]any{"token_endpoint": nil}, key, "s", Broken, "no valid token_endpoint"},
		"no code flow":     {map[string]any{"response_types_supported": []string{"id_token"}}, key, "s", Broken, "authorization code flow"},
		"no PKCE":          {map[string]any{"code_challenge_methods_supported": []string{"plain"}}, key, "s", Broken, "PKCE with S256: turn it on"},
		"no public client": {map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_basic"}}, key, "", Doubt, "set oidc-client-secret-file"},
		"no secrets":       {map[string]any{"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}}, key, "s", Broken, "remove oidc-client-secret"},
		"no scope":         {map[string]any{"scopes_supported": []string{"openid", "profile"}}, key, "s", Doubt, "the scope email: remove it from oidc-scope"},
		"no groups":        {map[string]any{"claims_supported": []string{"sub"}}, key, "s", Doubt, "the claim groups"},
		"symmetric":        {map[string]any{"id_token_signing_alg_values_supported": []string{"HS256"}}, key, "s", Broken, "only with HS256: let it use RS256"},
		"no key":           {nil, `{"keys":[{"kty":"oct"}]}`, "s", Broken, "no key that signs"},
		"keys of HTML":     {nil, "<html>", "s", Broken, "the answer is not the expected JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			srv := httptest.NewServer(mux)
			defer srv.Close()
			description := map[string]any{
				"issuer": srv.URL, "authorization_endpoint": srv.URL + "/auth", "token_endpoint": srv.URL + "/token", "jwks_uri": srv.URL + "/keys",
				"response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
				"scopes_supported": []string{"openid", "profile", "email"}, "claims_supported": []string{"sub", "groups"},
			}
			maps.Copy(description, c.change)
			text, err := json.Marshal(description)
			if err != nil {
				t.Fatal(err)
			}
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
			mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.keys)) })
			wantFinding(t, srv.URL, c.secret, c.severity, c.says)
		})
	}
	t.Run("no description", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewServer(http.NotFoundHandler())
		defer srv.Close()
		wantFinding(t, srv.URL+"/realms/x", "s", Broken, "/realms/x/.well-known/openid-configuration is answered with 404: set oidc-issuer")
	})
	t.Run("nobody answers", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewServer(http.NotFoundHandler())
		srv.Close()
		wantFinding(t, srv.URL, "s", Broken, "Check oidc-issuer, and that this machine may reach it.")
	})
}

// wantFinding checks a provider: its worst finding must be this one.
func wantFinding(t *testing.T, issuer, secret string, severity Severity, says string) {
	t.Helper()
	p, err := New(Options{Issuer: issuer, ClientID: "c", ClientSecret: secret, RedirectURL: "http://127.0.0.1/admin/oidc-callback"})
	if err != nil {
		t.Fatal(err)
	}
	found, worst, matches := p.Check(t.Context()), Fine, false
	for _, f := range found {
		worst = max(worst, f.Severity)
		matches = matches || f.Severity == severity && strings.Contains(f.Text, says)
	}
	if worst != severity || !matches {
		t.Errorf("found %+v, want %d and %q", found, severity, says)
	}
}
