package clients

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// otherSite serves testdata/seed.html from its own origin. The loaded page finds its server with toServer.
func otherSite(t *testing.T) (origin string, toServer func(url string)) {
	page := template.Must(template.ParseFiles(filepath.Join("testdata", "seed.html")))
	var server string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNoContent) // the icon
			return
		}
		_ = page.Execute(w, server)
	}))
	t.Cleanup(site.Close)
	return site.URL, func(url string) { server = url }
}

// listed is the script for what the page shows.
const listed = `[...document.querySelectorAll("#list li")].map((item) => ({
	id: item.dataset.id,
	type: item.textContent.split(" ", 1)[0],
	data: item.textContent.slice(item.textContent.indexOf(" ") + 1),
}))`

// TestSeedPage uses a page made for the older Node server, from another origin.
func TestSeedPage(t *testing.T) {
	for name, flag := range map[string]string{"this origin": "", "any origin": "*"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin, toServer := otherSite(t)
			if flag == "" {
				flag = origin
			}
			srv := startServer(t, "--cors-origin="+flag)
			toServer(srv.url(""))
			b := newTab(t)
			b.do(chromedp.Navigate(origin))
			b.want(`document.querySelectorAll("#list li").length === 3`)
			b.click("#publish")
			b.want(`document.querySelectorAll("#list li").length === 7`)
			b.want(`document.querySelector("#answer").textContent.startsWith("200 ")`)

			said := value[[]heard](b, listed)
			said[0].wantOwn(t, "registered", "", map[string]any{"resumed": false})
			said[1].wantOwn(t, "lastEvent", "channel1", nil)
			said[2].wantOwn(t, "lastEvent", "channel2", nil)
			var answer struct{ Events []struct{ ID string } }
			text := strings.TrimPrefix(value[string](b, `document.querySelector("#answer").textContent`), "200 ")
			if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Events) != 4 {
				t.Fatalf("the answer is %s, want the ids of four events (%v)", text, err)
			}
			want := []event{
				{Channel: "channel1", Type: "foo", Payload: `{"text":"first"}`},
				{Channel: "channel1", Type: "bar", Payload: `{"text":"second"}`},
				{Channel: "channel2", Type: "message", Payload: `{"text":"third"}`},
				{Channel: "channel2", Type: "foo", Payload: `{"text":"fourth"}`},
			}
			for i := range want {
				want[i].ID = answer.Events[i].ID
			}
			wantExactly(t, said[3:], want)

			// The next visitor sees what was last.
			b.do(chromedp.Reload())
			b.want(`document.querySelectorAll("#list li").length === 3`)
			said = value[[]heard](b, listed)
			said[1].wantOwn(t, "lastEvent", "channel1", map[string]any{"type": "bar", "payload": `{"text":"second"}`})
			said[2].wantOwn(t, "lastEvent", "channel2", map[string]any{"type": "foo", "payload": `{"text":"fourth"}`})
			b.wantQuiet(false)
		})
	}
}

// TestForeignPage keeps pages of origins that weren't named from listening and from publishing.
func TestForeignPage(t *testing.T) {
	for name, flags := range map[string][]string{"none named": nil, "another named": {"--cors-origin=https://app.example"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin, toServer := otherSite(t)
			srv := startServer(t, flags...)
			toServer(srv.url(""))
			b := newTab(t)
			b.do(chromedp.Navigate(origin))
			b.want(`evtSource.readyState === EventSource.CLOSED`)
			b.click("#publish")
			b.want(`document.querySelector("#answer").textContent.includes("TypeError")`)
			if n := value[int](b, `document.querySelectorAll("#list li").length`); n != 0 {
				t.Errorf("the page heard %d events, want none", n)
			}
			// Not even by a request that browsers send without asking first.
			b.run(`fetch(server + "/publish", {
				method: "POST", mode: "no-cors",
				body: JSON.stringify({ events: [{ channelName: "channel1", type: "foo", payload: "forged" }] }),
			}).then((response) => (document.title = response.type))`)
			b.want(`document.title === "opaque"`)
			var last struct{ Response string }
			if err := srv.ask(http.MethodGet, "/lastEvent?channel=channel1", nil, http.StatusOK, &last); err != nil || last.Response != "{}" {
				t.Errorf("the last event is %s (%v), want none", last.Response, err)
			}
		})
	}
}
