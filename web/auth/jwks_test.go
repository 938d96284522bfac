package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/web/auth"
)

// jwk describes a public key.
func jwk(kid string, key crypto.PublicKey, more ...claim) claim {
	b64 := base64.RawURLEncoding.EncodeToString
	c := claim{"kid": kid, "use": "sig"}
	switch key := key.(type) {
	case *rsa.PublicKey:
		c["kty"], c["n"], c["e"] = "RSA", b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point := must(key.Bytes())
		c["kty"], c["crv"], c["x"], c["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	case ed25519.PublicKey:
		c["kty"], c["crv"], c["x"] = "OKP", "Ed25519", b64(key)
	case []byte:
		c["kty"], c["k"] = "oct", b64(key)
	}
	for _, m := range more {
		for name, value := range m {
			c[name] = value
		}
	}
	return c
}

func jwks(keys ...claim) string {
	return string(must(json.Marshal(claim{"keys": append([]claim{}, keys...)})))
}

// endpoint is a real server with a key set.
type endpoint struct {
	*httptest.Server
	answer  atomic.Pointer[http.HandlerFunc]
	fetches atomic.Int64
}

func serveJWKS(t testing.TB, text string) *endpoint {
	e := &endpoint{}
	e.set(text)
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.fetches.Add(1)
		(*e.answer.Load())(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) do(f http.HandlerFunc) { e.answer.Store(&f) }
func (e *endpoint) set(text string) {
	e.do(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
}

// fetching makes a verifier that may fetch for every unknown key.
func fetching(t testing.TB, url string, between time.Duration) *auth.Verifier {
	t.Helper()
	v, err := auth.NewVerifierAt(auth.VerifierOptions{JWKSURL: url}, auth.AskedEvery(between))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// taken wants a token taken.
func taken(t testing.TB, v *auth.Verifier, name, token string) {
	t.Helper()
	if _, err := v.Verify(context.Background(), token); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func by(kid string) claim { return claim{"kid": kid} }

func TestFetchedKeys(t *testing.T) {
	e := serveJWKS(t, jwks(jwk("r", rsaKey().Public()), jwk("e", ecKey().Public(), claim{"alg": "ES256"}), jwk("d", edKey().Public())))
	v := fetching(t, e.URL, time.Hour)
	taken(t, v, "RS256", sign(t, rsaKey(), claim{"sub": "u"}, by("r")))
	taken(t, v, "ES256", sign(t, ecKey(), claim{"sub": "u"}, by("e")))
	taken(t, v, "EdDSA", sign(t, edKey(), claim{"sub": "u"}, by("d")))
	taken(t, v, "without a kid", sign(t, rsaKey(), claim{"sub": "u"}))
	refused(t, v, "another's kid", sign(t, otherRSA(), claim{"sub": "u"}, by("r")), auth.ErrSignature)
	refused(t, v, "a kid of another algorithm", sign(t, rsaKey(), claim{"sub": "u"}, by("e")), auth.ErrKey)
	refused(t, v, "HS256", sign(t, secret, claim{"sub": "u"}, by("r")), auth.ErrAlgorithm)
	if state, ok := v.JWKS(); !ok || state.Keys != 3 || state.Fetched.IsZero() || state.Err != nil {
		t.Errorf("%+v, %v", state, ok)
	}
}

func TestKidPathTricks(t *testing.T) {
	var paths sync.Map
	e := serveJWKS(t, "")
	e.do(func(w http.ResponseWriter, r *http.Request) {
		paths.Store(r.URL.String(), true)
		io.WriteString(w, jwks(jwk("a", rsaKey().Public())))
	})
	v := fetching(t, e.URL+"/keys?x=1", time.Nanosecond)
	for _, kid := range []string{
		"../../../../dev/null", "/etc/passwd", "' OR 1=1 --", "http://127.0.0.1/", "a\x00", "A", " a", "RS256 a", strings.Repeat("a", 9000),
	} {
		refused(t, v, "a kid", sign(t, rsaKey(), claim{"sub": "u"}, by(kid)), auth.ErrKey)
	}
	paths.Range(func(path, _ any) bool {
		if path != "/keys?x=1" {
			t.Errorf("%v was asked for", path)
		}
		return true
	})
}

// However many unknown keys are named, the set is fetched once for them in a while,
// and known keys go on being taken.
func TestUnknownKidFlood(t *testing.T) {
	e := serveJWKS(t, jwks(jwk("a", edKey().Public())))
	v := fetching(t, e.URL, time.Hour)
	good := sign(t, edKey(), claim{"sub": "u"}, by("a"))
	taken(t, v, "before", good)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				refused(t, v, "unknown", sign(t, edKey(), claim{"sub": "u"}, by(fmt.Sprint(i, "-", j))), auth.ErrKey)
			}
			taken(t, v, "meanwhile", good)
		})
	}
	wg.Wait()
	if n := e.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want the first one and one for the flood", n)
	}
	// It is unknown by now whether such a key was added since.
	refused(t, v, "after", sign(t, edKey(), claim{"sub": "u"}, by("x")), auth.ErrKeyLater)
}

