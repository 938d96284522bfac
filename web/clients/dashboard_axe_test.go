package clients

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDashboardAxe has axe-core look at every page, and at what opens on it: on a desk by day with all rules, and on a phone by
// night, where other parts of the page are shown in other colours. On a desk by night and on a phone by day only contrast is
// looked at: nothing else depends on colours, and no other part is shown.
func TestDashboardAxe(t *testing.T) {
	t.Parallel()
	node.need(t) // installs axe-core
	axe, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	d := furnishedDashboard(t)
	inspect := func(name string) {
		t.Helper()
		d.run(string(axe))
		for _, as := range []struct {
			width       int64
			scheme      string
			onlyColours bool
		}{{1280, "light", false}, {1280, "dark", true}, {390, "light", true}, {390, "dark", false}} {
			d.dress(as.width, as.scheme)
			for _, found := range d.violations(as.onlyColours) {
				t.Errorf("%s, %d px, %s: %s", name, as.width, as.scheme, found)
			}
		}
	}
	for i := range dashboardPages {
		p := &dashboardPages[i]
		d.dress(1280, "light")
		d.show(p)
		inspect(p.name)
	}
	for _, path := range []string{"/", "/demo/", "/demo/chat", "/demo/notifications", "/demo/answers", "/demo/time", "/docs"} {
		d.open(path)
		d.want("document.readyState === 'complete'")
		inspect(path)
	}
	d.open("/admin")
	d.run(`document.querySelector('form[action$="/admin/logout"]').requestSubmit()`)
	d.wantPath("/admin/login")
	inspect("login")
}

// violations returns what axe finds on the page: WCAG 2.0 to 2.2, A and AA, and its best practices.
func (d *dashboard) violations(onlyColours bool) []string {
	d.t.Helper()
	options := `{ resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "target-size": { enabled: true } } }`
	if onlyColours {
		options = `{ resultTypes: ["violations"], runOnly: { type: "rule", values: ["color-contrast"] } }`
	}
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`axe.run(document, `+options+`).then(({ violations }) => violations.map(
		({ id, help, nodes }) => [`+"`${id}: ${help}`"+`, ...nodes.slice(0, 5).flatMap((n) => [n.html.slice(0, 300), n.failureSummary])].join("\n    ")))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}
