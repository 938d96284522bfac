package web_test

import (
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/login"
	"rollcall/web/sso"
	"rollcall/web/webtest"
)

// oidc returns the login at an issuer: ops are operators, support sees rooms, guests are viewers.
func oidc(t testing.TB, i *webtest.Issuer, base string) *web.OIDC {
	t.Helper()
	provider, err := sso.New(sso.Options{Issuer: i.URL, ClientID: i.ClientID, ClientSecret: i.Secret, RedirectURL: base + "/admin" + web.OIDCCallback})
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := auth.ParsePatterns("room.>")
	if err != nil {
		t.Fatal(err)
	}
	return &web.OIDC{Provider: provider, Roles: []web.GroupRole{
		{Group: "ops", Account: login.Account{Role: login.Operator}},
		{Group: "support", Account: login.Account{Role: login.Operator, Title: "support", Channels: rooms}},
		{Group: "guests", Account: login.Account{Role: login.Viewer}},
	}}
}

// startSSO runs an issuer, and a server with local users that also lets in those of the issuer.
func startSSO(t testing.TB, change func(*web.Options)) (*webtest.Server, *webtest.Issuer) {
	t.Helper()
	i := webtest.StartIssuer(t)
	opts := withAdmins(web.Options{})
	if change != nil {
		change(&opts)
	}
	srv := webtest.Start(t, opts)
	if err := srv.Reload(web.Changes{Admins: opts.Admins, OIDC: oidc(t, i, srv.URL)}); err != nil {
		t.Fatal(err)
	}
	return srv, i
}

// atProvider begins a login and returns the address that the provider leads back to, without the server's part.
func (v *visitor) atProvider(next string) string {
	v.Helper()
	to := "/admin/oidc"
	if next != "" {
		to += "?next=" + queryEscape(next)
	}
	began := v.do("GET", to, "").want(303)
	return v.follow(began.header.Get("Location"))
}

// follow asks the provider and returns where it leads back to.
func (v *visitor) follow(address string) string {
	v.Helper()
	resp, err := v.client.Get(address)
	if err != nil {
		v.Fatal(err)
	}
	resp.Body.Close()
	back := resp.Header.Get("Location")
	if resp.StatusCode != 302 || !strings.HasPrefix(back, v.base) {
		v.Fatalf("the provider answered %d and leads to %q", resp.StatusCode, back)
	}
	return strings.TrimPrefix(back, v.base)
}

// sso logs in at the provider.
func (v *visitor) sso() *visitor {
	v.Helper()
	v.do("GET", v.atProvider(""), "").want(200)
	return v
}

func TestOIDCLogin(t *testing.T) {
	t.Parallel()
	srv, i := startSSO(t, nil)
	ann := stranger(t, srv)
	page := ann.get("/admin/login?next=%2Fadmin%2Fclients%3Fq%3Da")
	link := page.one("login-provider")
	if page.one("username") == nil || !strings.Contains(textOf(link), strings.TrimPrefix(i.URL, "http://")) {
		t.Errorf("the login page offers %s", page.text)
	}
	began := ann.do("GET", attr(link, "href"), "").want(303)
	address, _ := url.Parse(began.header.Get("Location"))
	q := address.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("state") == "" || q.Get("nonce") == "" || q.Get("scope") != "openid profile email" {
		t.Errorf("the provider is asked %s", address)
	}
	if flow := began.header.Get("Set-Cookie"); !strings.Contains(flow, "HttpOnly") || !strings.Contains(flow, "SameSite=Lax") || strings.Contains(flow, q.Get("state")) {
		t.Errorf("the cookie of the login is %s", flow)
	}
	back := ann.follow(began.header.Get("Location"))
	done := ann.do("GET", back, "").want(200)
	if !strings.Contains(done.text, `http-equiv="refresh" content="0;url=../admin/clients?q=a"`) {
		t.Errorf("it goes on to %s", done.text)
	}
	for _, cookie := range done.header.Values("Set-Cookie") {
		if strings.HasPrefix(cookie, "rollcall_admin=") && (!strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict")) {
			t.Errorf("the session's cookie is %s", cookie)
		}
	}
	ann.get("/admin/clients").wantText("user-menu", "oidc:ann").wantText("user-menu", "operator")
	ann.act("ok", "Draining: 1 streams a second.", "/admin/server/drain", "rate", "1")
	ann.get("/admin/sessions").wantText("sessions-rows", "oidc:ann operator this one")
	ann.get("/admin/audit").wantText("audit-rows", "oidc:ann").wantText("audit-rows", "operator, by "+strings.TrimPrefix(i.URL, "http://")+" as "+i.URL+" 4711")

	// Logging out ends it here; the login page leads to the provider again.
	cookie := ann.cookies()[0]
	ann.post("/admin/logout").wantLocation("/admin/login")
	ann.plant(cookie.Name, cookie.Value)
	ann.do("GET", "/admin", "").wantLogin()
	ann.sso().get("/admin")

	// Local users are as before.
	operator(t, srv).get("/admin")
}

