package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rollcall/web/auth"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

// Keys that take long to make.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSA = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(secret) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// verifier makes one that is closed at the end of the test.
func verifier(t testing.TB, o auth.VerifierOptions) *auth.Verifier {
	t.Helper()
	v, err := auth.NewVerifier(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

type claim map[string]any

// sign makes a token of claims, with an hour of life by default, and of headers. By default the key determines the
// algorithm.
func sign(t testing.TB, key any, claims claim, headers ...claim) string {
	t.Helper()
	all := claim{"exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	var method jwt.SigningMethod = jwt.SigningMethodHS256
	switch key.(type) {
	case *rsa.PrivateKey:
		method = jwt.SigningMethodRS256
	case *ecdsa.PrivateKey:
		method = jwt.SigningMethodES256
	case ed25519.PrivateKey:
		method = jwt.SigningMethodEdDSA
	}
	token := jwt.NewWithClaims(method, jwt.MapClaims(all))
	for _, h := range headers {
		maps.Copy(token.Header, h)
		if name, ok := h["alg"].(string); ok {
			token.Method = jwt.GetSigningMethod(name)
		}
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signText signs claims and header exactly as they are written.
func signText(t testing.TB, header, claims string) string {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	sig, err := jwt.SigningMethodHS256.Sign(text, secret)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(sig)
}

func pemOf(t testing.TB, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// refused wants a token refused for a reason without any part of it.
func refused(t testing.TB, v *auth.Verifier, name, token string, want error) {
	t.Helper()
	g, err := v.Verify(context.Background(), token)
	if !errors.Is(err, want) || g != nil {
		t.Errorf("%s: %+v, %v, want %v", name, g, err, want)
	}
	for part := range strings.SplitSeq(token, ".") {
		if err != nil && len(part) > 3 && strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
	}
}

func TestTokensOfTheFourFamilies(t *testing.T) {
	both := verifier(t, auth.VerifierOptions{
		Secret: secret, PublicKeys: []crypto.PublicKey{otherRSA().Public(), rsaKey().Public(), ecKey().Public(), edKey().Public()},
	})
	for _, key := range []any{secret, rsaKey(), otherRSA(), ecKey(), edKey()} {
		end := time.Now().Add(time.Minute).Truncate(time.Second)
		token := sign(t, key, claim{
			"sub": "u1", "exp": end.Unix(), "info": claim{"name": "U"}, "channels": claim{"publish": []string{"a.*"}},
		}, claim{"kid": "../../etc/passwd"})
		g, err := both.Verify(t.Context(), token)
		if err != nil {
			t.Errorf("%T: %v", key, err)
			continue
		}
		if g.Kind != auth.Token || g.ClientID != "u1" || g.Name != "u1" || string(g.Info) != `{"name":"U"}` ||
			!g.Expires.Equal(end.Add(5*time.Second)) || !g.MayPublish("a.b") || g.MaySubscribe("a.b") || g.MayChooseClientID() {
			t.Errorf("%T gives %+v", key, g)
		}
	}
}

func TestAlgNone(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret, PublicKeys: []crypto.PublicKey{rsaKey().Public()}})
	good := sign(t, secret, claim{"sub": "admin"})
	_, rest, _ := strings.Cut(good, ".")
	body, _, _ := strings.Cut(rest, ".")
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "hs256", "HS256 "} {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"JWT"}`))
		refused(t, v, alg, header+"."+body+".", auth.ErrAlgorithm)
	}
	refused(t, v, "none, signed", sign(t, jwt.UnsafeAllowNoneSignatureType, claim{"sub": "u"}, claim{"alg": "none"}), auth.ErrAlgorithm)
	for _, header := range []string{`{}`, `{"alg":null}`, `{"alg":["HS256"]}`, `{"typ":"JWT"}`} {
		refused(t, v, header, signText(t, header, `{"sub":"u","exp":99999999999}`), auth.ErrAlgorithm)
	}
}

// The public key, which everybody has, used as the secret of an HMAC.
func TestRSHSConfusion(t *testing.T) {
	public, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	file := pemOf(t, "PUBLIC KEY", public, err)
	for name, v := range map[string]*auth.Verifier{
		"public key alone": verifier(t, auth.VerifierOptions{PublicKeys: []crypto.PublicKey{rsaKey().Public()}}),
		"and a secret":     verifier(t, auth.VerifierOptions{PublicKeys: []crypto.PublicKey{rsaKey().Public()}, Secret: secret}),
	} {
		for _, key := range [][]byte{file, public, x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), []byte(strings.TrimSpace(string(file)))} {
			want := auth.ErrAlgorithm
			if name != "public key alone" {
				want = auth.ErrSignature
			}
			refused(t, v, name, sign(t, key, claim{"sub": "admin"}), want)
		}
	}
	if _, err := auth.NewVerifier(auth.VerifierOptions{Secret: file}); err == nil {
		t.Error("a public key is taken for a secret")
	}
}

// A key is for one algorithm, whatever a token says.
func TestOtherAlgorithmsOfTheSameKey(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret, PublicKeys: []crypto.PublicKey{rsaKey().Public()}})
	for _, alg := range []string{"RS384", "RS512", "PS256", "PS512"} {
		refused(t, v, alg, sign(t, rsaKey(), claim{"sub": "u"}, claim{"alg": alg}), auth.ErrAlgorithm)
	}
	for _, alg := range []string{"HS384", "HS512"} {
		refused(t, v, alg, sign(t, secret, claim{"sub": "u"}, claim{"alg": alg}), auth.ErrAlgorithm)
	}
	refused(t, v, "ES256", sign(t, ecKey(), claim{"sub": "u"}), auth.ErrAlgorithm)
}

func TestForgedSignatures(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret, PublicKeys: []crypto.PublicKey{rsaKey().Public(), ecKey().Public()}})
	good := sign(t, secret, claim{"sub": "u"})
	parts := strings.Split(good, ".")
	refused(t, v, "another secret", sign(t, []byte(strings.Repeat("x", 32)), claim{"sub": "u"}), auth.ErrSignature)
	refused(t, v, "another RSA key", sign(t, otherRSA(), claim{"sub": "u"}), auth.ErrSignature)
	refused(t, v, "no signature", parts[0]+"."+parts[1]+".", auth.ErrSignature)
	refused(t, v, "another's claims", parts[0]+"."+strings.Split(sign(t, secret, claim{"sub": "w"}), ".")[1]+"."+parts[2], auth.ErrSignature)
	rs := strings.Split(sign(t, rsaKey(), claim{"sub": "u"}), ".")
	refused(t, v, "another's header", rs[0]+"."+parts[1]+"."+parts[2], auth.ErrSignature)
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 64)) // CVE-2022-21449
	refused(t, v, "zeroes for ES256", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`))+"."+parts[1]+"."+zero, auth.ErrSignature)
}

