package web_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// aWebhook is an endpoint for a server, and whether it takes messages.
func aWebhook(t *testing.T) (web.Webhook, *atomic.Bool) {
	t.Helper()
	works := new(atomic.Bool)
	works.Store(true)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !works.Load() {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	t.Cleanup(endpoint.Close)
	secret := "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	return web.Webhook{URL: endpoint.URL + "/hook?key=hunter2", Secrets: []string{secret}, AllowPrivate: true}, works
}

// formValue is what a button of a page sends.
func formValue(t *testing.T, page *reply, form string) string {
	t.Helper()
	found := regexp.MustCompile(`form="` + form + `" name="\w+" value="([^"]+)"`).FindStringSubmatch(page.text)
	if found == nil {
		t.Fatalf("the page has no button of %s: %s", form, page.text)
	}
	return found[1]
}

func TestAdminWebhooks(t *testing.T) {
	t.Parallel()
	hook, works := aWebhook(t)
	srv := webtest.Start(t, withAdmins(web.Options{Webhooks: []web.Webhook{hook}}))
	alice := operator(t, srv)
	page := alice.get("/admin/webhooks")
	if strings.Contains(page.text, "hunter2") || strings.Contains(page.text, "whsec") || !strings.Contains(page.text, "Nothing was sent yet.") {
		t.Errorf("the page is %s", page.text)
	}
	endpoint := formValue(t, page, "webhook-test")

	subscribed(t, srv, "clientId=ann", "room")
	eventually(t, "the page shows a message", func() bool {
		page = alice.get("/admin/webhooks")
		return strings.Contains(page.text, "msg_") && strings.Contains(page.text, "Takes what it is sent.")
	})
	message := formValue(t, page, "webhook-again")
	for target, pair := range map[string][]string{"test": {"endpoint", endpoint}, "again": {"message", message}} {
		to := alice.post("/admin/webhooks/"+target, pair...).want(303).header.Get("Location")
		if told := textOf(alice.get(to).one("flash")); !strings.HasPrefix(told, "The endpoint answered 200 after ") {
			t.Errorf("%s told %q", target, told)
		}
	}
	works.Store(false)
	alice.act("bad", "The endpoint did not take it: it answered 418 I'm a teapot.", "/admin/webhooks/test", "endpoint", endpoint)
	subscribed(t, srv, "clientId=bob", "room")
	eventually(t, "the page shows the failure", func() bool {
		page = alice.get("/admin/webhooks")
		return strings.Contains(page.text, "Fails: it answered 418") && !strings.Contains(page.text, "disabled")
	})
	works.Store(true)
	alice.act("ok", "The endpoint is tried at once.", "/admin/webhooks/retry", "endpoint", formValue(t, page, "webhook-retry"))
	alice.act("bad", "There is no such endpoint or message any more.", "/admin/webhooks/revive", "message", endpoint+" 7")
	alice.act("bad", "There is no such endpoint or message any more.", "/admin/webhooks/again", "message", "nothing")

	vera := viewer(t, srv)
	if page := vera.get("/admin/webhooks"); strings.Contains(page.text, "webhook-test\" method") {
		t.Error("a viewer is offered actions")
	}
	vera.post("/admin/webhooks/test", "endpoint", endpoint).want(403)
	if log := alice.get("/admin/audit.jsonl").text; !strings.Contains(log, `"webhook.test"`) || strings.Contains(log, "hunter2") {
		t.Errorf("the audit log is %s", log)
	}
}

func TestAdminWithoutWebhooks(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	if page := alice.get("/admin/webhooks"); !strings.Contains(page.text, "No webhooks are configured.") {
		t.Errorf("the page is %s", page.text)
	}
	alice.act("bad", "There is no such endpoint or message any more.", "/admin/webhooks/test", "endpoint", "x")
}

// The figures of endpoints are in the metrics, over all of them.
func TestMetricsOfWebhooks(t *testing.T) {
	t.Parallel()
	hook, works := aWebhook(t)
	works.Store(false)
	srv := webtest.Start(t, web.Options{Webhooks: []web.Webhook{hook}})
	subscribed(t, srv, "clientId=ann", "room")
	got := func() map[string]string { return numbers(t, srv.Get("/metrics").WantStatus(200).Body) }
	eventually(t, "the failure counts", func() bool {
		m := got()
		return m["rollcall_webhook_endpoints_failing"] == "1" && m[`rollcall_webhook_attempts_total{result="failed"}`] != "0" &&
			m["rollcall_webhook_oldest_seconds"] != "0"
	})
	works.Store(true)
	eventually(t, "the events count", func() bool {
		m := got()
		return m["rollcall_webhook_endpoints_failing"] == "0" && m["rollcall_webhook_events_total"] == "3"
	})
}