// Whatever does not belong to this browser's login gets no session, and the audit log has the reason.
func TestOIDCRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*webtest.Issuer)
		change  func(v *visitor, back string) string // the address that the browser comes back to
		status  int
		says    string
		audit   string
	}{
		"another state": {change: func(_ *visitor, back string) string { return strings.Replace(back, "state=", "state=X", 1) }, status: 400, says: "not begun in this browser", audit: "belongs to another login"},
		"no state":      {change: func(*visitor, string) string { return "/admin/oidc-callback?code=x" }, status: 400, says: "not begun in this browser"},
		"no login begun": {change: func(v *visitor, back string) string {
			v.do("GET", "/admin/oidc-callback", "").want(400) // takes the cookie
			return back
		}, status: 400, says: "not begun in this browser", audit: "no login was begun in this browser"},
		"another login's state": {change: func(v *visitor, back string) string {
			v.atProvider("")
			return back
		}, status: 400, says: "not begun in this browser"},
		"another issuer":   {change: func(_ *visitor, back string) string { return back + "&iss=https://evil.example" }, status: 400, says: "not begun"},
		"another code":     {change: func(_ *visitor, back string) string { return strings.Replace(back, "code=", "code=X", 1) }, status: 403, says: "has declined", audit: "invalid_grant"},
		"declined":         {prepare: func(i *webtest.Issuer) { i.Refuse = "access_denied" }, status: 403, says: "has declined", audit: "access_denied"},
		"another nonce":    {prepare: func(i *webtest.Issuer) { i.Claims = map[string]any{"nonce": "other"} }, status: 403, says: "not valid for this server", audit: "nonce"},
		"no nonce":         {prepare: func(i *webtest.Issuer) { i.Claims = map[string]any{"nonce": nil} }, status: 403, says: "not valid", audit: "nonce"},
		"expired token":    {prepare: func(i *webtest.Issuer) { i.Claims = map[string]any{"exp": 1000} }, status: 403, says: "not valid", audit: "expired"},
		"another audience": {prepare: func(i *webtest.Issuer) { i.Claims = map[string]any{"aud": "someone"} }, status: 403, says: "not valid", audit: "audience"},
		"token's issuer":   {prepare: func(i *webtest.Issuer) { i.Claims = map[string]any{"iss": "https://evil.example"} }, status: 403, says: "not valid", audit: "issue"},
		"unknown groups":   {prepare: func(i *webtest.Issuer) { i.Claims = map[string]any{"groups": []string{"staff"}} }, status: 403, says: "as ann, but none of your groups may use this page", audit: "none of the groups has a role"},
		"no groups": {prepare: func(i *webtest.Issuer) {
			i.Claims, i.UserInfo = map[string]any{"groups": nil}, map[string]any{"groups": nil}
		}, status: 403, says: "none of your groups", audit: "none of the groups has a role"},
		"groups of another kind": {prepare: func(i *webtest.Issuer) { i.Claims = map[string]any{"groups": []any{"ops", 7}} }, status: 403, says: "not valid", audit: "not a list of names"},
		"userinfo of another": {prepare: func(i *webtest.Issuer) {
			i.Claims, i.UserInfo = map[string]any{"groups": nil}, map[string]any{"sub": "4712"}
		}, status: 403, says: "not valid", audit: "another user"},
		"wrong secret": {prepare: func(i *webtest.Issuer) { i.Secret = "changed" }, status: 403, says: "has declined", audit: "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, i := startSSO(t, nil)
			if test.prepare != nil {
				test.prepare(i)
			}
			v := stranger(t, srv)
			back := v.atProvider("/admin/clients")
			if test.change != nil {
				back = test.change(v, back)
			}
			page := v.do("GET", back, "").want(test.status).wantText("login-error", test.says)
			if strings.Contains(page.text, i.Secret) {
				t.Error("the page shows the secret")
			}
			v.do("GET", "/admin", "").wantLogin()
			if left := v.cookies(); len(left) != 0 {
				t.Errorf("the browser keeps %v", left)
			}
			operator(t, srv).get("/admin/audit").wantText("audit-rows", "oidc:").wantText("audit-rows", "refused").wantText("audit-rows", test.audit)
		})
	}
}

