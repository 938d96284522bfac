package clients

import "testing"

// Times are ages, or times of the viewer's zone or of UTC, as the viewer chooses, on all pages from then on.
func TestDashboardShowsTimesAsChosen(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/audit")
	const age, at = `document.querySelector("#audit-rows .when").textContent`, `document.querySelector("#audit-rows .instant").textContent`
	d.want(`/^(now|\d+ (s|min) ago)$/.test(` + age + `) && /^\d+ \w{3} \d\d:\d\d:\d\d$/.test(` + at + `)`)
	d.run(`document.querySelector("#times-utc").click()`)
	d.want(age + " === " + at)
	const utc = `new Date(document.querySelector("#audit-rows .instant").dateTime).toUTCString().slice(17, 25)`
	d.want(at + `.endsWith(` + utc + `)`)
	d.openLive("/admin/sessions")
	d.want(`/^\d+ \w{3} \d\d:\d\d:\d\d$/.test(document.querySelector(".table-sessions .when").textContent) && document.querySelector("#times-utc").checked`)
	d.run(`document.querySelector("#times-age").click()`)
	d.want(`/(now|ago)$/.test(document.querySelector(".table-sessions .when").textContent)`)

	// All charts of the same time show their values at the one that is pointed at.
	d.openLive("/admin")
	d.run(`document.querySelector("#chart-lag").focus()`)
	d.run(`document.querySelector("#chart-lag").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }))`)
	d.want(`[...document.querySelectorAll(".charts .chart-readout")].length === 6 &&
		[...document.querySelectorAll(".charts .chart-readout")].every((e) => !e.hidden && e.textContent.includes(" · "))`)
	d.wantQuiet(false)
}