func TestKeysInTheHeaderAreNotLookedAt(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{PublicKeys: []crypto.PublicKey{rsaKey().Public()}})
	for _, h := range []claim{
		{"jwk": claim{"kty": "RSA", "n": base64.RawURLEncoding.EncodeToString(otherRSA().N.Bytes()), "e": "AQAB"}},
		{"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/cert"}, {"x5c": []string{"AAAA"}},
	} {
		refused(t, v, "a key of its own", sign(t, otherRSA(), claim{"sub": "u"}, h), auth.ErrSignature)
	}
	for _, h := range []claim{{"crit": []string{"exp"}}, {"crit": []string{}}, {"crit": []string{"b64"}, "b64": false}, {"kid": 1}, {"kid": nil}, {"kid": []string{"a"}}} {
		refused(t, v, "what must be understood", sign(t, rsaKey(), claim{"sub": "u"}, h), auth.ErrMalformed)
	}
}

func TestTokensThatAreNone(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret})
	good := sign(t, secret, claim{"sub": "u"})
	for _, text := range []string{
		"", ".", "..", "...", "a.b.c", good + ".", good + "=", good + "\n", "\r\n" + good, " " + good, strings.Replace(good, ".", "..", 1),
		good[:len(good)-1] + "+", strings.Repeat("a", 17000), strings.Repeat(".", 16000),
	} {
		refused(t, v, text[:min(len(text), 20)], text, auth.ErrMalformed)
	}
	refused(t, v, "too long", sign(t, secret, claim{"sub": "u", "x": strings.Repeat("x", 16<<10)}), auth.ErrMalformed)
	last := good[len(good)-1] // 32 bytes are 43 characters, of which the last has two bits to spare
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.IndexByte(digits, last)
	refused(t, v, "the same in other letters", good[:len(good)-1]+digits[at|1:at|1+1], auth.ErrMalformed)
}

func TestVerifierOptionsThatAreRefused(t *testing.T) {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, o := range map[string]auth.VerifierOptions{
		"nothing":                   {},
		"short secret":              {Secret: secret[:31]},
		"empty secret":              {Secret: []byte{}},
		"weak RSA key":              {PublicKeys: []crypto.PublicKey{weak.Public()}},
		"P-384":                     {PublicKeys: []crypto.PublicKey{p384.Public()}},
		"a private key":             {PublicKeys: []crypto.PublicKey{rsaKey()}},
		"no key":                    {PublicKeys: []crypto.PublicKey{nil}},
		"short Ed25519 key":         {PublicKeys: []crypto.PublicKey{edKey().Public().(ed25519.PublicKey)[:31]}},
		"plain http":                {JWKSURL: "http://id.example.org/keys"},
		"http to a look-alike":      {JWKSURL: "http://127.0.0.1.evil.com/keys"},
		"a file":                    {JWKSURL: "file:///etc/passwd"},
		"no host":                   {JWKSURL: "https:///keys"},
		"given and fetched at once": {JWKSURL: "https://id.example.org/keys", PublicKeys: []crypto.PublicKey{rsaKey().Public()}},
	} {
		if v, err := auth.NewVerifier(o); err == nil {
			v.Close()
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzToken(f *testing.F) {
	v := verifier(f, auth.VerifierOptions{Secret: secret, PublicKeys: []crypto.PublicKey{edKey().Public()}})
	f.Add(sign(f, secret, claim{"sub": "u"}), false)
	f.Add(sign(f, edKey(), claim{"sub": "u"}, claim{"kid": "a"}), false)
	f.Add(`{"sub":"u","exp":99999999999,"info":{"a":[]},"channels":{"subscribe":["a.*",">"]}}`, true)
	f.Add(`{"sub":"u","exp":1e10,"nbf":-1,"aud":["a"],"channels":{"publish":[""]}}`, true)
	f.Fuzz(func(t *testing.T, text string, claims bool) {
		if claims { // signed, so that the claims themselves are reached
			text = signText(t, `{"alg":"HS256"}`, text)
		}
		g, err := v.Verify(t.Context(), text)
		if err != nil {
			if g != nil {
				t.Fatal("a grant with an error")
			}
			return
		}
		if g.Kind != auth.Token || g.ClientID == "" || len(g.ClientID) > 255 || len(g.Info) > 1024 || g.Expires.IsZero() ||
			g.Info != nil && !json.Valid(g.Info) || g.FullPresence() || g.Admin() || g.MaySubscribe("$online") {
			t.Fatalf("%q gives %+v", text, g)
		}
	})
}
