package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall/web/auth"
)

// request makes a GET with the given query and header lines.
func request(query string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "http://example.org/subscribe", nil)
	r.URL.RawQuery = query
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func authenticator(t testing.TB, o auth.Options) *auth.Authenticator {
	t.Helper()
	a, err := auth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// guarded has a key for orders, one for all, tokens in the cookie "session", and
// public channels.
func guarded(t testing.TB) (a *auth.Authenticator, key, all string) {
	key, orders := newKey(t, "billing", "publish,presence,history", "orders.>")
	all, root := newKey(t, "root", "publish,subscribe,history,presence,admin", ">")
	a = authenticator(t, auth.Options{
		Keys: []auth.Key{orders, root}, Verifier: verifier(t, auth.VerifierOptions{Secret: secret}),
		Anonymous: patterns(t, "public.>"), TokenCookie: "session",
	})
	return a, key, all
}

// rights prints what a grant gives on a channel.
func rights(g *auth.Grant, channel string) string {
	var b strings.Builder
	for _, may := range []struct {
		letter string
		on     bool
	}{
		{"p", g.MayPublish(channel)}, {"s", g.MaySubscribe(channel)}, {"h", g.MayReadHistory(channel)},
		{"o", g.MaySeePresence(channel)}, {"F", g.FullPresence()}, {"A", g.Admin()}, {"c", g.MayChooseClientID()},
	} {
		if may.on {
			b.WriteString(may.letter)
		}
	}
	return b.String()
}

func TestWhoMayDoWhat(t *testing.T) {
	a, key, all := guarded(t)
	_, part := newKey(t, "part", "presence", "a.>,*")
	if _, err := auth.New(auth.Options{Keys: []auth.Key{part}}); err != nil {
		t.Fatal(err)
	}
	token := sign(t, secret, claim{"sub": "u1", "channels": claim{"subscribe": []string{"room.*"}, "publish": []string{"chat.>"}}})
	wide := sign(t, secret, claim{"sub": "billing", "channels": claim{"subscribe": []string{">"}}})
	for _, c := range []struct {
		header string
		kind   auth.Kind
		name   string
		rights map[string]string
	}{
		{"X-None: x", auth.Anonymous, "", map[string]string{"public.a": "sho", "public": "", "room.1": "", "$online": ""}},
		{"X-API-Key: " + key, auth.APIKey, "billing", map[string]string{"orders.1": "phoc", "orders": "c", "public.a": "c", "$online": "c"}},
		{"X-API-Key: " + all, auth.APIKey, "root", map[string]string{"x": "pshoFAc", "$online": "FAc"}},
		{"Authorization: Bearer " + token, auth.Token, "u1", map[string]string{"room.1": "sho", "room.1.a": "", "chat.1": "p", "public.a": ""}},
		{"authorization: bearer  " + wide, auth.Token, "billing", map[string]string{"x": "sho", "$online": ""}},
	} {
		g, err := a.Authenticate(request("", c.header))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if g.Kind != c.kind || g.Name != c.name {
			t.Errorf("it is the %v %q, want the %v %q", g.Kind, g.Name, c.kind, c.name)
		}
		for channel, want := range c.rights {
			if got := rights(g, channel); got != want {
				t.Errorf("%v %q may %q on %q, want %q", g.Kind, g.Name, got, channel, want)
			}
		}
	}
}

// A key and a subject of the same name are not the same to limits and logs.
func TestIdentitiesOfKindsDiffer(t *testing.T) {
	a, key, _ := guarded(t)
	k, err1 := a.Authenticate(request("", "X-API-Key: "+key))
	u, err2 := a.Authenticate(request("", "Authorization: Bearer "+sign(t, secret, claim{"sub": "billing"})))
	if err1 != nil || err2 != nil || k.Name != u.Name || k.Identity() == u.Identity() || k.Identity() == "" {
		t.Errorf("%q and %q, %v, %v", k.Identity(), u.Identity(), err1, err2)
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	a, key, all := guarded(t)
	token, other := sign(t, secret, claim{"sub": "u1"}), sign(t, secret, claim{"sub": "u2"})
	unknown, _ := newKey(t, "x", "publish", ">")
	for name, c := range map[string]struct {
		query   string
		headers []string
		want    error
	}{
		"two keys":                      {"", []string{"Authorization: Bearer " + key, "X-API-Key: " + all}, auth.ErrAmbiguous},
		"a key and a token":             {"access_token=" + token, []string{"X-API-Key: " + key}, auth.ErrAmbiguous},
		"two tokens in the query":       {"access_token=" + token + "&access_token=" + other, nil, auth.ErrAmbiguous},
		"header and cookie differ":      {"", []string{"Authorization: Bearer " + token, "Cookie: session=" + other}, auth.ErrAmbiguous},
		"two cookies":                   {"", []string{"Cookie: session=" + token + "; session=" + other}, auth.ErrAmbiguous},
		"two Authorization headers":     {"", []string{"Authorization: Bearer " + token, "Authorization: Bearer " + other}, auth.ErrAmbiguous},
		"two in one header":             {"", []string{"Authorization: Bearer " + token + ", Bearer " + other}, auth.ErrMalformed},
		"a key in the query":            {"access_token=" + key, nil, auth.ErrKeyInURL},
		"a key in the query and header": {"access_token=" + key, []string{"X-API-Key: " + key}, auth.ErrKeyInURL},
		"a key in the query, encoded":   {"%61ccess_token=%72k_" + key[3:], nil, auth.ErrKeyInURL},
		"a key in the cookie":           {"", []string{"Cookie: session=" + key}, auth.ErrKeyInURL},
		"an unknown key":                {"", []string{"X-API-Key: " + unknown}, auth.ErrAPIKey},
		"a key in capitals":             {"", []string{"X-API-Key: rk_" + strings.ToUpper(key[3:])}, auth.ErrAPIKey},
		"a shortened key":               {"", []string{"X-API-Key: " + key[:42]}, auth.ErrAPIKey},
		"a key and more":                {"", []string{"X-API-Key: " + key + "a"}, auth.ErrAPIKey},
		"a key's hash":                  {"", []string{"X-API-Key: rk_" + strings.Repeat("0", 64)}, auth.ErrAPIKey},
		"a token as a key":              {"", []string{"X-API-Key: " + token}, auth.ErrAPIKey},
		"nothing after Bearer":          {"", []string{"Authorization: Bearer"}, auth.ErrMalformed},
		"an empty key":                  {"", []string{"X-API-Key: "}, auth.ErrMalformed},
		"an empty parameter":            {"access_token=", nil, auth.ErrMalformed},
		"a garbled parameter":           {"access_token=%zz", nil, auth.ErrMalformed},
		"garbage":                       {"access_token=undefined", nil, auth.ErrMalformed},
		"a stale cookie":                {"", []string{"Cookie: session=" + sign(t, secret, claim{"sub": "u", "exp": 1})}, auth.ErrExpired},
	} {
		if g, err := a.Authenticate(request(c.query, c.headers...)); !errors.Is(err, c.want) || g != nil {
			t.Errorf("%s: %v, %v, want %v", name, g, err, c.want)
		}
	}
}

func TestPlacesOfAToken(t *testing.T) {
	a, _, _ := guarded(t)
	token := sign(t, secret, claim{"sub": "u1"})
	for name, c := range map[string]struct {
		query   string
		headers []string
		ambient bool
	}{
		"header":            {"", []string{"Authorization: Bearer " + token}, false},
		"query":             {"channels=a&access_token=" + token, nil, false},
		"cookie":            {"", []string{"Cookie: a=b; session=" + token}, true},
		"cookie and header": {"", []string{"Authorization: Bearer " + token, "Cookie: session=" + token}, false},
		"two equal cookies": {"", []string{"Cookie: session=" + token + "; session=" + token}, true},
	} {
		g, err := a.Authenticate(request(c.query, c.headers...))
		if err != nil || g.Kind != auth.Token || g.ClientID != "u1" || g.Ambient != c.ambient {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	for _, r := range []*http.Request{
		request("", "Cookie: other="+token), request("", "Cookie: session="), request("token=" + token),
		request("", "Authorization: Basic dTpw"),
	} {
		if g, err := a.Authenticate(r); err != nil || g.Kind != auth.Anonymous {
			t.Errorf("%v: %v, %v", r, g, err)
		}
	}
}

func TestOpenMode(t *testing.T) {
	a := authenticator(t, auth.Options{Open: true})
	for _, r := range []*http.Request{request(""), request("access_token=garbage", "X-API-Key: rk_x")} {
		g, err := a.Authenticate(r)
		if err != nil || g.Kind != auth.Open || rights(g, "x") != "pshoFAc" || g.MayPublish("$online") {
			t.Errorf("%v, %v", g, err)
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	_, key := newKey(t, "a", "publish", "x")
	v := verifier(t, auth.VerifierOptions{Secret: secret})
	for name, o := range map[string]auth.Options{
		"open with keys":        {Open: true, Keys: []auth.Key{key}},
		"open with tokens":      {Open: true, Verifier: v},
		"open with anonymous":   {Open: true, Anonymous: patterns(t, "a")},
		"a key twice":           {Keys: []auth.Key{key, key}},
		"an empty key":          {Keys: []auth.Key{{}}},
		"a cookie for nothing":  {TokenCookie: "session"},
		"a cookie with a space": {TokenCookie: "a b", Verifier: v},
	} {
		if _, err := auth.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// An API key costs a hash and nothing else.
func TestAuthenticatingAKeyDoesNotAllocate(t *testing.T) {
	text, key := newKey(t, "a", "publish", "x")
	a := authenticator(t, auth.Options{Keys: []auth.Key{key}})
	r := request("", "Authorization: Bearer "+text)
	if n := testing.AllocsPerRun(100, func() { _, _ = a.Authenticate(r) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
