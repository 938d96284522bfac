package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"rollcall/web"
	"rollcall/web/webtest"
)

// deeds are the paths that change something for others: an operator's alone.
var deeds = []string{
	"/admin/alarms/away", "/admin/token", "/admin/blocks", "/admin/blocks/network", "/admin/blocks/remove", "/admin/channels/:channel/publish", "/admin/channels/:channel/purge",
	"/admin/clients/:clientId/block", "/admin/clients/:clientId/disconnect", "/admin/clients/:clientId/send", "/admin/clients/:clientId/unblock",
	"/admin/connections/:connectionId/disconnect", "/admin/keys", "/admin/keys/revoke", "/admin/nodes/drain", "/admin/nodes/drain/stop", "/admin/server/drain", "/admin/server/drain/stop",
	"/admin/marked", "/admin/marked/block", "/admin/marked/end", "/admin/marked/message", "/admin/marked/undo",
	"/admin/webhooks/again", "/admin/webhooks/retry", "/admin/webhooks/revive", "/admin/webhooks/test",
}

// own are the paths that change the visitor's own session.
var own = []string{"/admin/logout", "/admin/logout-everywhere", "/admin/sessions/end"}

// entrances are the pages for those who are not logged in.
var entrances = []string{"/admin/login", "/admin/oidc", "/admin/oidc-callback"}

// everything is a form that every path takes.
var everything = form("type", "message", "payload", `"mischief"`, "mode", "one", "for", "10m", "clientId", "ada", "rate", "1000")

// routesOf returns the paths of the admin UI that take the method.
func routesOf(srv *webtest.Server, method string) []string {
	var paths []string
	for _, r := range srv.Handler().(*gin.Engine).Routes() {
		if r.Method == method && strings.HasPrefix(r.Path, "/admin") {
			paths = append(paths, r.Path)
		}
	}
	slices.Sort(paths)
	return paths
}

// leadsBack reports whether a GET of a route only leads to the page of its action.
func leadsBack(route string) bool {
	pages := []string{"/admin/blocks", "/admin/blocks/network", "/admin/keys", "/admin/token"}
	return slices.Contains(deeds, route) && !slices.Contains(pages, route) || route == "/admin/sessions/end"
}

// A new path that changes something must be added to the tests below.
func TestAdminPostRoutes(t *testing.T) {
	t.Parallel()
	want := append(append([]string{"/admin/login"}, deeds...), own...)
	slices.Sort(want)
	if got := routesOf(startAdmin(t), "POST"); !slices.Equal(got, want) {
		t.Errorf("POST is for %q, the tests know %q", got, want)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		if got := routesOf(startAdmin(t), method); len(got) > 0 {
			t.Errorf("%s is for %q", method, got)
		}
	}
}

// victim is what mischief would be done to.
type victim struct {
	srv    *webtest.Server
	stream *webtest.Stream
}

// newVictim has ada on news, with published events.
func newVictim(t *testing.T, srv *webtest.Server) *victim {
	t.Helper()
	srv.Publish("news", `"kept"`)
	st := srv.Subscribe("channels=news&clientId=ada")
	st.WantRegistered()
	st.WantLast("news", `{"type":"message","payload":"kept"}`)
	return &victim{srv, st}
}

// path fills in what a route is about.
func (v *victim) path(route string) string {
	return strings.NewReplacer(":clientId", "ada", ":channel", "news", ":connectionId", v.stream.Hello.ConnectionID).Replace(route)
}

// wantUnharmed wants that nothing has happened to ada, news and the server.
func (v *victim) wantUnharmed(t *testing.T) {
	t.Helper()
	before := len(history(t, v.srv, "channel=news").Events)
	v.srv.Publish("news", `"all is well"`)
	v.stream.WantEvent("news", "message", `"all is well"`)
	v.srv.Get("/readyz").WantStatus(200)
	if before == 0 {
		t.Fatal("the history was purged")
	}
	late := v.srv.Subscribe("channels=other&clientId=ada")
	late.WantRegistered()
	late.Close()
}

