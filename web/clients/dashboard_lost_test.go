package clients

import (
	"fmt"
	"strings"
	"testing"
)

// TestDashboardOutlivesTheServer loses the connection, and then the server with its logins.
func TestDashboardOutlivesTheServer(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	net := startProxy(t, srv.addr)
	d := openDashboard(t, net.url)
	d.openLive("/admin/clients")
	d.run(`
		window.states = [];
		const state = document.querySelector('[data-testid="live-state"]');
		new MutationObserver(() => states.push(state.dataset.state)).observe(state, { attributeFilter: ["data-state"] });
	`)
	net.cut(rst)
	d.want(`states.includes("reconnecting") && states.at(-1) === "live"`)
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d.wantSome(clientRow("bob"))

	// What was typed is there again after the login.
	d.openLive("/admin/channels/lobby")
	d.fill(hook("publish-type"), "note")
	d.fill(hook("publish-payload"), `"unsent"`)
	net.to("")
	net.cut(rst)
	d.wantState("reconnecting")
	d.want(`document.body.innerText.toLowerCase().includes("reconnecting")`)
	srv.stop()
	next := startDashboard(t)
	net.to(next.addr)
	d.wantState("closed")
	const link = `a[href*="/admin/login"]`
	d.wantShown(link)
	d.want(`document.querySelector("#live-banner").textContent.includes("or the server was restarted")`)
	d.click(link)
	d.wantPath("/admin/login")
	d.logIn(operator, operatorPassword)
	d.wantPath("/admin/channels/lobby")
	d.wantState("live")
	d.want(fmt.Sprintf(`document.querySelector(%q).value === '"unsent"' && document.querySelector(%q).value === "note"`, hook("publish-payload"), hook("publish-type")))
	d.openLive("/admin/clients")
	if text := value[string](d.tab, "document.body.innerText"); strings.Contains(strings.ToLower(text), "reconnecting") {
		t.Errorf("the page still says that it reconnects:\n%s", text)
	}
	d.wantNone(clientRow("bob"))
}
