package web_test

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rollcall/web"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

func TestAdminReplayedCookie(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	v := newVictim(t, srv)
	alice := operator(t, srv)
	stolen := alice.cookies()[0]
	alice.post("/admin/logout").wantLocation("/admin/login")
	if left := alice.cookies(); len(left) != 0 {
		t.Errorf("the browser keeps %v", left)
	}
	alice.do("GET", "/admin", "").wantLogin()
	thief := stranger(t, srv)
	thief.plant(stolen.Name, stolen.Value)
	thief.do("GET", "/admin/clients", "").wantLocation("/admin/login?next=%2Fadmin%2Fclients&expired=1")
	thief.do("GET", "/admin/stream?page=/admin", "").wantCode(401, "login_required")
	for _, route := range deeds {
		thief.do("POST", v.path(route), everything).want(401)
	}
	v.wantUnharmed(t)
	if page := thief.get("/admin/login?next=%2Fadmin%2Fclients&expired=1"); !strings.Contains(page.says("login-notice"), "timed out") {
		t.Errorf("told %s", page.says("login-notice"))
	}
}

func TestAdminFixedSession(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	// A made-up id stays invalid when its sender logs in.
	alice := stranger(t, srv)
	alice.plant("rollcall_admin", "known")
	alice.isAlice()
	if alice.cookies()[0].Value == "known" {
		t.Error("the planted id is alice's")
	}
	eve := stranger(t, srv)
	eve.plant("rollcall_admin", "known")
	eve.do("GET", "/admin", "").wantLogin()

	// So does one of another, earlier session.
	vera := viewer(t, srv)
	known := vera.cookies()[0]
	victim := stranger(t, srv)
	victim.plant(known.Name, known.Value)
	victim.isAlice()
	if now := victim.cookies(); len(now) != 1 || now[0].Value == known.Value {
		t.Errorf("cookies %v", now)
	}
	victim.get("/admin")
	vera.do("GET", "/admin", "").wantLogin()
}

func TestAdminLogOutEverywhere(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	here, there, vera := operator(t, srv), operator(t, srv), viewer(t, srv)
	open, hers := there.watch("/admin/clients"), vera.watch("/admin/clients")
	open.patch()
	hers.patch()
	if page := here.get("/admin/sessions"); strings.Count(page.text, "this one") != 1 {
		t.Error("the list of sessions does not say which is this one")
	}
	here.post("/admin/logout-everywhere").wantLocation("/admin/login")
	open.wantExpired()
	for _, gone := range []*visitor{here, there} {
		gone.do("GET", "/admin", "").wantLogin()
	}
	vera.get("/admin")
	srv.Subscribe("channels=a&clientId=ada").WantRegistered()
	hers.until("clients-rows", "ada", func(op) bool { return true })
}

var nonces = regexp.MustCompile(`nonce="[^"]*"`)

func TestAdminSameAnswerForUnknownUser(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	answer := func(name, password string) (*reply, string) {
		r := stranger(t, srv).login(name, password, "").want(401)
		r.header.Del("Date")
		r.header.Del("Content-Security-Policy")
		return r, strings.ReplaceAll(nonces.ReplaceAllString(r.text, ""), name, "NAME")
	}
	wrong, wrongText := answer("alice", "wrong")
	unknown, unknownText := answer("mallory", "wrong")
	if wrongText != unknownText {
		t.Errorf("a wrong password:\n%s\nan unknown name:\n%s", wrongText, unknownText)
	}
	wrong.header.Del("Content-Length") // the name is in the form
	unknown.header.Del("Content-Length")
	for name := range wrong.header {
		if wrong.header.Get(name) != unknown.header.Get(name) {
			t.Errorf("%s is %q and %q", name, wrong.header.Get(name), unknown.header.Get(name))
		}
	}
	wrong.wantText("login-error", "The name or the password is wrong.")
	if attr(wrong.one("username"), "value") != "alice" || attr(wrong.one("password"), "value") != "" {
		t.Error("the form keeps the name, and not the password")
	}
	answer("alice", "")
}

func TestAdminLoginAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	v := stranger(t, srv)
	for range 5 {
		v.login("alice", "wrong", "").want(401)
	}
	// The wait of the first rounds is short, and over on a machine that is busy.
	for round := 0; ; round++ {
		r := v.login("alice", "wrong", "")
		right := v.login("alice", alicePassword, "")
		other := stranger(t, srv).login("vera", veraPassword, "") // from the same address
		if r.status == 429 && right.status == 429 && other.status == 429 {
			wait, err := strconv.Atoi(r.header.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 60 || attr(r.one("login-error"), "data-wait") != r.header.Get("Retry-After") {
				t.Errorf("Retry-After %q, the page waits %q", r.header.Get("Retry-After"), attr(r.one("login-error"), "data-wait"))
			}
			r.wantText("login-error", "Too many attempts")
			right.wantText("login-error", "Too many attempts")
			break
		}
		if round == 5 {
			t.Fatalf("after so many wrong ones: %d, and %d for the right one", r.status, right.status)
		}
	}
	if len(v.cookies()) != 0 && v.do("GET", "/admin", "").status == 200 {
		t.Error("logged in all the same")
	}
}

func TestAdminLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	for next, want := range map[string]string{
		"": "/admin", "/admin/clients?q=a%26b&sort=-id": "/admin/clients?q=a%26b&sort=-id", "/admin/clients/a%2Fb": "/admin/clients/a%2Fb",
		"/admin/channels/_?name=..": "/admin/channels/_?name=..",
		"//evil.example":            "/admin", "https://evil.example": "/admin", "https://evil.example/admin": "/admin", `/\evil.example`: "/admin", `\/\/evil.example`: "/admin",
		"/admin/../x": "/admin", "/admin/%2e%2e/x": "/admin", "/admin/../../evil.example": "/admin", "/admin/..//evil.example": "/admin", "/adminx": "/admin", "/": "/admin",
		"javascript:alert(1)": "/admin", "JaVaScRiPt:alert(1)//admin": "/admin", "data:text/html,x": "/admin", "admin": "/admin", "@evil.example/admin": "/admin",
		"http:/admin": "/admin", "http:admin": "/admin", "//evil.example/admin": "/admin", "////evil.example/admin": "/admin", "/%0d%0aX: y": "/admin", "/admin\r\nX: y": "/admin",
		"/admin/login": "/admin", "/admin/stream?page=/admin": "/admin",
	} {
		v := stranger(t, srv)
		v.login("alice", alicePassword, next).wantLocation(want)
		// A logged-in user is redirected at once.
		v.do("GET", "/admin/login?next="+queryEscape(next), "").wantLocation(want)
		// The form carries on what it was given only if it is ours.
		hidden := stranger(t, srv).get("/admin/login?next=" + queryEscape(next))
		for n := range hidden.doc().Descendants() {
			if attr(n, "name") == "next" && attr(n, "value") != want {
				t.Errorf("%q: the form leads to %q", next, attr(n, "value"))
			}
		}
	}
}

func TestAdminHead(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	v := newVictim(t, srv)
	alice := operator(t, srv)
	for _, route := range routesOf(srv, "GET") {
		if route == "/admin/stream" {
			alice.do("HEAD", route+"?page=/admin", "").want(200)
		} else if r := alice.do("HEAD", v.path(route), ""); r.status != alice.do("GET", v.path(route), "").status || r.text != "" {
			t.Errorf("HEAD %s: %d, %q", route, r.status, r.text)
		}
	}
	v.wantUnharmed(t)
}

func TestAdminForms(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	v := newVictim(t, srv)
	alice := operator(t, srv)
	large := form("type", "message", "payload", strings.Repeat("x", 4<<20))
	alice.do("POST", "/admin/channels/news/publish", large, "Accept: application/json").wantCode(413, "body_too_large")
	alice.do("POST", "/admin/channels/news/publish", large).want(413).wantText("error", "too large")
	stranger(t, srv).do("POST", "/admin/login", large).want(413)
	const multipart = "--b\r\nContent-Disposition: form-data; name=\"for\"\r\n\r\n10m\r\n--b--\r\n"
	for kind, body := range map[string]string{
		"multipart/form-data; boundary=b": multipart, "application/json": `{"for":"10m"}`, "text/plain": "for=10m", "application/x-www-form-urlencoded2": "for=10m",
	} {
		alice.do("POST", "/admin/clients/ada/block", body, "Content-Type: "+kind).want(415)
		alice.do("POST", "/admin/clients/ada/block", body, "Content-Type: "+kind, "Accept: application/json").wantCode(415, "not_a_form")
		stranger(t, srv).do("POST", "/admin/login", body, "Content-Type: "+kind).want(415)
	}
	alice.do("POST", "/admin/clients/ada/block", "for=%zz", "Accept: application/json").wantCode(400, "invalid_form")
	// What is in the query is no form.
	alice.do("POST", "/admin/clients/ada/block?for=10m", "").want(303)
	v.wantUnharmed(t)
	alice.do("POST", "/admin/server/drain", "rate=5", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8").want(303)
	alice.post("/admin/server/drain/stop").want(303)
}

func TestAdminCookie(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	check := func(r *reply, secure bool) {
		t.Helper()
		set := (&http.Response{Header: r.header}).Cookies()
		if len(set) != 1 {
			t.Fatalf("cookies %v", set)
		}
		c := set[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "" || c.Secure != secure || c.Domain != "" {
			t.Errorf("Set-Cookie: %s", r.header.Get("Set-Cookie"))
		}
	}
	v := stranger(t, srv)
	check(v.login("alice", alicePassword, ""), false)
	if page := v.get("/admin"); page.header.Get("Set-Cookie") != "" {
		t.Error("a page sets a cookie")
	}
	check(v.post("/admin/logout"), false)
	for _, w := range ways {
		if w.tls {
			s := w.start(t, withAdmins(web.Options{}))
			v := newVisitor(t, "https://"+s.addr.String(), &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: w.proto == "HTTP/2.0"})
			check(v.login("alice", alicePassword, ""), true)
			v.get("/admin")
			v.watch("/admin").patch()
		}
	}
}
