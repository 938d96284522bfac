package clients

import "testing"

// An alarm appears on the open page and in the navigation, is put away with one click, and is gone from the overview.
func TestDashboardAlarms(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/alarms")
	const count = `document.querySelector("#alarm-count").firstChild.textContent`
	d.want(count + ` === "1" && document.querySelectorAll("#alarms-rows > [data-alarm]").length === 1`) // no credentials are configured
	tab, _ := d.another()
	other := &dashboard{tab, d.url}
	other.acceptDialogs()
	other.openLive("/admin/server")
	other.submit(hook("drain"))
	d.wantSome(`[data-alarm="draining"]`)
	d.want(count + ` === "2"`)
	d.submit(`[data-alarm="draining"] ` + hook("alarm-away"))
	d.wantState("live")
	d.want(`document.querySelector('[data-alarm="draining"]').textContent.includes("put away")`)
	d.want(count + ` === "1"`)
	other.openLive("/admin")
	other.want(`document.querySelectorAll("#warnings > li").length === 1 && !document.querySelector("#warnings").textContent.includes("Draining")`)
	other.press("gl")
	other.wantPath("/admin/alarms")
	d.wantQuiet(false)
}
