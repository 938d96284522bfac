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
	other.stopKeyClock()
	other.press("gl")
	other.wantPath("/admin/alarms")
	d.wantQuiet(false)
}

// A refused request appears on the open page; its token is judged by pasting it, and the page forgets it.
func TestDashboardTriesTokens(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t, "--jwt-secret=0123456789abcdef0123456789abcdef")
	d := openDashboard(t, srv.url)
	d.openLive("/admin/refused")
	d.wantSome("#refused-empty")
	const head, claims = "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJhbm4iLCJleHAiOjF9" // {"alg":"HS256"}, {"sub":"ann","exp":1}
	const old = head + "." + claims + ".c2lnbmF0dXJl"
	answer, err := srv.client.Get(srv.url("/subscribe?channels=news&access_token=" + old))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	d.want(`document.querySelector("#refused-rows").textContent.includes('{"sub":"ann","exp":1}')`)
	d.open("/admin/token")
	d.fill("#token", old)
	d.submit(hook("token-try"))
	d.want(`document.querySelector("#verdict-title").textContent === "It is not accepted"`)
	d.want(`document.querySelector("[data-testid=verdict-problem]").textContent.includes("signature is wrong")`)
	d.want(`document.querySelector("[data-testid=verdict-claims]").textContent.includes('"sub": "ann"') && !document.documentElement.outerHTML.includes("c2lnbmF0dXJl")`)
	d.wantQuiet(false)
}
