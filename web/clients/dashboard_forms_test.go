package clients

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A payload that is not JSON is told while it is typed and again when it is sent, and nobody gets it. What was sent is
// in the form again.
func TestDashboardTellsWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	d.openLive("/admin/channels/lobby")
	output := `document.querySelector('[data-json="#publish-payload"] output').textContent`
	d.fill(hook("publish-type"), "order.placed")
	d.fill(hook("publish-payload"), "{\n bad")
	d.want(output + ` === "Not JSON: line 2, column 2"`)
	d.submit(hook("publish-send"))
	d.want(fmt.Sprintf("document.querySelector(%q).textContent.includes('line 2, column 2')", hook("publish-error")))
	d.fill(hook("publish-payload"), `{"n":1}`)
	d.want(output + ` === "Valid JSON"`)
	d.click(`[data-json="#publish-payload"] [data-format]`)
	d.want(fmt.Sprintf(`document.querySelector(%q).value === '{\n  "n": 1\n}'`, hook("publish-payload")))
	d.run("window.before = true")
	d.run(fmt.Sprintf(`document.querySelector(%q).dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }))`,
		hook("publish-payload")))
	d.want("window.before === undefined && document.readyState === 'complete'")
	d.wantSome(hook("flash") + `[data-tone="ok"]`)
	d.want(fmt.Sprintf(`document.querySelector(%q).value === '{\n  "n": 1\n}'`, hook("publish-payload")))
	events := bob.awaitLive(t, 1)
	if got := live(events)[0]; got.Type != "order.placed" || !same(got.open(t).Payload, map[string]int{"n": 1}) {
		t.Errorf("the client heard\n%s", list(events))
	}
}

// An event that is opened stays where it is: the feed is held, and says how many events wait.
func TestDashboardHoldsAnOpenedEvent(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	log := &ledger{server: srv}
	d.openLive("/admin/tail")
	log.publish(event{Channel: "lobby", Type: "first", Payload: map[string]any{"a": 1, "b": []int{1, 2}}})
	d.wantSome("#tail-rows details")
	d.click("#tail-rows summary")
	d.want(`document.querySelector("#tail-pause").innerText.startsWith("Resume")`)
	log.publish(event{Channel: "lobby", Type: "second", Payload: 2})
	d.want(`document.querySelector("#tail-waiting").checkVisibility() && document.querySelector("#tail-waiting").textContent === "1 new"`)
	if n := value[int](d.tab, `document.querySelectorAll("#tail-rows > li").length`); n != 1 {
		t.Errorf("%d events are shown", n)
	}
	d.click("#tail-pause")
	d.want(`document.querySelectorAll("#tail-rows > li").length === 2`)
	d.want(`document.querySelector("#tail-pause").innerText.startsWith("Pause")`)

	d.click("#user-menu summary")
	d.wantShown(hook("logout"))
	d.press(kb.Escape)
	d.want(`!document.querySelector("#user-menu").open`)
}
