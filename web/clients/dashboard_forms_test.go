package clients

import (
	"fmt"
	"testing"
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
