package auth_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/web/auth"
)

func TestKeysInTheSetThatAreNotTaken(t *testing.T) {
	private := jwk("private", edKey().Public(), claim{"d": base64.RawURLEncoding.EncodeToString(edKey().Seed())})
	e := serveJWKS(t, jwks(
		jwk("good", rsaKey().Public()), jwk("oct", secret), private, jwk("enc", edKey().Public(), claim{"use": "enc"}),
		jwk("ops", edKey().Public(), claim{"key_ops": []string{"encrypt"}}), jwk("ps", otherRSA().Public(), claim{"alg": "PS256"}),
		jwk("hs", otherRSA().Public(), claim{"alg": "HS256"}), jwk("off", ecKey().Public(), claim{"y": "AAAA"}),
		jwk("x5u", edKey().Public(), claim{"x5u": "http://127.0.0.1:1/"}), claim{"kty": "XX", "kid": "new"}, claim{"kty": 1}, claim{},
	))
	v := fetching(t, e.URL, time.Hour)
	taken(t, v, "good", sign(t, rsaKey(), claim{"sub": "u"}, by("good")))
	for _, kid := range []string{"private", "enc", "ops", "x5u"} {
		refused(t, v, kid, sign(t, edKey(), claim{"sub": "u"}, by(kid)), auth.ErrKey)
	}
	for _, kid := range []string{"ps", "hs"} {
		refused(t, v, kid, sign(t, otherRSA(), claim{"sub": "u"}, by(kid)), auth.ErrKey)
	}
	refused(t, v, "oct", sign(t, secret, claim{"sub": "u"}, by("oct")), auth.ErrAlgorithm)
	if state, _ := v.JWKS(); state.Keys != 1 {
		t.Errorf("%+v", state)
	}
}

func TestAmbiguousWithoutAKid(t *testing.T) {
	e := serveJWKS(t, jwks(jwk("a", rsaKey().Public()), jwk("b", otherRSA().Public())))
	refused(t, fetching(t, e.URL, time.Hour), "no kid", sign(t, rsaKey(), claim{"sub": "u"}), auth.ErrKey)
}

// Whatever the endpoint does, the last good keys stay.
func TestBadKeySets(t *testing.T) {
	elsewhere := serveJWKS(t, jwks(jwk("x", edKey().Public())))
	many := make([]claim, 101)
	for i := range many {
		many[i] = jwk(fmt.Sprint(i), edKey().Public())
	}
	bomb := &bytes.Buffer{}
	z := gzip.NewWriter(bomb)
	io.WriteString(z, `{"keys":[`+strings.Repeat(" ", 50<<20)+`]}`)
	z.Close()
	for name, answer := range map[string]http.HandlerFunc{
		"down":        func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"error":       func(w http.ResponseWriter, r *http.Request) { http.Error(w, jwks(), 500) },
		"not found":   func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"no content":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"garbage":     func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") },
		"another's":   func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"error":"x"}`) },
		"null":        func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"keys":null}`) },
		"nothing":     func(w http.ResponseWriter, r *http.Request) {},
		"cut short":   func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, jwks(jwk("x", edKey().Public()))[:80]) },
		"more behind": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, jwks()+"x") },
		"useless":     func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, jwks(jwk("x", secret))) },
		"many keys":   func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, jwks(many...)) },
		"deep":        func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat(`{"keys":[`, 20000)) },
		"huge": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"keys":[`+strings.Repeat(" ", auth.MaxJWKS)+`]}`)
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for chunk := make([]byte, 1<<16); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"compressed bomb": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		},
		"large header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", 100<<10))
			io.WriteString(w, jwks())
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
	} {
		e := serveJWKS(t, jwks(jwk("a", edKey().Public())))
		v := fetching(t, e.URL, time.Nanosecond)
		good := sign(t, edKey(), claim{"sub": "u"}, by("a"))
		taken(t, v, name+": before", good)
		e.do(answer)
		refused(t, v, name, sign(t, edKey(), claim{"sub": "u"}, by("x")), auth.ErrKeyLater)
		taken(t, v, name+": after", good)
		if state, _ := v.JWKS(); state.Err == nil || state.Failures == 0 || state.Keys != 1 {
			t.Errorf("%s: %+v", name, state)
		}
	}
	if elsewhere.fetches.Load() != 0 {
		t.Error("the redirect was followed")
	}
}
