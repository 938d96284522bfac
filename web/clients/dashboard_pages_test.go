package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dashboardPage is a page of the dashboard, or what opens on it.
type dashboardPage struct {
	name  string
	path  string
	ready string           // an expression; empty: nothing to wait for
	reach func(*dashboard) // goes there from the path; nil: it is there
}

const (
	manyTailRows = `document.querySelectorAll("#tail-rows > *").length >= 3`
	somePage     = `document.querySelector("main") !== null`
)

// dashboardPages are all pages of the dashboard. They need the client amelia.stone and others, one that got a gap, events
// of the channel room.general, and a webhook.
var dashboardPages = []dashboardPage{
	{"overview", "/admin", `document.querySelectorAll(".chart svg").length > 0`, nil},
	{"overview-24h", "/admin?range=24h", somePage, nil},
	{"period", "/admin/period", somePage, nil},
	{"wall", "/admin/wall", somePage, nil},
	{"alarms", "/admin/alarms", `document.querySelectorAll("[data-alarm]").length > 0`, nil},
	{"clients", "/admin/clients", `document.querySelectorAll("tr[data-client]").length >= 3`, nil},
	{"clients-menu", "/admin/clients?q=is:fast+channel:room.general", somePage, func(d *dashboard) {
		d.click(hook("filter-help") + " summary")
	}},
	{"groups", "/admin/clients?group=channel", `document.querySelectorAll("tr[data-group]").length > 0`, nil},
	{"marked-message", "/admin/clients", `document.querySelectorAll("tr[data-client]").length >= 3`, func(d *dashboard) {
		d.click(hook("mark-all"))
		d.submit(hook("mark-message"))
	}},
	{"slow", "/admin/slow", `document.querySelectorAll("#slow-rows [data-client]").length > 0`, nil},
	{"client", clientPath("amelia.stone"), `document.querySelector("#charts-since time") !== null`, nil},
	{"client-tap", clientPath("amelia.stone") + "/tap", somePage, nil},
	{"client-between", clientPath("amelia.stone") + "/between", somePage, nil},
	{"channels", "/admin/channels", `document.querySelectorAll("main table tbody tr").length >= 2`, nil},
	{"channel", "/admin/channels/room.general", manyTailRows, nil},
	{"tail", "/admin/tail", manyTailRows, nil},
	{"event", "/admin/tail", manyTailRows, func(d *dashboard) {
		d.click(".event-open")
		d.wantShown("#event-panel")
	}},
	{"events", "/admin/events", somePage, nil},
	{"trace", "/admin/tail?channels=room.general", manyTailRows, func(d *dashboard) {
		d.run(`location.href = document.querySelector("#tail-rows a.event-pos").href`)
		d.wantPath("/admin/events")
	}},
	{"find", "/admin/find?q=room", `document.querySelectorAll("#find-results a").length > 0`, nil},
	{"palette", "/admin/audit", somePage, func(d *dashboard) {
		d.run(`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true }))`)
		d.want(`document.activeElement.id === "find-field"`)
		d.press("am")
		d.want(`document.querySelectorAll("#find-list [role=option]").length > 1`)
	}},
	{"blocks", "/admin/blocks", somePage, nil},
	{"network", "/admin/blocks/network?network=127.0.0.0/24", somePage, nil},
	{"audit", "/admin/audit", somePage, nil},
	{"refused", "/admin/refused", somePage, nil},
	{"token", "/admin/token", somePage, nil},
	{"server", "/admin/server", somePage, nil},
	{"servers", "/admin/nodes", somePage, nil},
	{"webhooks", "/admin/webhooks", somePage, nil},
	{"sessions", "/admin/sessions", somePage, nil},
	{"keys", "/admin/keys", somePage, nil},
	{"keys-of-help", "/admin", somePage, func(d *dashboard) { d.press("?") }},
	{"404", "/admin/no-such-page", somePage, nil},
}

// show goes to a page and waits until it is as it should be looked at.
func (d *dashboard) show(p *dashboardPage) {
	d.t.Helper()
	d.open(p.path)
	d.want("document.readyState === 'complete'")
	d.want(`(document.querySelector("#live-state")?.hidden ?? true) || document.querySelector('#live-state[data-state="live"]') !== null`)
	d.want(p.ready)
	if p.reach != nil {
		p.reach(d)
	}
}

// makeKey returns an API key that permits everything, and its line for the server.
func makeKey(t *testing.T) (key, line string) {
	t.Helper()
	out, err := exec.Command(binary, "key", "new", "--json", "--name=backend", "--allow=publish,subscribe,history,presence,admin", "--channels=>").Output()
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Key, Config string }
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	return made.Key, made.Config
}

// furnishedDashboard starts a server that has something on each of the dashboardPages, and logs in.
func furnishedDashboard(t *testing.T) *dashboard {
	t.Helper()
	key, line := makeKey(t)
	dir, endpoint := t.TempDir(), newReceiver(t)
	config := filepath.Join(dir, "rollcall.yaml")
	text := fmt.Sprintf("webhooks:\n  - url: %s/all\n    secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\n    allow-private: true\n", endpoint.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := startDashboard(t, "--config="+config, "--api-key="+line, "--admin-keys="+filepath.Join(dir, "keys"))

	send := func(method, path, credential, body string) *http.Response {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		req, err := http.NewRequestWithContext(ctx, method, srv.url(path), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", credential)
		answer, err := srv.client.Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	online := append([]string{"amelia.stone", "layla.haddad"}, slices.Repeat([]string{"noah.berg"}, 6)...) // six raise an alarm
	for _, who := range online {
		info := fmt.Sprintf(`{"name":%q,"plan":"free"}`, strings.ToUpper(who[:1])+who[1:])
		path := "/subscribe?" + url.Values{"channels": {"room.general,room.*,prices.eur"}, "clientId": {who}, "info": {info}}.Encode()
		if answer := send(http.MethodGet, path, key, ""); answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, answer.Status)
		}
	}
	send(http.MethodGet, "/subscribe?channels=prices.eur&clientId=layla.haddad&lastEventId=gone-1", key, "") // gets a gap
	var batch bytes.Buffer
	for i := range 30 {
		fmt.Fprintf(&batch, `,{"channelName":"room.general","type":"message","payload":{"text":"Good morning, all","n":%d,"tags":["a","b"]}}`, i)
		fmt.Fprintf(&batch, `,{"channelName":"prices.eur","type":"price","payload":%d}`, i)
	}
	for range 2 {
		if answer := send(http.MethodPost, "/publish", key, `{"events":[`+batch.String()[1:]+`]}`); answer.StatusCode != http.StatusOK {
			t.Fatalf("publishing: %s", answer.Status)
		}
	}
	send(http.MethodDelete, "/presence/clients/mallory?block=1h", key, "")
	send(http.MethodGet, "/subscribe?channels=room.general", "rk_wrong", "")
	return openDashboard(t, srv.url)
}
