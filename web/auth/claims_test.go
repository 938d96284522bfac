package auth_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/web/auth"
)

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := verifier(t, auth.VerifierOptions{Secret: secret})
		at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
		for name, c := range map[string]struct {
			claims claim
			want   error
		}{
			"expired":             {claim{"exp": at(-5 * time.Second)}, auth.ErrExpired},
			"expired long ago":    {claim{"exp": 0}, auth.ErrExpired},
			"expired within 5 s":  {claim{"exp": at(-4 * time.Second)}, nil},
			"no exp":              {claim{"exp": nil}, auth.ErrClaims},
			"exp as text":         {claim{"exp": "99999999999"}, auth.ErrClaims},
			"exp beyond all":      {claim{"exp": 1e300}, auth.ErrClaims},
			"exp before all":      {claim{"exp": -1}, auth.ErrClaims},
			"not yet valid":       {claim{"nbf": at(6 * time.Second)}, auth.ErrNotYet},
			"valid within 5 s":    {claim{"nbf": at(4 * time.Second)}, nil},
			"issued in an hour":   {claim{"iat": at(time.Hour)}, auth.ErrNotYet},
			"issued in a minute":  {claim{"iat": at(time.Minute)}, nil},
			"issued by fractions": {claim{"iat": 1.5}, nil},
		} {
			c.claims["sub"] = "u"
			token := sign(t, secret, c.claims)
			if c.want != nil {
				refused(t, v, name, token, c.want)
			} else if g, err := v.Verify(t.Context(), token); err != nil || g.Expired(time.Now()) {
				t.Errorf("%s: %+v, %v", name, g, err)
			}
		}
		strictly := verifier(t, auth.VerifierOptions{Secret: secret, Leeway: -1})
		refused(t, strictly, "no leeway", sign(t, secret, claim{"sub": "u", "exp": at(0)}), auth.ErrExpired)
	})
}

func TestWrongIssuerAndAudience(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret, Issuer: "https://id.example.org", Audience: "rollcall"})
	good := claim{"sub": "u", "iss": "https://id.example.org", "aud": "rollcall"}
	for name, c := range map[string]struct {
		change claim
		want   error
	}{
		"both":                 {claim{}, nil},
		"one of two audiences": {claim{"aud": []string{"other", "rollcall"}}, nil},
		"wrong issuer":         {claim{"iss": "https://evil.example.org"}, auth.ErrIssuer},
		"issuer with a slash":  {claim{"iss": "https://id.example.org/"}, auth.ErrIssuer},
		"no issuer":            {claim{"iss": nil}, auth.ErrIssuer},
		"wrong audience":       {claim{"aud": "billing"}, auth.ErrAudience},
		"audience's case":      {claim{"aud": "Rollcall"}, auth.ErrAudience},
		"no audience":          {claim{"aud": nil}, auth.ErrAudience},
		"empty audience":       {claim{"aud": []string{}}, auth.ErrAudience},
		"audience as object":   {claim{"aud": claim{"rollcall": 1}}, auth.ErrClaims},
	} {
		claims := maps.Clone(good)
		maps.Copy(claims, c.change)
		if token := sign(t, secret, claims); c.want != nil {
			refused(t, v, name, token, c.want)
		} else if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClaimsThatAreRefused(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret})
	many := make([]string, 1001)
	for i := range many {
		many[i] = "a"
	}
	for name, claims := range map[string]claim{
		"no sub":             {},
		"empty sub":          {"sub": ""},
		"long sub":           {"sub": strings.Repeat("a", 256)},
		"sub with a line":    {"sub": "a\nevent: x"},
		"sub with NUL":       {"sub": "a\x00"},
		"info as text":       {"sub": "u", "info": "x"},
		"info as list":       {"sub": "u", "info": []int{1}},
		"large info":         {"sub": "u", "info": claim{"a": strings.Repeat("x", 1020)}},
		"too many patterns":  {"sub": "u", "channels": claim{"subscribe": many}},
		"bad pattern":        {"sub": "u", "channels": claim{"publish": []string{"a", ">.a"}}},
		"the server's names": {"sub": "u", "channels": claim{"subscribe": []string{"$online"}}},
		"a long pattern":     {"sub": "u", "channels": claim{"subscribe": []string{strings.Repeat("a", 300)}}},
	} {
		refused(t, v, name, sign(t, secret, claims), auth.ErrClaims)
	}
	header, tail := `{"alg":"HS256"}`, `,"exp":99999999999}`
	for _, claims := range []string{
		`{"sub":"u","sub":"admin"` + tail, `{"sub":"u","exp":1` + tail,
		"{\"sub\":\"\xff\"" + tail, ``, `{"sub":"u"` + tail + `x`, strings.Repeat("[", 9000),
	} {
		refused(t, v, claims, signText(t, header, claims), auth.ErrMalformed)
	}
	// Only exact names count: what users put beside them can't become them.
	g, err := v.Verify(t.Context(), signText(t, header, `{"sub":"u","Sub":"admin","SUB":"admin","Channels":{"subscribe":[">"]}`+tail))
	if err != nil || g.ClientID != "u" || g.MaySubscribe("a") {
		t.Errorf("%+v, %v", g, err)
	}
	if g, err := v.Verify(t.Context(), signText(t, header, `{"sub":"u","info":null,"channels":null`+tail)); err != nil || g.Info != nil {
		t.Errorf("%+v, %v", g, err)
	}
}

// A claim of the wrong kind is named, with what it must be: user ids are often numbers.
func TestWrongClaimsAreNamed(t *testing.T) {
	v := verifier(t, auth.VerifierOptions{Secret: secret})
	for claims, want := range map[string]string{
		`{"sub":7`:                                    "sub must be a string",
		`{"sub":["u"]`:                                "sub must be a string",
		`{"sub":"u","channels":["a"]`:                 `channels must be an object such as {"subscribe":["news"]}`,
		`{"sub":"u","channels":"a"`:                   "channels must be an object",
		`{"sub":"u","channels":{"subscribe":"a"}`:     "channels.subscribe must be a list of strings",
		`{"sub":"u","channels":{"publish":["a",[1]]}`: "channels.publish must be a list of strings",
		`{"sub":"u","iss":1`:                          "iss must be a string",
		`{"sub":"u","aud":{"a":1}`:                    "aud must be a string or a list of strings",
		`{"sub":"u","nbf":"soon"`:                     "nbf must be a number of seconds since 1970",
	} {
		_, err := v.Verify(t.Context(), signText(t, `{"alg":"HS256"}`, claims+`,"exp":99999999999}`))
		if !errors.Is(err, auth.ErrClaims) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", claims, err, want)
		}
	}
	for _, claims := range []string{`[]`, `"x"`} {
		refused(t, v, claims, signText(t, `{"alg":"HS256"}`, claims), auth.ErrClaims)
	}
}