// A code, and the answer with it, works once and for the browser alone that began.
func TestOIDCReplay(t *testing.T) {
	t.Parallel()
	srv, _ := startSSO(t, nil)
	ann, thief := stranger(t, srv), stranger(t, srv)
	back := ann.atProvider("")
	var flow *http.Cookie
	for _, c := range ann.cookies() {
		flow = c
	}
	thief.do("GET", back, "").want(400).wantText("login-error", "not begun in this browser")
	thief.atProvider("")
	thief.do("GET", back, "").want(400).wantText("login-error", "not begun in this browser")
	ann.do("GET", back, "").want(200)
	thief.plant(flow.Name, flow.Value)
	thief.do("GET", back, "").want(403).wantText("login-error", "has declined")
	thief.do("GET", "/admin", "").wantLogin()
	ann.get("/admin")
}

// No address of others is gone on to.
func TestOIDCNextIsOfTheAdminUI(t *testing.T) {
	t.Parallel()
	srv, _ := startSSO(t, nil)
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/admin/../..//evil.example", "javascript:alert(1)", "/other"} {
		v := stranger(t, srv)
		if done := v.do("GET", v.atProvider(next), "").want(200); !strings.Contains(done.text, `content="0;url=../admin"`) {
			t.Errorf("%q: %s", next, done.text)
		}
	}
}

// The provider's new keys are found, and one that was taken away ends its tokens.
func TestOIDCKeyRotation(t *testing.T) {
	t.Parallel()
	srv, i := startSSO(t, nil)
	stranger(t, srv).sso().get("/admin")
	i.Rotate()
	stranger(t, srv).sso().get("/admin")
	if n := i.Asked("/keys"); n != 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	if n := i.Asked("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("the endpoints were asked for %d times", n)
	}
}

// The first of the configured groups that a user has is the role.
func TestOIDCGroups(t *testing.T) {
	t.Parallel()
	srv, i := startSSO(t, nil)
	for _, test := range []struct {
		groups, info any
		role         string
	}{
		{[]string{"guests"}, nil, "viewer"}, {[]string{"guests", "ops"}, nil, "operator"}, {"guests", nil, "viewer"},
		{map[string]any{"guests": map[string]any{"1": "org"}}, nil, "viewer"}, {[]string{"support", "guests"}, nil, "support"},
		{nil, []string{"guests"}, "viewer"},
	} {
		i.Claims, i.UserInfo = map[string]any{"groups": test.groups}, map[string]any{"groups": test.info}
		v := stranger(t, srv).sso()
		v.get("/admin/channels").wantText("user-menu", "oidc:ann "+test.role)
	}
	i.Claims = map[string]any{"preferred_username": nil, "email": "ann@example.org"}
	stranger(t, srv).sso().get("/admin").wantText("user-menu", "oidc:ann@example.org")
	i.Claims, i.UserInfo = map[string]any{"preferred_username": "a\u202enn\n"}, nil
	stranger(t, srv).sso().get("/admin").wantText("user-menu", "oidc:ann")
}

