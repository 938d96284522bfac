package main

import (
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
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/web/auth"
)

// signers returns a private key for each algorithm that has a public one.
func signers(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, err3 := ed25519.GenerateKey(rand.Reader)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return map[string]crypto.Signer{"RS256": rsaKey, "ES256": ecKey, "EdDSA": edKey}
}

// publicPEM is the public key to a private one.
func publicPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// newToken makes a token for u1, which may read room.1 and the like.
func newToken(t *testing.T, key any, edit func(*auth.Claims)) string {
	t.Helper()
	rooms, err := auth.ParsePatterns("room.*")
	if err != nil {
		t.Fatal(err)
	}
	claims := auth.Claims{Subject: "u1", Subscribe: rooms, IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)}
	if edit != nil {
		edit(&claims)
	}
	token, err := auth.Sign(claims, key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// keySet is a server that publishes Ed25519 keys.
type keySet struct {
	*httptest.Server
	keys atomic.Pointer[[]crypto.Signer]
}

func newKeySet(t *testing.T, keys ...crypto.Signer) *keySet {
	s := &keySet{}
	s.keys.Store(&keys)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := map[string]any{}
		list := []any{}
		for _, key := range *s.keys.Load() {
			x := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
			list = append(list, map[string]string{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": x, "x": x})
		}
		set["keys"] = list
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(s.Close)
	return s
}

// Whichever way a credential is configured, it lets in the same request.
func TestEveryCredentialByEverySetting(t *testing.T) {
	t.Parallel()
	key1, line1 := newKey(t, "one", auth.Publish|auth.Subscribe, "room.>")
	key2, line2 := newKey(t, "two", auth.Subscribe, "room.*")
	lines := "# the first\n" + line1 + "\n\n  # and the second\n" + line2 + "\n"
	files := map[string]string{"api-keys": newFile(t, "keys", lines)}
	tokens := map[string]string{"jwt-secret": newToken(t, []byte(jwtSecret), nil)}
	values := map[string]string{"jwt-secret": jwtSecret, "api-keys": files["api-keys"], "anonymous": "room.1,public.>"}
	for alg, signer := range signers(t) {
		name := "jwt-public-key " + alg
		values[name] = newFile(t, "key.pem", publicPEM(t, signer))
		tokens[name] = newToken(t, signer, nil)
		if alg == "EdDSA" {
			values["jwks-url"], tokens["jwks-url"] = newKeySet(t, signer).URL, tokens[name]
		}
	}
	values["api-key"] = lines
	values["api-key on one line"] = line1 + ";" + line2
	for name, value := range values {
		setting, _, _ := strings.Cut(name, " ")
		headers := []string{""}
		switch setting {
		case "api-key", "api-keys":
			headers = []string{"Bearer " + key1, "Bearer " + key2}
		case "anonymous":
		default:
			headers = []string{"Bearer " + tokens[name]}
		}
		yaml := setting + ": |\n  " + strings.ReplaceAll(strings.TrimSuffix(value, "\n"), "\n", "\n  ") + "\n"
		if !strings.Contains(value, "\n") {
			yaml = setting + ": '" + value + "'\n"
		}
		for way, parsed := range map[string]func() (*serveCmd, *settings, error){
			"flag": func() (*serveCmd, *settings, error) { return parse(t, "", nil, "--"+setting+"="+value) },
			"env":  func() (*serveCmd, *settings, error) { return parse(t, "", env{envName(setting): value}) },
			"YAML": func() (*serveCmd, *settings, error) { return parse(t, yaml, nil) },
		} {
			t.Run(name+" by "+way, func(t *testing.T) {
				c, _, err := parsed()
				if err != nil {
					t.Fatal(err)
				}
				letsIn(t, c, headers...)
			})
		}
	}
	t.Run("api-key as a YAML list", func(t *testing.T) {
		c, _, err := parse(t, "api-key:\n  - "+line1+"\n  - "+line2+"\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		letsIn(t, c, "Bearer "+key1, "Bearer "+key2)
	})
	t.Run("api-key repeated, and a file", func(t *testing.T) {
		key3, line3 := newKey(t, "three", auth.Subscribe, ">")
		c, _, err := parse(t, "", nil, "--api-key="+line1, "--api-key="+line3, "--api-keys="+newFile(t, "keys", line2))
		if err != nil {
			t.Fatal(err)
		}
		letsIn(t, c, "Bearer "+key1, "Bearer "+key2, "Bearer "+key3)
	})
}

// letsIn wants the settings to let each credential subscribe to room.1, but to publish at most to rooms, and to
// refuse what is a little different.
func letsIn(t *testing.T, c *serveCmd, headers ...string) {
	t.Helper()
	if c.open() {
		t.Fatal("the server would be open")
	}
	o, err := c.AccessFlags.options(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Verifier.Close()
	a, err := auth.New(*o)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		r := httptest.NewRequest("GET", "/", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		g, err := a.Authenticate(r)
		if err != nil || !g.MaySubscribe("room.1") || g.MaySubscribe("other") && g.Name != "three" || g.MayPublish("other") || g.Admin() || g.FullPresence() {
			t.Errorf("%.20s: %+v, %v", header, g, err)
		}
		if header != "" {
			r.Header.Set("Authorization", header[:len(header)-2]+"xx")
			if g, err := a.Authenticate(r); err == nil {
				t.Errorf("a credential that is wrong gives %+v", g)
			}
		}
	}
}

// An error in a credential is reported under the setting's name before anything listens, without secrets.
func TestCredentialRefusals(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2-hunter2"
	key, line := newKey(t, "one", auth.Publish, ">")
	empty := newFile(t, "empty", "")
	pem := newFile(t, "key.pem", publicPEM(t, signers(t)["ES256"]))
	withSecret := "--jwt-secret=" + jwtSecret
	tests := map[string]struct {
		args []string
		says []string
	}{
		"key for a line":          {[]string{"--api-key=" + key}, []string{"--api-key: line 1: word 1 is not one of"}},
		"secret for a line":       {[]string{"--api-key=name=x " + secret}, []string{"--api-key: line 1: word 2 is not one of"}},
		"key twice":               {[]string{"--api-key=" + line, "--api-key=" + strings.Replace(line, "one", "two", 1)}, []string{`--api-key: the keys "one" and "two" have the same hash`}},
		"bad line in a file":      {[]string{"--api-keys=" + newFile(t, "keys", line+"\n"+secret+"\n")}, []string{"--api-keys: ", "keys: line 2: word 1"}},
		"no file of keys":         {[]string{"--api-keys=" + empty + ".none"}, []string{"--api-keys: ", "no such file"}},
		"short secret":            {[]string{"--jwt-secret=" + secret}, []string{"--jwt-secret: the secret has 23 bytes; at least 32"}},
		"PEM for a secret":        {[]string{"--jwt-secret=" + publicPEM(t, signers(t)["ES256"])}, []string{"--jwt-secret: the secret is a PEM file"}},
		"no PEM":                  {[]string{"--jwt-public-key=" + empty}, []string{"--jwt-public-key: ", "holds no public key"}},
		"no file of public keys":  {[]string{"--jwt-public-key=" + empty + ".none"}, []string{"--jwt-public-key: ", "no such file"}},
		"JWKS in clear":           {[]string{"--jwks-url=http://u:" + secret + "@example.org/"}, []string{"--jwks-url: the URL of a key set must begin with https://"}},
		"JWKS and public keys":    {[]string{"--jwks-url=https://u:" + secret + "@example.org/", "--jwt-public-key=" + pem}, []string{"--jwks-url: public keys are either given or fetched"}},
		"issuer without tokens":   {[]string{"--jwt-issuer=me"}, []string{"--jwt-issuer: it concerns tokens"}},
		"audience without tokens": {[]string{"--jwt-audience=me"}, []string{"--jwt-audience: it concerns tokens"}},
		"cookie without tokens":   {[]string{"--token-cookie=t"}, []string{"--token-cookie: it concerns tokens"}},
		"bad cookie":              {[]string{"--token-cookie=a b", withSecret}, []string{`--token-cookie: "a b" is not a cookie's name`}},
		"cookie for every page":   {[]string{"--token-cookie=t", withSecret, "--cors-origin=*"}, []string{"--cors-origin: * together with token-cookie"}},
		"leeway":                  {[]string{"--jwt-leeway=1h", withSecret}, []string{"--jwt-leeway: 1h is out of range"}},
		"backend without a host":  {[]string{"--authorize-url=" + secret}, []string{"--authorize-url: the URL of the backend must be like https://"}},
		"backend of nobody":       {[]string{"--authorize-cookies=session"}, []string{"--authorize-cookies: it concerns the backend that is asked"}},
		"all cookies":             {[]string{"--authorize-url=https://u:" + secret + "@a.org", "--authorize-headers=cookie"}, []string{"--authorize-headers: ", "among the cookies"}},
		"bad name of a cookie":    {[]string{"--authorize-url=https://u:" + secret + "@a.org", "--authorize-cookies=a b"}, []string{"--authorize-cookies: ", "not the name of a cookie"}},
		"rate of questions":       {[]string{"--authorize-url=https://u:" + secret + "@a.org", "--authorize-rate=0"}, []string{"--authorize-rate: 0 is out of range"}},
		"backend for every page":  {[]string{"--authorize-url=https://u:" + secret + "@a.org", "--cors-origin=*"}, []string{"--cors-origin: * together with authorize-url"}},
		"bad pattern":             {[]string{"--anonymous=a.>.b"}, []string{"--anonymous: ", `the pattern "a.>.b"`}},
		"proxy":                   {[]string{"--trusted-proxy=proxy.local"}, []string{`--trusted-proxy: "proxy.local" is not an address or network`}},
		"rate":                    {[]string{"--address-connects=-1"}, []string{"--address-connects: -1 is out of range"}},
		"endless rate":            {[]string{"--identity-publishes=NaN"}, []string{"--identity-publishes: NaN is out of range"}},
		"certificate alone":       {[]string{"--tls-cert=" + pem}, []string{"--tls-cert: tls-cert and tls-key must be set together"}},
		"certificate and dev":     {[]string{"--tls-dev", "--tls-cert=" + pem, "--tls-key=" + pem}, []string{"--tls-dev: it creates its own certificate"}},
		"no certificate":          {[]string{"--tls-cert=" + empty, "--tls-key=" + empty}, []string{"--tls-cert: "}},
		"several":                 {[]string{"--jwt-secret=" + secret, "--api-key=" + key}, []string{"--jwt-secret: ", "--api-key: "}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := parse(t, "", nil, test.args...)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, says := range test.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("the message is\n%v\nwant it to say %q", err, says)
				}
			}
			for _, hidden := range []string{secret, key[3:], jwtSecret} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("the message holds a secret:\n%v", err)
				}
			}
		})
	}
	failure(t, []string{"ROLLCALL_JWT_SECRET=" + secret}, 2, "--jwt-secret: ", "serve", "--listen=127.0.0.1:0")
}

// Wherever the YAML is broken, the message holds nothing of the values.
func TestBrokenFileShowsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789SECRET"
	for _, file := range []string{
		"jwt-secret: " + secret + "\nlisten: [\n", "jwt-secret: \"" + secret + "\nlisten: ':1'\n", "jwt-secret: [" + secret + "\n",
		"jwt-secret: " + secret + ": x\n", "jwt-secret: {" + secret + "\n", "jwt-secret: " + secret + "\n  listen: x\n",
		"jwt-secret: *" + secret + "\n", "jwt-secret: !" + secret + "\n", "- " + secret + "\n", secret + "\n", "jwt-secret: @" + secret + "\n",
		"jwt-secret: '" + secret + "'x\n", "jwt-secret " + secret + "\nlisten: ':1'\n", "admin-password: " + secret + "\nadmin-password: " + secret + "\n",
	} {
		if _, _, err := parse(t, file, nil); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q gives %v", file, err)
		}
	}
}
