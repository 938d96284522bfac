package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// The server raises an alarm by itself, and the page says since when; what has ended is absent at once.
func TestAdminAlarms(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, withAdmins(web.Options{MaxStreams: 10}))
	alice := operator(t, srv)
	alice.get("/admin/alarms").wantText("alarms-rows", "Open to everybody").wantText("alarms-rows", "active").wantText("past-alarms-rows", "No alarm was cleared yet.").
		wantText("alarm-count", "1 active")
	live := alice.watch("/admin/alarms")
	live.patch()
	alice.post("/admin/server/drain", "rate", "1").want(303)
	live.until("alarms-rows", "Draining", func(o op) bool { return strings.Contains(o.markup(), "Draining") })
	page := alice.get("/admin/clients").wantText("alarm-count", "2 active")
	if href := attr(page.one("alarm-count").Parent, "href"); href != "/admin/alarms" {
		t.Errorf("the count leads to %q", href)
	}
	alice.get("/admin").wantText("warnings", "Draining").wantText("warnings", "Raised ")
	alice.post("/admin/server/drain/stop").want(303)
	until(t, "the alarm is absent", func() bool {
		return strings.Contains(alice.get("/admin/alarms").says("alarms-rows"), "absent Cleared soon.")
	})
	if got := alice.get("/admin").wantText("alarm-count", "1 active").says("warnings"); strings.Contains(got, "Draining") {
		t.Errorf("the overview warns of what is over: %s", got)
	}
	alice.get("/admin/alarms?page=7&rows=100")
}

// An alarm that is put away is not counted, and the audit log says who did it. Viewers may not.
func TestAdminAlarmPutAway(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice, vera := operator(t, srv), viewer(t, srv)
	id := formValue(t, alice.get("/admin/alarms"), "alarm-away")
	if page := vera.get("/admin/alarms").wantText("viewer-note", "may look"); strings.Contains(page.text, "/admin/alarms/away") {
		t.Error("a viewer is offered an action")
	}
	vera.post("/admin/alarms/away", "alarm", id).want(403)
	for _, wrong := range []string{"", " 77", "nowhere 1", "x"} {
		alice.act("bad", "There is no such active alarm any more, or its server does not answer.", "/admin/alarms/away", "alarm", wrong)
	}
	page := alice.act("ok", "Put away for 1 h: Open to everybody.", "/admin/alarms/away", "alarm", id).wantText("alarms-rows", "put away by alice")
	if strings.Contains(page.text, `form="alarm-away" name`) || !regexp.MustCompile(`id="alarm-count"[^>]* hidden`).MatchString(page.text) {
		t.Errorf("the page is %s", page.text)
	}
	if got := alice.get("/admin").says("warnings"); got != "" {
		t.Errorf("the overview warns: %s", got)
	}
	audit := alice.get("/admin/audit").wantText("audit-rows", "alarm.away").says("audit-rows")
	if !strings.Contains(audit, "Open to everybody on node-7, for 1 h") || !strings.Contains(audit, "refused") {
		t.Errorf("the audit log has %s", audit)
	}
}

// Metrics say which alarms are active, and how many were raised. Every kind is there from the start.
func TestAlarmMetrics(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	metrics := func() string { return srv.Get("/metrics").WantStatus(200).Body }
	for _, line := range []string{`rollcall_alarm_active{alarm="open"} 1`, `rollcall_alarms_raised_total{alarm="open"} 1`, `rollcall_alarm_active{alarm="draining"} 0`, `rollcall_alarms_raised_total{alarm="full"} 0`} {
		if !strings.Contains(metrics(), line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	alice.post("/admin/server/drain", "rate", "1").want(303)
	until(t, "the metric says so", func() bool { return strings.Contains(metrics(), `rollcall_alarm_active{alarm="draining"} 1`+"\n") })
	if n := len(regexp.MustCompile(`(?m)^rollcall_alarm_active\{`).FindAllString(metrics(), -1)); n != 9 {
		t.Errorf("there are %d kinds of alarms", n)
	}
}

// Webhooks are told of an alarm that the server raises.
func TestAlarmWebhook(t *testing.T) {
	t.Parallel()
	type event struct{ Type, Alarm, Server, Text, At string }
	told := make(chan event, 100)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m struct{ Events []event }
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		for _, e := range m.Events {
			told <- e
		}
	}))
	t.Cleanup(endpoint.Close)
	hook := web.Webhook{URL: endpoint.URL, Secrets: []string{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, Types: []string{"alarm.raised"}, AllowPrivate: true}
	srv := webtest.Start(t, withAdmins(web.Options{Node: "n1", Webhooks: []web.Webhook{hook}}))
	if e := <-told; e.Type != "alarm.raised" || e.Alarm != "open" || e.Server != "n1" || !strings.HasPrefix(e.Text, "Open to everybody. No credentials") || e.At == "" {
		t.Errorf("told is %+v", e)
	}
	operator(t, srv).post("/admin/server/drain", "rate", "1").want(303)
	if e := <-told; e.Alarm != "draining" || !strings.HasPrefix(e.Text, "Draining. ") {
		t.Errorf("told is %+v", e)
	}
}