func TestAdminWithoutSession(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	v := newVictim(t, srv)
	nobody := stranger(t, srv)
	for _, route := range append(slices.Clone(deeds), own...) {
		for _, cookie := range []string{"", "rollcall_admin=", "rollcall_admin=MTY", "rollcall_admin=" + strings.Repeat("A", 500)} {
			header := []string{}
			if cookie != "" {
				header = append(header, "Cookie: "+cookie)
			}
			nobody.do("POST", v.path(route), everything, header...).want(401).wantLogin()
			nobody.do("POST", v.path(route), everything, append(header, "Accept: application/json")...).wantCode(401, "login_required")
		}
		v.wantUnharmed(t)
	}
	for _, route := range routesOf(srv, "GET") {
		if slices.Contains(entrances, route) {
			continue
		}
		if route == "/admin/stream" {
			nobody.do("GET", route+"?page=/admin", "").wantCode(401, "login_required")
			continue
		}
		for _, method := range []string{"GET", "HEAD"} {
			r := nobody.do(method, v.path(route)+"?x=1", "")
			r.wantLocation("/admin/login?next=" + queryEscape(v.path(route)+"?x=1"))
			if strings.Contains(r.text, "ada") && !strings.Contains(route, ":") {
				t.Errorf("%s shows %s", route, r.text)
			}
		}
		nobody.do("GET", v.path(route), "", "Accept: application/json").wantCode(401, "login_required")
	}
	if page := operator(t, srv).get("/admin/audit"); strings.Contains(page.says("audit"), "ada") {
		t.Errorf("the audit log tells of what nobody did: %s", page.says("audit"))
	}
}

func TestAdminViewerMayOnlyLook(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	v := newVictim(t, srv)
	vera := viewer(t, srv)
	for _, route := range deeds {
		r := vera.do("POST", v.path(route), everything).want(403)
		if !strings.Contains(r.says("error"), "viewer") {
			t.Errorf("%s: %s", route, r.says("error"))
		}
		vera.do("POST", v.path(route), everything, "Accept: application/json").wantCode(403, "viewer")
		v.wantUnharmed(t)
	}
	for _, route := range routesOf(srv, "GET") {
		if !slices.Contains(entrances, route) && route != "/admin/stream" && !leadsBack(route) {
			page := vera.get(v.path(route))
			for n := range page.doc().Descendants() {
				if action := attr(n, "action") + attr(n, "formaction"); attr(n, "method") == "post" && !slices.Contains(own, action) {
					t.Errorf("%s offers a viewer %q", route, action)
				}
			}
		}
	}
	var refused []string
	for _, d := range auditOf(t, vera) {
		if d.User == "vera" && d.Result == "refused" {
			refused = append(refused, d.Action)
		}
		if d.User == "vera" && d.Result != "refused" && d.Action != "login" {
			t.Errorf("vera could %+v", d)
		}
	}
	if len(refused) != 2*len(deeds) {
		t.Errorf("refused were %q", refused)
	}
}

func TestAdminForeignOrigin(t *testing.T) {
	t.Parallel()
	for name, origins := range map[string][]string{"none": nil, "this one": {foreign}, "all": {"*"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := webtest.Start(t, withAdmins(web.Options{CORSOrigins: origins}))
			v := newVictim(t, srv)
			alice := operator(t, srv)
			headers := []string{"Origin: " + foreign, "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: " + srv.URL + "0"}
			for _, route := range append(append([]string{"/admin/login"}, deeds...), own...) {
				for _, header := range headers {
					wantUnshared(t, alice.do("POST", v.path(route), everything, header).want(403))
					wantUnshared(t, alice.do("POST", v.path(route), everything, header, "Accept: application/json").want(403))
				}
				v.wantUnharmed(t)
			}
			for _, route := range append(routesOf(srv, "GET"), deeds...) {
				if route == "/admin/stream" {
					continue
				}
				for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
					wantUnshared(t, alice.do(method, v.path(route), "", "Origin: "+foreign, "Sec-Fetch-Site: cross-site", "Access-Control-Request-Method: POST"))
				}
			}
			wantUnshared(t, alice.do("GET", "/admin/stream", "", "Origin: "+foreign))
			alice.get("/admin") // she is still logged in
			alice.do("POST", "/admin/clients/ada/disconnect", "", "Origin: "+srv.URL, "Sec-Fetch-Site: same-origin").want(303)
			v.stream.WantGoodbye("kicked", false)
		})
	}
}

// wantUnshared wants an answer that pages of other origins may not read.
func wantUnshared(t testing.TB, r *reply) {
	t.Helper()
	for name := range r.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %s: %s", r.what, name, r.header.Get(name))
		}
	}
}

// Without an account there is no admin UI.
func TestAdminOff(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	v := newVictim(t, srv)
	nobody := stranger(t, srv)
	paths := append([]string{"/admin/none", "/admin/login/x"}, routesOf(srv, "GET")...)
	for _, route := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if route != "/admin/stream" || method == http.MethodGet {
				nobody.do(method, v.path(route), "").want(404)
			}
		}
		nobody.do("GET", v.path(route), "", "Accept: application/json").want(404)
	}
	for _, route := range routesOf(srv, "POST") {
		nobody.do("POST", v.path(route), everything).want(404)
		nobody.do("POST", v.path(route), everything, "Accept: application/json").wantCode(404, "admin_off")
		v.wantUnharmed(t)
	}
	if nobody.do("GET", "/admin/login", ""); len(nobody.cookies()) != 0 {
		t.Errorf("cookies %v", nobody.cookies())
	}
}