// While the provider is away, local users log in, and the login page says what is wrong.
func TestOIDCProviderIsAway(t *testing.T) {
	t.Parallel()
	srv, i := startSSO(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "http://" + l.Addr().String()
	l.Close()
	up := i.URL
	i.URL = nowhere
	away := oidc(t, i, srv.URL)
	if err := srv.Reload(web.Changes{Admins: admins(), OIDC: away}); err != nil {
		t.Fatal(err)
	}
	v := stranger(t, srv)
	v.do("GET", "/admin/oidc", "").want(502).wantText("login-error", "can’t be reached").wantText("login-error", "log in with a password")
	v.isAlice().get("/admin/audit").wantText("audit-rows", "the login provider can't be reached")
	i.URL = up
	if err := srv.Reload(web.Changes{Admins: admins(), OIDC: oidc(t, i, srv.URL)}); err != nil {
		t.Fatal(err)
	}
	stranger(t, srv).sso().get("/admin")
}

// Sessions of the provider's users survive a restart, and end when their rights follow from other rules, or the
// provider is taken away.
func TestOIDCSessionsFollowTheRules(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sessions")
	srv, i := startSSO(t, func(o *web.Options) { o.AdminSessions = file })
	i.Claims = map[string]any{"groups": []string{"support"}}
	ann := stranger(t, srv).sso()
	ann.get("/admin/channels").wantText("limited", "room.>")
	cookie := ann.cookies()[0]
	same := oidc(t, i, srv.URL)
	if err := srv.Reload(web.Changes{Admins: admins(), OIDC: same}); err != nil {
		t.Fatal(err)
	}
	ann.get("/admin/channels")
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	opts := withAdmins(web.Options{AdminSessions: file, OIDC: oidc(t, i, srv.URL)})
	again := webtest.Start(t, opts)
	v := stranger(t, again)
	v.plant(cookie.Name, cookie.Value)
	v.get("/admin/channels").wantText("limited", "room.>")
	v.do("GET", "/admin/clients", "").want(403)

	open := v.watch("/admin/channels")
	open.patch()
	fewer := oidc(t, i, srv.URL)
	fewer.Roles = fewer.Roles[:1]
	if err := again.Reload(web.Changes{Admins: admins(), OIDC: fewer}); err != nil {
		t.Fatal(err)
	}
	open.wantExpired()
	v.do("GET", "/admin/channels", "").wantLogin()
	if err := again.Reload(web.Changes{Admins: admins()}); err != nil {
		t.Fatal(err)
	}
	v.do("GET", "/admin/oidc", "").want(404)
	v.do("GET", "/admin/oidc-callback", "").want(404)
	if page := v.get("/admin/login"); page.one("login-provider") != nil {
		t.Error("the login page offers a provider that is gone")
	}
}

// A server without local users has an admin UI for the provider's users alone.
func TestOIDCAlone(t *testing.T) {
	t.Parallel()
	i := webtest.StartIssuer(t)
	srv := webtest.Start(t, web.Options{})
	if err := srv.Reload(web.Changes{OIDC: oidc(t, i, srv.URL)}); err != nil {
		t.Fatal(err)
	}
	v := stranger(t, srv)
	if page := v.get("/admin/login"); page.one("username") != nil || page.one("login-provider") == nil {
		t.Errorf("the login page is %s", page.text)
	}
	v.login("alice", alicePassword, "").want(401)
	v.sso().get("/admin")
}

// Guesses at codes are slowed down like guesses at passwords.
func TestOIDCAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	srv, i := startSSO(t, nil)
	v := stranger(t, srv)
	for range 5 {
		v.do("GET", strings.Replace(v.atProvider(""), "code=", "code=X", 1), "").want(403)
	}
	v.do("GET", v.atProvider(""), "").want(429).wantText("login-error", "Too many attempts")
	if n := i.Asked("/token"); n != 5 {
		t.Errorf("the provider was asked %d times", n)
	}
}