// At a rotation, everybody comes with the new key at once: all of them wait for
// one fetch.
func TestRotationServesAllThatWait(t *testing.T) {
	e := serveJWKS(t, jwks(jwk("old", edKey().Public())))
	v := fetching(t, e.URL, time.Hour)
	taken(t, v, "old", sign(t, edKey(), claim{"sub": "u"}, by("old")))
	var came sync.WaitGroup
	came.Add(20)
	e.do(func(w http.ResponseWriter, r *http.Request) {
		came.Wait()
		io.WriteString(w, jwks(jwk("old", edKey().Public()), jwk("new", ecKey().Public())))
	})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			token := sign(t, ecKey(), claim{"sub": "u"}, by("new"))
			came.Done()
			taken(t, v, "new", token)
		})
	}
	wg.Wait()
	if n := e.fetches.Load(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

func TestRotatedAndRevokedSigningKey(t *testing.T) {
	e := serveJWKS(t, jwks(jwk("old", edKey().Public())))
	v := fetching(t, e.URL, time.Nanosecond)
	older, newer := sign(t, edKey(), claim{"sub": "u"}, by("old")), sign(t, ecKey(), claim{"sub": "u"}, by("new"))
	taken(t, v, "old", older)
	refused(t, v, "new, too early", newer, auth.ErrKey)
	e.set(jwks(jwk("old", edKey().Public()), jwk("new", ecKey().Public())))
	taken(t, v, "new", newer)
	taken(t, v, "old, still there", older)
	e.set(jwks(jwk("new", ecKey().Public())))
	refused(t, v, "what has the set fetched", sign(t, edKey(), claim{"sub": "u"}, by("x")), auth.ErrKey)
	refused(t, v, "old, revoked", older, auth.ErrKey)
	taken(t, v, "new, alone", newer)
	e.set(jwks())
	refused(t, v, "what has the set fetched", sign(t, edKey(), claim{"sub": "u"}, by("x")), auth.ErrKey)
	refused(t, v, "all revoked", newer, auth.ErrKey)
}

// A server that never answers holds up neither Close nor a request that goes away.
func TestSilentEndpoint(t *testing.T) {
	e := serveJWKS(t, "")
	e.do(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	v := fetching(t, e.URL, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	token := sign(t, edKey(), claim{"sub": "u"}, by("a"))
	if _, err := v.Verify(ctx, token); !errors.Is(err, auth.ErrKeyLater) {
		t.Error(err)
	}
	v.Close()
	refused(t, v, "closed", token, auth.ErrKeyLater)
	v.Close()
	(*auth.Verifier)(nil).Close()
}

// A server whose configuration is reloaded keeps its keys, even if the endpoint is down just then; and it can be asked
// to fetch again.
func TestReloadedVerifier(t *testing.T) {
	e := serveJWKS(t, jwks(jwk("a", edKey().Public())))
	first := fetching(t, e.URL, time.Hour)
	good := sign(t, edKey(), claim{"sub": "u"}, by("a"))
	taken(t, first, "first", good)
	e.do(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) })
	taken(t, verifier(t, auth.VerifierOptions{JWKSURL: e.URL, Previous: first}), "second", good)
	refused(t, verifier(t, auth.VerifierOptions{JWKSURL: e.URL + "/other", Previous: first}), "another set", good, auth.ErrKeyLater)
	taken(t, verifier(t, auth.VerifierOptions{Secret: secret, Previous: first}), "no set", sign(t, secret, claim{"sub": "u"}))

	e.set(jwks())
	for range 3 {
		first.Refresh()
	}
	if state, _ := first.JWKS(); state.Keys != 0 || state.Fetches < 2 || state.Err != nil {
		t.Errorf("%+v", state)
	}
	first.Close()
	first.Refresh()
	(*auth.Verifier)(nil).Refresh()
}
