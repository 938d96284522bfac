package web_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rollcall/web"
	"rollcall/web/auth"
)

// hs512 is not taken here.
var hs512 = jwt.SigningMethodHS512

// everywhere is what an attacker would like to have.
var everywhere = claims{"sub": "ada", "channels": claims{"subscribe": []string{">"}, "publish": []string{">"}}}

func with(c claims) claims {
	all := claims{}
	for _, part := range []claims{everywhere, c} {
		for name, value := range part {
			all[name] = value
		}
	}
	return all
}

// The endpoints do accept the right key: below, the refusals are due to the token.
func TestSecurityDoorsOpen(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	for _, d := range w.doors() {
		if strings.HasPrefix(d.target, "/subscribe") || strings.HasPrefix(d.target, "/presence/stream") {
			g.Open(d.method, d.target, d.body, g.root).Close()
		} else if a := w.knock(d, "", g.root); a.Status/100 != 2 && d.method != "DELETE" || a.Status == 401 || a.Status == 403 {
			t.Errorf("%s %s: %d %s", d.method, d.target, a.Status, a.Body)
		}
	}
}

func TestSecurityAlgNone(t *testing.T) {
	t.Parallel()
	bad := forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, everywhere)
	wantRefused(t, guard(t), bad, auth.ErrAlgorithm)
}

// The public key is public: its text must not work as a shared secret.
func TestSecurityRSHSConfusion(t *testing.T) {
	t.Parallel()
	der, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	wantRefused(t, guard(t), forge(t, jwt.SigningMethodHS256, text, everywhere), auth.ErrSignature)
}

func TestSecurityOtherAlgorithm(t *testing.T) {
	t.Parallel()
	wantRefused(t, guard(t), forge(t, hs512, tokenSecret, everywhere), auth.ErrAlgorithm)
}

func TestSecurityWrongSecret(t *testing.T) {
	t.Parallel()
	wantRefused(t, guard(t), forge(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), everywhere), auth.ErrSignature)
}

func TestSecurityChangedClaims(t *testing.T) {
	t.Parallel()
	good := strings.Split(token(t, "eve", "room.*", ""), ".")
	wish := strings.Split(forge(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), everywhere), ".")
	wantRefused(t, guard(t), good[0]+"."+wish[1]+"."+good[2], auth.ErrSignature)
}

func TestSecurityExpired(t *testing.T) {
	t.Parallel()
	wantRefused(t, guard(t), forge(t, jwt.SigningMethodHS256, tokenSecret, with(claims{"exp": time.Now().Unix() - 1})), auth.ErrExpired)
}

func TestSecurityWithoutExpiry(t *testing.T) {
	t.Parallel()
	wantRefused(t, guard(t), forge(t, jwt.SigningMethodHS256, tokenSecret, with(claims{"exp": nil})), auth.ErrClaims)
}

func TestSecurityNotYetValid(t *testing.T) {
	t.Parallel()
	wantRefused(t, guard(t), forge(t, jwt.SigningMethodHS256, tokenSecret, with(claims{"nbf": time.Now().Unix() + 600})), auth.ErrNotYet)
}

func TestSecurityWrongAudience(t *testing.T) {
	t.Parallel()
	wantRefused(t, guard(t), forge(t, jwt.SigningMethodHS256, tokenSecret, with(claims{"aud": []string{"billing"}})), auth.ErrAudience)
}

func TestSecurityWrongIssuer(t *testing.T) {
	t.Parallel()
	wantRefused(t, guard(t), forge(t, jwt.SigningMethodRS256, rsaKey(), with(claims{"iss": "https://evil.example"})), auth.ErrIssuer)
}

func TestSecurityNoToken(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"undefined", "a.b.c", "rollcall", strings.Repeat("a", 17<<10)} {
		wantRefused(t, guard(t), bad, auth.ErrMalformed)
	}
}

// keySet serves an empty key set and counts how often it is asked for.
func keySet(t *testing.T) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{}})
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

