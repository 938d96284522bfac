package clients

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The login of the demo.
const (
	demoUser     = "demo"
	demoPassword = "demo-demo"
)

// maxShot is how much of a long page is photographed, in pixels.
const maxShot = 2400

// TestScreenshots photographs every page of the dashboard into the directory that SCREENSHOTS names. It is no test: see
// "make screenshots".
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS names no directory")
	}
	url := startDemo(t)
	d := &dashboard{newTab(t), func(path string) string { return url + path }}
	d.acceptDialogs()
	d.open("/admin/login")
	d.shoot(dir, "login")
	d.logIn(demoUser, demoPassword)
	d.wantPath("/admin")

	// Something to see on every page: traffic, a block, and what the audit log says of it.
	d.openLive("/admin/tail")
	d.want(`document.querySelectorAll("#tail-rows > *").length >= 100`)
	d.openLive(clientPath("layla.haddad"))
	d.click(hook("block-menu") + " summary")
	d.submit(hook("block"))
	d.openLive("/admin")
	d.want("performance.now() > 45_000")

	for i := range dashboardPages {
		p := &dashboardPages[i]
		d.dress(1280, "light")
		d.show(p)
		d.shoot(dir, p.name)
	}

	d.openLive("/admin/clients")
	tab, _ := d.another()
	other := &dashboard{tab, d.url}
	other.openLive("/admin")
	other.run(`document.querySelector('form[action$="/admin/logout"]').requestSubmit()`)
	d.wantState("closed")
	d.shoot(dir, "expired")

	// What needs credentials, which the demo has none of.
	d = furnishedDashboard(t)
	d.open("/admin/keys")
	d.shoot(dir, "keys")
	d.open("/admin/refused")
	d.shoot(dir, "refused")
	d.open("/admin/token")
	d.fill("#token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjF9.c2lnbmF0dXJl")
	d.submit(hook("token-try"))
	d.shoot(dir, "token-verdict")
	d.open("/")
	d.shoot(dir, "start")
	d.open("/docs")
	d.shoot(dir, "docs")
}

// startDemo builds and starts the demo on a free port and returns its address.
func startDemo(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "demo")
	build := exec.Command("go", "build", "-o", program, "./cmd/demo")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the demo: %v\n%s", err, out)
	}
	demo := exec.Command(program, "-listen=127.0.0.1:0")
	demo.Stderr = os.Stderr
	stdout, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	address, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		url := regexp.MustCompile(`http://[0-9.]+:[0-9]+`)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if at := url.FindString(lines.Text()); at != "" && len(address) == 0 {
				address <- at // the later ones are paths of the same server
			}
		}
	}()
	t.Cleanup(func() {
		_ = demo.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := demo.Wait(); err != nil {
			t.Errorf("the demo: %v", err)
		}
	})
	select {
	case url := <-address:
		return url
	case <-ended:
		t.Fatal("the demo ended at once")
	case <-time.After(patience):
		t.Fatal("the demo doesn't say where it is")
	}
	return ""
}

// shoot photographs the page as it is, on a desk and on a phone, by day and by night.
func (d *dashboard) shoot(dir, name string) {
	d.t.Helper()
	d.want("document.readyState === 'complete'")
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			d.dress(width, scheme)
			path := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
			if err := os.WriteFile(path, d.photograph(float64(width)), 0o644); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

// dress sets the window's width and the colours that the visitor prefers.
func (d *dashboard) dress(width int64, scheme string) {
	d.t.Helper()
	if width < 600 {
		d.do(chromedp.EmulateViewport(width, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	} else {
		d.do(chromedp.EmulateViewport(width, 800))
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	d.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
		return err
	}))
}

// photograph returns the page as a PNG.
func (d *dashboard) photograph(width float64) []byte {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	height := value[float64](d.tab, `Math.max(innerHeight, Math.ceil(document.documentElement.getBoundingClientRect().height))`)
	beyond := true
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip:                  &page.Viewport{Width: width, Height: min(height, maxShot), Scale: 1},
		CaptureBeyondViewport: &beyond,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return shot.Data
}
