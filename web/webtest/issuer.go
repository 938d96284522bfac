package webtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// Issuer is an OpenID Connect provider on a socket that logs in everybody at once. It insists on PKCE with S256, one use
// of each code, and the client's secret. Its fields may be changed between logins.
type Issuer struct {
	*httptest.Server
	ClientID, Secret string
	Claims           map[string]any // of the next tokens, in place of the usual ones; nil values take them out
	UserInfo         map[string]any // further claims that only the userinfo has
	Refuse           string         // the error that logins end with, if not ""

	mu    sync.Mutex // guards the fields below
	key   crypto.Signer
	keyID string
	keys  []oidctest.PublicKey
	codes map[string]url.Values // of logins under way, by code
	asked map[string]int        // requests by path
}

// StartIssuer runs an issuer until the test ends.
func StartIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{ClientID: "rollcall", Secret: "the client's secret", codes: map[string]url.Values{}, asked: map[string]int{}}
	i.Rotate()
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	return i
}

// Rotate replaces the signing key.
func (i *Issuer) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.keyID = key, rand.Text()
	i.keys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: i.keyID, Algorithm: "ES256"}}
}

// Asked returns how many requests a path got.
func (i *Issuer) Asked(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.asked[r.URL.Path]++
	known := &oidctest.Server{PublicKeys: i.keys, Algorithms: []string{"ES256"}}
	i.mu.Unlock()
	switch r.URL.Path {
	case "/authorize":
		i.authorize(w, r)
	case "/token":
		i.token(w, r)
	case "/userinfo":
		answer(w, 200, i.claims(url.Values{}, i.UserInfo))
	case "/.well-known/openid-configuration":
		answer(w, 200, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"userinfo_endpoint": i.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	default:
		known.SetIssuer(i.URL)
		known.ServeHTTP(w, r)
	}
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// authorize logs in at once and leads back.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back := url.Values{"state": {q.Get("state")}}
	switch {
	case q.Get("client_id") != i.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "":
		http.Error(w, "a code flow with a nonce and PKCE is required", http.StatusBadRequest)
		return
	case i.Refuse != "":
		back.Set("error", i.Refuse)
	default:
		code := rand.Text()
		i.mu.Lock()
		i.codes[code] = q
		i.mu.Unlock()
		back.Set("code", code)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// token redeems a code once.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if unescaped, err := url.QueryUnescape(secret); err == nil {
		secret = unescaped
	}
	if id != i.ClientID || secret != i.Secret {
		answer(w, 401, map[string]any{"error": "invalid_client"})
		return
	}
	i.mu.Lock()
	q := i.codes[r.FormValue("code")]
	delete(i.codes, r.FormValue("code"))
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if q == nil || q.Get("redirect_uri") != r.FormValue("redirect_uri") || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answer(w, 400, map[string]any{"error": "invalid_grant"})
		return
	}
	claims, _ := json.Marshal(i.claims(q, i.Claims))
	i.mu.Lock()
	defer i.mu.Unlock()
	answer(w, 200, map[string]any{
		"access_token": "access", "token_type": "Bearer", "id_token": oidctest.SignIDToken(i.key, i.keyID, "ES256", string(claims)),
	})
}

// claims returns the usual claims with others in their place.
func (i *Issuer) claims(q url.Values, others map[string]any) map[string]any {
	claims := map[string]any{
		"iss": i.URL, "aud": i.ClientID, "sub": "4711", "nonce": q.Get("nonce"), "preferred_username": "ann",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "groups": []string{"staff", "ops"},
	}
	for name, value := range others {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}
