package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/web/auth"
)

const jwtSecret = "0123456789abcdef0123456789abcdef"

// taken wants a token to be u1's.
func taken(t *testing.T, o auth.VerifierOptions, token string) *auth.Grant {
	t.Helper()
	v, err := auth.NewVerifier(o)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	g, err := v.Verify(t.Context(), strings.TrimSpace(token))
	if err != nil || g.ClientID != "u1" {
		t.Fatalf("%+v, %v", g, err)
	}
	return g
}

func TestTokenNew(t *testing.T) {
	t.Parallel()
	env := []string{"ROLLCALL_JWT_SECRET=" + jwtSecret, "ROLLCALL_JWT_ISSUER=me"}
	args := []string{"token", "new", "--sub=u1", "--subscribe=room.*,a b", "--publish=chat", "--ttl=2h", `--info={"a": 1}`, "--audience=here"}
	token, stderr := output(t, env, args...)
	g := taken(t, auth.VerifierOptions{Secret: []byte(jwtSecret), Issuer: "me", Audience: "here"}, token)
	if !g.MaySubscribe("room.1") || !g.MaySubscribe("a b") || !g.MayPublish("chat") || g.MayPublish("a b") || string(g.Info) != `{"a":1}` {
		t.Errorf("%+v", g)
	}
	if left := time.Until(g.Expires); left < time.Hour || left > 3*time.Hour || stderr != "" {
		t.Errorf("it is good for %v; %s", left, stderr)
	}
	stdout, _ := output(t, env, append(args, "--json")...)
	var result struct{ Token, Expires string }
	if err := json.Unmarshal([]byte(stdout), &result); err != nil {
		t.Fatal(err)
	}
	g = taken(t, auth.VerifierOptions{Secret: []byte(jwtSecret), Issuer: "me", Audience: "here"}, result.Token)
	if end, err := time.Parse(time.RFC3339, result.Expires); err != nil || !g.Expires.After(end) {
		t.Errorf("%s, %v", result.Expires, err)
	}
}

func TestTokenNewWithPrivateKeys(t *testing.T) {
	t.Parallel()
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, key := range []crypto.Signer{rsaKey, ecKey, ed25519.NewKeyFromSeed([]byte(jwtSecret))} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "key.pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		token, _ := output(t, nil, "token", "new", "--sub=u1", "--jwt-private-key", path)
		taken(t, auth.VerifierOptions{PublicKeys: []crypto.PublicKey{key.Public()}}, token)
	}
}

func TestTokenNewRefuses(t *testing.T) {
	t.Parallel()
	secret := []string{"ROLLCALL_JWT_SECRET=" + jwtSecret}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	failure(t, nil, 2, "ROLLCALL_JWT_SECRET", "token", "new", "--sub=u1")
	failure(t, secret, 2, "give one of", "token", "new", "--sub=u1", "--jwt-private-key="+empty)
	failure(t, secret, 2, "--sub=ID", "token", "new")
	failure(t, secret, 2, "before the end", "token", "new", "--sub=u1", "--subscribe=>.a")
	failure(t, secret, 2, "out of range", "token", "new", "--sub=u1", "--ttl=0s")
	failure(t, secret, 1, "must be a JSON object", "token", "new", "--sub=u1", "--info=[]")
	failure(t, secret, 1, "the subject must be", "token", "new", "--sub=")
	failure(t, nil, 1, "at least 32 random bytes are needed", "token", "new", "--sub=u1", "--jwt-secret=short")
	failure(t, nil, 1, "holds no private key", "token", "new", "--sub=u1", "--jwt-private-key="+empty)
	failure(t, nil, 1, "no such file", "token", "new", "--sub=u1", "--jwt-private-key="+empty+".none")
}
