package clients

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The operator of every server with a dashboard.
const (
	operator         = "alice"
	operatorPassword = "correct-horse-9"
)

// startDashboard starts a server that has a dashboard.
func startDashboard(t *testing.T, flags ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(operatorPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return startServer(t, append([]string{"--admin-user=" + operator, "--admin-password-file=" + file}, flags...)...)
}

// dashboard is a tab that is logged in.
type dashboard struct {
	*tab
	url func(path string) string
}

// openDashboard logs the operator in and waits for the overview. url returns the address of a path: at a server or at
// a proxy.
func openDashboard(t *testing.T, url func(path string) string) *dashboard {
	t.Helper()
	d := &dashboard{newTab(t), url}
	d.acceptDialogs()
	d.open("/admin")
	d.logIn(operator, operatorPassword)
	d.wantPath("/admin")
	return d
}

// hook is the selector of what tests may rely on.
func hook(name string) string { return `[data-testid="` + name + `"]` }

// clientRow is the selector of a client's row.
func clientRow(clientID string) string { return fmt.Sprintf(`tr[data-client="%s"]`, clientID) }

// clientPath is the path of a client's page.
func clientPath(clientID string) string { return "/admin/clients/" + url.PathEscape(clientID) }

// open goes to a page.
func (d *dashboard) open(path string) {
	d.t.Helper()
	d.do(chromedp.Navigate(d.url(path)))
}

// openLive goes to a page and waits until it follows what happens.
func (d *dashboard) openLive(path string) {
	d.t.Helper()
	d.open(path)
	d.wantState("live")
}

// logIn fills in the login form and sends it.
func (d *dashboard) logIn(name, password string) {
	d.t.Helper()
	d.fill(`input[name="username"]`, name)
	d.fill(`input[name="password"]`, password)
	d.click(hook("login-submit"))
}

// wantPath waits until the tab shows a page.
func (d *dashboard) wantPath(path string) {
	d.t.Helper()
	d.want(fmt.Sprintf("location.pathname === %q && document.readyState === 'complete'", path))
}

// wantState waits until the page says that its own stream is in a state.
func (d *dashboard) wantState(state string) {
	d.t.Helper()
	d.wantSome(hook("live-state") + `[data-state="` + state + `"]`)
}

// wantShown waits until an element can be seen.
func (d *dashboard) wantShown(selector string) {
	d.t.Helper()
	d.want(fmt.Sprintf("document.querySelector(%q)?.checkVisibility() === true", selector))
}

// wantNone waits until there is no element for the CSS selector.
func (d *dashboard) wantNone(selector string) {
	d.t.Helper()
	d.want(fmt.Sprintf("document.querySelector(%q) === null", selector))
}

// submit clicks on a button that changes something and waits for the page that follows.
func (d *dashboard) submit(selector string) {
	d.t.Helper()
	d.wantShown(selector)
	d.run("window.before = true")
	d.click(selector)
	d.want("window.before === undefined && document.readyState === 'complete'")
}

// acceptDialogs says yes to whatever the page asks.
func (b *tab) acceptDialogs() {
	ctx, cancel := context.WithCancel(b.ctx)
	dialogs := cdp.Events(ctx, chromedp.FromContext(b.ctx).Target, page.JavascriptDialogOpening)
	var running sync.WaitGroup
	running.Go(func() {
		for _, err := range dialogs {
			if err != nil {
				return
			}
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	})
	b.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// TestDashboardLogin fails to log in, logs in and out again.
func TestDashboardLogin(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := &dashboard{newTab(t), srv.url}
	d.open("/admin/clients")
	d.wantPath("/admin/login")
	for _, wrong := range [][2]string{{operator, "not the password"}, {"mallory", operatorPassword}} {
		d.logIn(wrong[0], wrong[1])
		d.want(fmt.Sprintf("document.querySelector('input[name=username]').value === %q", wrong[0]))
		d.want(fmt.Sprintf("document.querySelector(%q)?.textContent.trim().length > 10", hook("login-error")))
		d.wantPath("/admin/login")
	}
	if text := value[string](d.tab, "document.body.innerText"); strings.Contains(text, "not the password") {
		t.Errorf("the page repeats the password: %s", text)
	}
	d.logIn(operator, operatorPassword)
	d.wantPath("/admin/clients") // the original target
	d.wantState("live")
	for _, path := range []string{"/admin", "/admin/channels", "/admin/tail", "/admin/blocks", "/admin/audit", "/admin/server"} {
		d.openLive(path)
	}

	// Another page of the same login ends with it.
	tab, _ := d.another()
	other := &dashboard{tab, srv.url}
	other.openLive("/admin")
	d.run(`document.querySelector('form[action$="/admin/logout"]').requestSubmit()`)
	d.wantPath("/admin/login")
	other.wantState("closed")
	other.wantShown(`a[href*="/admin/login"]`)
	d.open("/admin")
	d.wantPath("/admin/login")
	for _, path := range []string{"/admin", "/admin/stream?page=%2Fadmin"} {
		answer, err := srv.client.Transport.RoundTrip(newRequest(t, srv.url(path)))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Errorf("%s without a login: %s", path, answer.Status)
		}
	}
}

// newRequest returns a GET request.
func newRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return request
}
