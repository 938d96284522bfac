package clients

import (
	"encoding/xml"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/summerwind/h2spec"
	"github.com/summerwind/h2spec/config"
)

// TestH2Spec has h2spec check the server's HTTP/2 against the standard. Its requests go to a handler that reads their bodies.
func TestH2Spec(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--tls-dev")
	host, number, err := net.SplitHostPort(srv.addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	// The time limit is for frames that must come; only a failure reaches it.
	_, err = h2spec.Run(&config.Config{Host: host, Port: port, Path: "/publish/stream?channel=a&type=t", Timeout: patience / 6,
		TLS: true, Insecure: true, JUnitReport: report, MaxHeaderLen: 4000})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string  `xml:"classname,attr"`
				Failure *string `xml:"failure"`
				Error   *string `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &suites); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, suite := range suites.Suites {
		for _, c := range suite.Cases {
			switch {
			case c.Failure != nil:
				t.Errorf("%s, %s: %s", suite.Name, c.Name, *c.Failure)
			case c.Error != nil:
				t.Errorf("%s, %s: %s", suite.Name, c.Name, *c.Error)
			default:
				passed++
			}
		}
	}
	if passed < 140 {
		t.Errorf("only %d tests have passed", passed)
	}
}

// TestHTTP2InABrowser opens more streams than a browser has connections to a host, and publishes more than a window beside them.
func TestHTTP2InABrowser(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--tls-dev", "--presence-grace=0s")
	b := newTab(t)
	b.openStartPage("https://" + srv.addr + "/")
	for range 2 {
		b.run(`
			window.heard = Array.from({ length: 20 }, () => []);
			window.opened = 0;
			window.sources = heard.map((list, i) => {
				const source = new EventSource("/subscribe?channels=all,own" + i + "&clientId=c" + i);
				source.onopen = () => opened++;
				source.addEventListener("m", ({ data }) => list.push(JSON.parse(data).payload.slice(0, 6)));
				return source;
			});
			window.publish = (channel, payload) => fetch("/publish", { method: "POST",
				body: JSON.stringify({ events: [{ channelName: channel, type: "m", payload }] }) }).then((answer) => answer.json());`)
		b.want(`opened === 20`)
		b.run(`
			window.done = false;
			(async () => {
				for (let i = 0; i < 30; i++) await publish("all", "big " + String(i).padStart(2) + "x".repeat(20_000));
				for (let i = 0; i < 20; i++) await publish("own" + i, "own" + String(i).padStart(3));
				done = true;
			})();`)
		b.want(`done && heard.every((list, i) => list.length === 31 && list.at(-1) === "own" + String(i).padStart(3) &&
			list.slice(0, 30).every((payload, n) => payload === "big " + String(n).padStart(2)))`)
		b.want(`performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/publish")).every((e) => e.nextHopProtocol === "h2")`)
		b.want(`fetch("/presence/clients").then((answer) => answer.json()).then((list) => { window.total = list.total; }), window.total === 21`)
		b.openStartPage("https://" + srv.addr + "/") // its streams end
		b.want(`fetch("/presence/clients").then((answer) => answer.json()).then((list) => { window.total = list.total; }), window.total === 1`)
	}
	b.wantQuiet(true)
}
