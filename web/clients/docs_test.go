package clients

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDocsSend sends requests from the page of the API: with a body, with a key, to a stream, and one that is refused.
func TestDocsSend(t *testing.T) {
	t.Parallel()
	key, line := makeKey(t)
	srv := startDashboard(t, "--api-key="+line)
	d := &dashboard{newTab(t), srv.url}
	d.open("/docs")
	form := func(operation string) string {
		d.click("#op-" + operation + " " + hook("send-open"))
		return "#op-" + operation + " " + hook("send-form")
	}
	says := func(form, status, answer string) {
		t.Helper()
		d.want(fmt.Sprintf(`document.querySelector(%q).textContent === %q && document.querySelector(%q).textContent.includes(%q)`,
			form+" output", status, form+" pre", answer))
	}
	publish := form("publish")
	d.want(fmt.Sprintf(`JSON.parse(document.querySelector(%q).value).events.length === 2`, publish+" [name=body]"))
	d.fill(publish+" [name=body]", `{"events":[{"channelName":"news","type":"message","payload":"from the docs"}]}`)
	d.click(publish + " [type=submit]")
	says(publish, "401 Unauthorized", "needs credentials")
	d.fill(publish+" [name=credential]", key)
	d.click(publish + " [type=submit]")
	says(publish, "200 OK", `"channelName": "news"`)

	stream := form("subscribe") // the key is there
	d.click(stream + " [type=submit]")
	says(stream, "200 OK", "from the docs")
	d.click(stream + " [data-stop]")
	d.want(fmt.Sprintf(`document.querySelector(%q).hidden`, stream+" [data-stop]"))

	kick := form("kickClient")
	d.fill(kick+" [name=target]", "/presence/clients/nobody")
	d.click(kick + " [type=submit]")
	says(kick, "404 Not Found", "not_online")
	d.fill(kick+" [name=credential]", "rk_wrong")
	d.click(kick + " [type=submit]")
	says(kick, "401 Unauthorized", "unauthorized")
	d.fill(kick+" [name=target]", "//example.org/")
	d.click(kick + " [type=submit]")
	d.want(fmt.Sprintf(`document.querySelector(%q).textContent.includes("one slash")`, kick+" output"))
	for _, m := range d.messages() {
		if m.Source == "security" || m.IsException() {
			t.Errorf("the console says %s", m)
		}
	}

	d.do(chromedp.EmulateViewport(390, 844))
	if width := value[int](d.tab, "document.documentElement.scrollWidth"); width != 390 {
		t.Errorf("the page is %d px wide, want 390", width)
	}
	d.click(hook("admin-link"))
	d.wantPath("/admin/login")
}
