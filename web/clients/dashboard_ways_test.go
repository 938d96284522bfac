package clients

import (
	"fmt"
	"testing"
)

// A wait before the next login is counted down, and the button is off meanwhile.
func TestDashboardCountsDownTheWait(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := &dashboard{newTab(t), srv.url}
	d.open("/admin/login")
	const wait = `document.querySelector("[data-wait]") !== null`
	for n := 0; n < 20 && (n < 6 || !value[bool](d.tab, wait)); n++ {
		d.fill(`input[name="username"]`, operator)
		d.fill(`input[name="password"]`, "wrong")
		d.run("window.before = true")
		d.run(`document.querySelector("form").submit()`)
		d.want("window.before === undefined && document.readyState === 'complete'")
	}
	d.want(wait)
	d.want(`document.querySelector("[data-wait]").hidden && !document.querySelector("[type=submit]").disabled`)
	d.want(`document.querySelector("[type=submit]").textContent === "Log in"`)
}

// After an action the focus is on its result, or on the field that is wrong; the address is the page's own. What was
// typed is there again after a login in between.
func TestDashboardLeadsToTheResult(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/channels/lobby")
	d.fill(hook("publish-type"), "goodbye")
	d.fill(hook("publish-payload"), "1")
	d.submit(hook("publish-send"))
	d.want(fmt.Sprintf("document.activeElement === document.querySelector(%q)", hook("publish-type")))
	d.want(`location.pathname === "/admin/channels/lobby"`)
	d.fill(hook("publish-type"), "greeting")
	d.submit(hook("publish-send"))
	d.want(fmt.Sprintf("document.activeElement === document.querySelector(%q)", hook("flash")))

	tab, _ := d.another()
	other := &dashboard{tab, srv.url}
	other.openLive("/admin")
	d.fill(hook("publish-payload"), `{"kept":true}`)
	other.run(`document.querySelector('form[action$="/admin/logout"]').requestSubmit()`)
	d.wantState("closed")
	d.submit(hook("publish-send"))
	d.logIn(operator, operatorPassword)
	d.wantPath("/admin/channels/lobby")
	d.want(fmt.Sprintf(`document.querySelector(%q).value === '{"kept":true}'`, hook("publish-payload")))
}

// A list shows what matches while it is typed, and goes on to follow that.
func TestDashboardSearchesAsTyped(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	listenAs(t, srv, "carol").awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients?sort=-id")
	d.wantSome(clientRow("bob"))
	d.run(`document.querySelector("#search").focus()`)
	d.press("bo")
	d.wantNone(clientRow("carol"))
	d.wantSome(clientRow("bob"))
	d.want(`document.activeElement === document.querySelector("#search") && location.search === "?q=bo&sort=-id"`)
	d.wantSome("#past") // the rest of the page, too
	listenAs(t, srv, "bodo").awaitType(t, "registered", 1)
	d.wantSome(clientRow("bodo"))
	d.wantNone(clientRow("carol"))
	d.wantState("live")
	d.wantQuiet(false)
}
