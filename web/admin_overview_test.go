package web_test

import (
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// The figures of the overview lead to what they count, and the charts are of the time that is chosen.
func TestAdminOverviewLeadsOn(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	st := subscribed(t, srv, "clientId=ada", "news")
	alice.post("/admin/clients/ada/disconnect").want(303)
	st.WantGoodbye("kicked", false)
	page := alice.get("/admin?range=1h")
	for _, id := range []string{"fig-slow", "fig-gaps", "fig-kicked", "fig-lag", "fig-behind", "fig-memory"} {
		hrefs := attrsOf(page.one(id), "href")
		if len(hrefs) != 1 {
			t.Errorf("%s leads to %q", id, hrefs)
			continue
		}
		path, _, _ := strings.Cut(hrefs[0], "#")
		alice.get(path)
	}
	until(t, "the kick is listed", func() bool {
		return strings.Contains(alice.get("/admin?news=kicked").says("news"), "ada connection ended by an operator")
	})
	alice.get("/admin?news=slow").wantText("news", "Nothing yet")
	for name, label := range map[string]string{"5m": "5 min", "": "15 min", "1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d"} {
		page := alice.get("/admin?news=gaps&range="+name).wantText("news", "Nothing yet") // one choice keeps the other
		current := ""
		for n := range page.one("main").Descendants() {
			if attr(n, "aria-current") == "true" {
				current += textOf(n) + " "
			}
		}
		if current != label+" Gaps " {
			t.Errorf("%q: chosen are %q", name, current)
		}
	}
}

// The settings that differ from their defaults can be listed alone; the audit log says when, not only how long ago.
func TestAdminChangedSettings(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{Settings: []web.Setting{
		{Name: "listen", Value: "127.0.0.1:9090", Source: "default"}, {Name: "presence-grace", Value: "5s", Source: "flag"},
	}}))
	alice := operator(t, srv)
	if all := alice.get("/admin/server").wantText("main", "presence-grace"); !strings.Contains(all.says("main"), "listen") {
		t.Error("a setting is missing")
	}
	if changed := alice.get("/admin/server?settings=changed").wantText("main", "presence-grace"); strings.Contains(changed.says("main"), "127.0.0.1:9090") {
		t.Error("an unchanged setting is listed")
	}
	if text := alice.get("/admin/audit").text; !strings.Contains(text, "data-moment") {
		t.Error("the audit log has no times")
	}
}
