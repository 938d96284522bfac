package clients

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// An event is opened beside its feed, or in its row on a phone: in folds or raw, with the streams that have passed it, to
// copy and to publish again. The feed is held meanwhile, says how many events are new, and goes on.
func TestDashboardOpensAnEvent(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	log := &ledger{server: srv}
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.do(chromedp.EmulateViewport(1280, 800))
	d.openLive("/admin/tail")
	log.publish(event{Channel: "lobby", Type: "first", Payload: map[string]any{"a": 1, "b": []string{"<b>", "x"}}})
	d.click("#tail-rows .event-open")
	d.wantShown("body > .event-side #event-panel")
	d.want(`document.querySelector("[data-testid=event-fanout]").textContent === "1 of 1 open stream"`)
	d.want(`document.querySelector(".json-pretty").innerText.includes('"<b>"')`)
	d.want(`getComputedStyle(document.querySelector(".json-key")).color !== getComputedStyle(document.querySelector('.json-value[data-kind="number"]')).color`)
	d.click(".json-in .json-fold > summary")
	d.want(`!document.querySelector(".json-in .json-in").checkVisibility() && document.querySelector(".json-in .json-size").innerText === "2 items ]"`)
	d.run(`document.querySelector("#event-raw").click()`)
	d.want(`document.querySelector(".json-raw").checkVisibility() && !document.querySelector(".json-pretty").checkVisibility()`)
	d.want(`JSON.parse(document.querySelector("#event-json").textContent).channelName === "lobby"`)

	log.publish(event{Channel: "lobby", Type: "second", Payload: 2})
	d.want(`document.querySelector("#tail-waiting").textContent === "1 new"`)
	d.press(kb.Escape)
	d.wantNone(".event-side")
	d.want(`document.querySelectorAll("#tail-rows > li").length === 2`)
	d.want(`document.activeElement === document.querySelectorAll("#tail-rows .event-open")[1]`)

	d.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	d.openLive("/admin/tail")
	d.click("#tail-rows summary")
	d.wantShown(".event-item > .event-side #event-panel")
	d.want("document.documentElement.scrollWidth === 390")
	d.run("window.before = true")
	d.click(hook("event-again"))
	d.want("window.before === undefined && document.readyState === 'complete'")
	d.want(fmt.Sprintf(`document.querySelector(%q).value === "first" && JSON.parse(document.querySelector(%q).value).a === 1`,
		hook("publish-type"), hook("publish-payload")))
	d.submit(hook("publish-send"))
	d.want(`document.querySelectorAll("#tail-rows > li").length === 3`)
	d.wantQuiet(false)
}
