package auth_test

import (
	"crypto"
	"strings"
	"testing"
	"time"

	"rollcall/web/auth"
)

func TestSignedTokensAreTaken(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{
		Secret: secret, PublicKeys: []crypto.PublicKey{rsaKey().Public(), ecKey().Public(), edKey().Public()},
		Issuer: "me", Audience: "here",
	})
	now := time.Now()
	c := auth.Claims{
		Subject: "ü 1", Subscribe: patterns(t, "room.*,a b"), Publish: patterns(t, "chat"), Info: []byte(` {"a": 1} `),
		Issuer: "me", Audience: "here", IssuedAt: now, Expires: now.Add(time.Hour),
	}
	for _, key := range []any{secret, rsaKey(), ecKey(), edKey()} {
		token, err := auth.Sign(c, key)
		if err != nil {
			t.Errorf("%T: %v", key, err)
			continue
		}
		g, err := v.Verify(t.Context(), token)
		if err != nil || g.ClientID != "ü 1" || string(g.Info) != `{"a":1}` || rights(g, "room.1") != "sho" || rights(g, "chat") != "p" {
			t.Errorf("%T: %+v, %v", key, g, err)
		}
	}
	c = auth.Claims{Subject: "u", IssuedAt: now, Expires: now.Add(time.Hour)}
	if token, err := auth.Sign(c, secret); err != nil {
		t.Error(err)
	} else if g, err := verifier(t, auth.VerifierOptions{Secret: secret}).Verify(t.Context(), token); err != nil || g.Info != nil || rights(g, "x") != "" {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestSignRefuses(t *testing.T) {
	good := auth.Claims{Subject: "u", Expires: time.Now().Add(time.Hour), IssuedAt: time.Now()}
	noSubject, badInfo, large := good, good, good
	noSubject.Subject = ""
	badInfo.Info = []byte(`{"a":`)
	for range 1000 {
		large.Subscribe = append(large.Subscribe, pattern(t, strings.Repeat("a", 100)))
	}
	for name, c := range map[string]struct {
		claims auth.Claims
		key    any
	}{
		"no subject": {noSubject, secret}, "bad info": {badInfo, secret}, "a large token": {large, secret},
		"a short secret": {good, secret[1:]}, "a public key": {good, rsaKey().Public()}, "no key": {good, nil},
	} {
		if token, err := auth.Sign(c.claims, c.key); err == nil || token != "" {
			t.Errorf("%s: %q", name, token)
		}
	}
}
