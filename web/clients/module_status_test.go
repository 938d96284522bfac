package clients

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestModulePublishesAndSetsInfo has two tabs and a guest publish, and say what they do.
func TestModulePublishesAndSetsInfo(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=2s")
	net := startProxy(t, srv.addr)
	const ada = `{ channels: ["a"], clientId: "ada", info: { name: "Ada" }, presence: "channels" }`
	one, guest := newTab(t), newTab(t)
	one.follow(net.url(""), ada)
	two, _ := one.another()
	two.follow(net.url(""), ada)
	guest.follow(srv.url(""), `{ channels: ["a"], clientId: "bob", presence: "channels" }`)
	guest.run(`window.updates = []; rollcall.on("presence", ({ payload }) => payload.action === "update" && updates.push(payload.member.info.status))`)
	shows := func(status string) {
		t.Helper()
		guest.want(fmt.Sprintf(`rollcall.members("a").get("ada")?.status === %q`, status))
	}
	one.run(`rollcall.setInfo({ name: "Ada", status: "reading" })`)
	shows("reading")
	two.run(`rollcall.setInfo({ name: "Ada", status: "typing" })`) // one leads, the other does not
	shows("typing")
	if got := value[string](guest, "updates.join()"); got != "reading,typing" {
		t.Errorf("the guest was told of %s", got)
	}
	net.cut(rst) // the stream that comes back says it too
	two.want(`rollcall.state.state === "live"`)
	two.run(`rollcall.publish([{ channel: "a", payload: 1 }, { channel: "a", payload: { n: 2 } }]).then((ids) => (window.ids = ids))`)
	two.want(`window.ids?.length === 2`)
	for _, b := range []*tab{one, two, guest} {
		b.want(`heard.map(({ data }) => JSON.stringify(JSON.parse(data).payload)).join() === '1,{"n":2}'`)
	}
	var ids []string
	if err := json.Unmarshal([]byte(value[string](two, "JSON.stringify(ids)")), &ids); err != nil {
		t.Fatal(err)
	}
	if got := value[string](guest, "heard[1].id"); got != ids[1] {
		t.Errorf("the event has the id %s, the publisher was told %s", got, ids[1])
	}
	one.do(chromedp.Navigate("about:blank")) // perhaps the one that led
	two.run(`rollcall.setInfo({ name: "Ada", status: "alone" })`)
	shows("alone")

	// A late page begins at its requested start, and a reloaded one at its last position.
	late := newTab(t)
	late.follow(srv.url(""), `{ channels: ["a"], from: "oldest" }`)
	late.want(`heard.length === 2 && firsts.length === 0`)
	late.follow(srv.url(""), fmt.Sprintf(`{ channels: ["a"], from: %q }`, ids[0]))
	late.want(`heard.length === 1 && heard[0].id === ` + fmt.Sprintf("%q", ids[1]))
	two.run(`rollcall.publish({ channel: "$no", payload: 1 }).catch((error) => (window.refused = error.code))`)
	two.want(`window.refused === "invalid_event"`)
}