// An unknown key gives no access, and hardly causes fetches of the set.
func TestSecurityUnknownKid(t *testing.T) {
	t.Parallel()
	url, asked := keySet(t)
	verifier, err := auth.NewVerifier(auth.VerifierOptions{Secret: tokenSecret, JWKSURL: url, Leeway: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(verifier.Close)
	g := guard(t, func(o *web.Options) {
		access := *o.Access
		access.Verifier = verifier
		o.Access = &access
	})
	w := g.witness()
	for i, d := range w.doors() {
		for _, kid := range []string{"", "a", "../../etc/passwd", "http://evil.example/key", "k" + strings.Repeat("x", i)} {
			bad := forge(t, jwt.SigningMethodRS256, rsaKey(), everywhere, "kid", kid, "jku", "http://evil.example/")
			a := w.knock(d, "", bearer(bad))
			stream := strings.HasPrefix(d.target, "/subscribe") || strings.HasPrefix(d.target, "/presence/stream")
			switch {
			case a.Status == 401:
				a.WantFault(401, "unauthorized", "")
			case stream: // EventSource may come back: the key could turn up
				a.WantStatus(200).WantHeader("Content-Type", "text/event-stream")
				if !strings.Contains(a.Body, "event: goodbye\n") || strings.Count(a.Body, "event: ") != 1 || !strings.Contains(a.Body, "overloaded") {
					t.Errorf("%s %s: %q", d.method, d.target, a.Body)
				}
			default:
				a.WantHeader("Retry-After", "10").WantFault(503, "keys_unavailable", "")
			}
		}
	}
	w.wantPeace()
	if n := asked.Load(); n > 10 {
		t.Errorf("the key set was fetched %d times", n)
	}
}

// A key that is no longer configured opens no door.
func TestSecurityRevokedKey(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	revoked, key := apiKey(t, "old", "publish,subscribe,history,presence,admin", ">")
	grown := *g.access
	grown.Keys = append([]auth.Key{key}, g.access.Keys...)
	if err := g.Reload(web.Changes{Access: &grown}); err != nil {
		t.Fatal(err)
	}
	g.Get("/presence/clients", revoked).WantStatus(200)
	if err := g.Reload(web.Changes{Access: g.access}); err != nil {
		t.Fatal(err)
	}
	for _, d := range w.doors() {
		for _, header := range []string{revoked, "Authorization: Bearer " + strings.TrimPrefix(revoked, "X-API-Key: ")} {
			text := w.knock(d, "", header).WantFault(401, "unauthorized", "")
			if !strings.Contains(text, auth.ErrAPIKey.Error()) {
				t.Errorf("%s %s: %s", d.method, d.target, text)
			}
		}
	}
	w.wantPeace()
}

// A good token is good in each place, and gives the same.
func TestSecurityPlacesOfAToken(t *testing.T) {
	t.Parallel()
	g := guard(t)
	good := token(t, "eve", "room.*", "")
	for _, show := range [][2]string{{"", bearer(good)}, {"&access_token=" + good, "X: y"}, {"", "Cookie: session=" + good}} {
		st := g.Subscribe("channels=room.a&clientId=ada"+show[0], show[1])
		if st.WantRegistered().ClientID != "eve" {
			t.Errorf("%+v", st.Hello)
		}
		g.Get("/lastEvent?channel=room.a"+show[0], show[1]).WantStatus(200)
		wantDenied(t, g.Get("/lastEvent?channel=orders.a"+show[0], show[1]), 403)
		g.Do("DELETE", "/presence/clients/eve?x"+show[0], "", show[1]).WantFault(403, "forbidden", "")
	}
}

// Two credentials are ambiguous: none of them counts.
func TestSecurityTwoCredentials(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	weak := token(t, "eve", "room.*", "")
	for _, d := range w.doors() {
		for _, show := range [][]string{
			{"", g.root, bearer(weak)}, {"", g.root, "Cookie: session=" + weak}, {"access_token=" + weak, g.root},
			{"access_token=" + weak, bearer(token(t, "bob", ">", ">"))}, {"", g.root, g.billing},
		} {
			w.knock(d, show[0], show[1:]...).WantFault(400, "invalid_credentials", "")
		}
	}
	w.wantPeace()
}

// A URL ends up in logs and histories: an API key that stands in one is not taken.
func TestSecurityKeyInTheQuery(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	key := strings.TrimPrefix(g.root, "X-API-Key: ")
	for _, d := range w.doors() {
		a := w.knock(d, "access_token="+key)
		if text := a.WantFault(400, "invalid_credentials", ""); strings.Contains(text, key) {
			t.Errorf("%s", text)
		}
		w.knock(d, "", "Cookie: session="+key).WantFault(400, "invalid_credentials", "")
		for _, name := range []string{"api_key", "apikey", "key", "X-API-Key", "token"} {
			a := w.knock(d, name+"="+key) // no credential
			if a.Status != 401 && !strings.Contains(a.Body, "not_online") && !strings.Contains(a.Body, `{"channels":[],"total":0`) {
				t.Errorf("%s %s?%s: %d %s", d.method, d.target, name, a.Status, a.Body)
			}
		}
	}
	w.wantPeace()
}

// The issuer of a token learns what is wrong with it: a number for sub, no channels.
func TestTokenErrorsNameTheClaim(t *testing.T) {
	t.Parallel()
	g := guard(t)
	number := forge(t, jwt.SigningMethodHS256, tokenSecret, with(claims{"sub": 7}))
	if text := g.Get("/subscribe?channels=a", bearer(number)).WantFault(401, "unauthorized", ""); !strings.Contains(text, "sub must be a string") {
		t.Error(text)
	}
	none := forge(t, jwt.SigningMethodHS256, tokenSecret, with(claims{"channels": nil}))
	if a := g.Get("/subscribe?channels=a", bearer(none)).WantStatus(403); !strings.Contains(a.Body, "claim channels") {
		t.Error(a.Body)
	}
	others := forge(t, jwt.SigningMethodHS256, tokenSecret, with(claims{"channels": claims{"subscribe": []string{"b"}}}))
	if a := g.Get("/subscribe?channels=a", bearer(others)).WantStatus(403); strings.Contains(a.Body, "claim channels") {
		t.Error(a.Body)
	}
}
