package web_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/hub/disklog"
	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// A member's events reach all its devices, over every transport, and are events like all
// others.
func TestMemberEvents(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		phone := s.open(ask{path: "/events", header: []string{"Member-ID: ann", "Device-Id: phone"}})
		laptop := s.open(ask{path: "/events/?memberId=ann&deviceId=laptop"})
		other := s.open(ask{path: "/events", header: []string{"MemberId: bob"}})
		for _, c := range []*tap{phone, laptop, other} {
			if e := c.must(); e.raw != "retry: 3000\nid: "+e.id+"\n\n" || e.id == "" {
				t.Fatalf("begins with %q", e.raw)
			}
		}
		if code := s.call("POST", "/events?memberId=ann", map[string]any{"event": map[string]any{"type": "ORDER_SHIPPED", "body": map[string]any{"n": 1}}}, nil); code != 202 {
			t.Fatal(code)
		}
		s.publish(say("member.ann", "hello"), say("member.bob", "for bob"))
		for _, c := range []*tap{phone, laptop} {
			e := c.want("ORDER_SHIPPED")
			if data := timestamps.ReplaceAllString(e.data, "T"); data != `{"body":{"n":1},T}` || !strings.Contains(e.id, "-") {
				t.Errorf("got %q", e.raw)
			}
			if e := c.want("message"); timestamps.ReplaceAllString(e.data, "T") != `{"body":"hello",T}` {
				t.Errorf("got %q", e.raw)
			}
		}
		if e := other.want("message"); timestamps.ReplaceAllString(e.data, "T") != `{"body":"for bob",T}` {
			t.Errorf("got %q", e.raw)
		}
	})
}

// What is posted is on the member's channel, for all that read it.
func TestMemberEventsAreEvents(t *testing.T) {
	t.Parallel()
	srv := start(t)
	st := subscribed(t, srv, "", "member.ann")
	for body, payload := range map[string]string{
		`{"type":"A","body":{"a":[1,2.50]}}`:          `{"a":[1,2.50]}`,
		`{"event":{"type":"A","body":"text"}}`:        `"text"`,
		`{"type":"A"}`:                                `null`,
		`{"type":"A","body":null}`:                    `null`,
		"{\"type\":\"A\",\"body\":{\n\"a\":\r\n1}}":   `{"a":1}`,
		`{"type":"A","body":"\ud800","other":"\u00"}`: "",
	} {
		a := srv.Post("/events", body, "Member-ID: ann")
		if payload == "" {
			a.WantFault(400, "invalid_json", "")
			continue
		}
		if id := st.WantEvent("member.ann", "A", payload); id != idOf(a.WantStatus(202)) {
			t.Errorf("%s has another id", body)
		}
	}
	first := idOf(srv.Post("/events?memberId=ann", `{"type":"ONCE","idempotencyKey":"k"}`).WantStatus(202))
	a := srv.Post("/events?memberId=ann", `{"event":{"type":"ONCE","idempotencyKey":"k"}}`).WantStatus(202)
	if a.Body != `{"id":"`+first+`","duplicate":true}`+"\n" {
		t.Errorf("repeated: %s", a.Body)
	}
	srv.Get("/lastEvent?channel=member.ann").WantJSON(`{"response":"{\"type\":\"ONCE\",\"payload\":null}"}`)
}

// A native EventSource has a position before its first event, and resumes from any.
func TestMemberResume(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{HistoryEvents: 3})
	post := func(n int) string {
		return idOf(srv.Post("/events?memberId=ann", fmt.Sprintf(`{"type":"E","body":%d}`, n)).WantStatus(202))
	}
	post(1)
	st := opened(t, srv, "/events?memberId=ann")
	second := post(2)
	st.want("E", `{"body":2}`)
	begin := strings.TrimSuffix(second, "2") + "1"
	opened(t, srv, "/events?memberId=ann", "Last-Event-ID: "+begin).want("E", `{"body":2}`)
	post(3)
	for _, resume := range []string{"lastEventId", "last_event_id"} {
		opened(t, srv, "/events?memberId=ann&"+resume+"="+second).want("E", `{"body":3}`)
	}
	post(4)
	post(5)
	late := opened(t, srv, "/events?memberId=ann", "Last-Event-ID: "+begin)
	late.WantGap("member.ann", begin, "evicted")
	late.want("E", `{"body":3}`)
	lost := opened(t, srv, "/events?memberId=ann", "Last-Event-ID: former-7")
	lost.WantGap("member.ann", "former-7", "epoch")
	post(6)
	lost.want("E", `{"body":6}`)
}

// A device that reconnects without its last id resumes at its place; another device of the member, and a new one, do
// not.
func TestDevices(t *testing.T) {
	t.Parallel()
	srv := start(t)
	post := func(n int) string {
		return idOf(srv.Post("/events?memberId=ann", fmt.Sprintf(`{"type":"E","body":%d}`, n)).WantStatus(202))
	}
	post(0)
	phone, laptop := opened(t, srv, "/events?memberId=ann&deviceId=phone"), opened(t, srv, "/events?memberId=ann&deviceId=laptop")
	devices := func() (ids []string) {
		var got struct{ Connections []struct{ DeviceID string } }
		srv.Get("/presence/clients/ann").WantStatus(200).Into(&got)
		for _, c := range got.Connections {
			ids = append(ids, c.DeviceID)
		}
		return ids
	}
	if got := fmt.Sprint(devices()); got != "[phone laptop]" {
		t.Errorf("presence shows %s", got)
	}
	first := post(1)
	phone.want("E", `{"body":1}`)
	laptop.want("E", `{"body":1}`)
	phone.Close()
	eventually(t, "the phone is gone", func() bool { return fmt.Sprint(devices()) == "[laptop]" })
	post(2)
	post(3)
	laptop.want("E", `{"body":2}`)
	laptop.want("E", `{"body":3}`)

	phone = opened(t, srv, "/events?memberId=ann", "Device-Id: phone")
	phone.want("E", `{"body":2}`)
	phone.want("E", `{"body":3}`)
	phone.Cut()
	eventually(t, "the phone is gone", func() bool { return fmt.Sprint(devices()) == "[laptop]" })
	phone = opened(t, srv, "/events?memberId=ann&deviceId=phone", "Last-Event-ID: "+first) // its own word counts
	phone.want("E", `{"body":2}`)
	phone.want("E", `{"body":3}`)
	phone.Cut()
	eventually(t, "the phone is gone", func() bool { return fmt.Sprint(devices()) == "[laptop]" })
	refused := opened(t, srv, "/events?memberId=ann&deviceId=phone", "Last-Event-ID: new-0") // it was turned away before
	watch := opened(t, srv, "/events?memberId=ann&deviceId=watch")
	bobs := opened(t, srv, "/events?memberId=bob&deviceId=phone")
	srv.Publish("member.bob", `4`)
	bobs.want("message", `{"body":4}`)
	post(5)
	for _, st := range []*face{refused, watch, laptop} {
		st.want("E", `{"body":5}`)
	}

	// Places are not public.
	var all struct {
		Channels []struct{ ChannelName string }
	}
	srv.Get("/presence/channels").WantStatus(200).Into(&all)
	if len(all.Channels) != 2 {
		t.Errorf("channels %+v", all.Channels)
	}
	for _, path := range []string{"/history?channel=", "/lastEvent?channel="} {
		srv.Get(path+"$device.x").WantFault(400, "invalid_channel", "channel")
	}
	srv.Get("/subscribe?channels=$device.x").WantFault(400, "invalid_channel", "channels")
	if got := numbers(t, srv.Get("/metrics").Body)["rollcall_events_published_total"]; got != "6" {
		t.Errorf("%s events were published, want 6", got)
	}
}

// Places survive a restart with the log.
func TestDevicesOverRestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	run := func(test func(srv *webtest.Server)) {
		t.Helper()
		t.Run("", func(t *testing.T) {
			opts := web.Options{HistoryEvents: 2000}
			log, err := disklog.Open(dir, disklog.Options{Keep: opts.History()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = log.Close() })
			opts.Engine = log
			test(webtest.Start(t, opts))
		})
	}
	run(func(srv *webtest.Server) {
		phone := opened(t, srv, "/events?memberId=ann&deviceId=phone")
		srv.Post("/events?memberId=ann", `{"type":"E","body":1}`).WantStatus(202)
		phone.want("E", `{"body":1}`)
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	run(func(srv *webtest.Server) {
		srv.Post("/events?memberId=ann", `{"type":"E","body":2}`).WantStatus(202)
		opened(t, srv, "/events?memberId=ann&deviceId=phone").want("E", `{"body":2}`)
		watch := opened(t, srv, "/events?memberId=ann&deviceId=watch")
		srv.Post("/events?memberId=ann", `{"type":"E","body":3}`).WantStatus(202)
		watch.want("E", `{"body":3}`)
		srv.Post("/events/ack?memberId=ann&deviceId=tablet", `{"id":"`+watch.LastID+`"}`).WantStatus(204)
		srv.Post("/events?memberId=ann", `{"type":"E","body":4}`).WantStatus(202)
	})
	run(func(srv *webtest.Server) {
		opened(t, srv, "/events?memberId=ann&deviceId=tablet&ack=1").want("E", `{"body":4}`)
	})
}

// A device that reports what it has loses nothing of what a broken connection swallowed, without a Last-Event-ID.
func TestDevicesThatAcknowledge(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{"ann": "/events?deviceId=phone&ack=1&memberId=ann", "bob": "/events?deviceId=phone&memberId=bob"} {
		srv := start(t)
		var ids []string
		post := func(n int) {
			a := srv.Post("/events?memberId="+name, fmt.Sprintf(`{"type":"E","body":%d}`, n)).WantStatus(202)
			ids = append(ids, idOf(a))
		}
		post(0)
		// swallowed opens a stream that is cut when all was written to it and nothing of it read.
		swallowed := func(events int) {
			t.Helper()
			st := opened(t, srv, target)
			for n := range events {
				post(n)
			}
			eventually(t, "all was sent", func() bool {
				var got struct{ Connections []struct{ EventsSent int } }
				srv.Get("/presence/clients/" + name).Into(&got)
				return len(got.Connections) == 1 && got.Connections[0].EventsSent >= events
			})
			st.Cut()
			eventually(t, "the phone is away", func() bool { return srv.Streams() == 0 })
		}
		swallowed(3)
		if name == "bob" { // which is what it is without
			post(3)
			st := opened(t, srv, target)
			st.want("E", `{"body":3}`)
			st.Close()
			continue
		}
		st := opened(t, srv, target)
		for n := range 3 {
			st.want("E", fmt.Sprintf(`{"body":%d}`, n))
		}
		st.Cut()
		eventually(t, "the phone is away", func() bool { return srv.Streams() == 0 })
		const ack = "/events/ack?memberId=ann"
		srv.Post(ack, `{"id":"`+ids[2]+`"}`, "Device-Id: phone").WantStatus(204)
		srv.Post(ack+"&deviceId=phone", `{"id":"`+ids[1]+`"}`).WantStatus(204) // late, and of no effect
		swallowed(0)
		st = opened(t, srv, target)
		st.want("E", `{"body":2}`)
		srv.Post("/events/ack/?memberId=ann&deviceId=phone", `{"id":"`+st.LastID+`"}`).WantStatus(204)
		st.Close()
		eventually(t, "the phone is away", func() bool { return srv.Streams() == 0 })
		post(7)
		opened(t, srv, target).want("E", `{"body":7}`)
		opened(t, srv, target, "Last-Event-ID: "+ids[3]).want("E", `{"body":7}`)

		srv.Post(ack, `{"id":"x"}`).WantFault(400, "invalid_device", "deviceId")
		srv.Post("/events/ack?deviceId=phone", `{}`).WantFault(400, "invalid_member", "memberId")
		for _, id := range []string{"", "x", "former-1", strings.Replace(ids[0], "-", "-9", 1)} {
			srv.Post(ack+"&deviceId=phone", `{"id":"`+id+`"}`).WantFault(400, "invalid_position", "id")
		}
		srv.Post(ack+"&deviceId=phone", `{`).WantFault(400, "invalid_json", "")
		srv.Get("/events?memberId=ann&ack=1").WantFault(400, "invalid_device", "deviceId")
		srv.Get("/events?memberId=ann&deviceId=phone&ack=yes").WantFault(400, "invalid_ack", "ack")
	}
}

// Who may read a member's events may acknowledge them, and nobody else.
func TestAcknowledgeNeedsCredentials(t *testing.T) {
	t.Parallel()
	g := guard(t)
	st := g.Subscribe("channels=member.ann", bearer(token(t, "ann", "member.ann", "")))
	st.WantRegistered()
	body := `{"id":"` + st.LastID + `"}`
	const target = "/events/ack?memberId=ann&deviceId=phone"
	g.Post(target, body).WantStatus(401)
	g.Post(target, body, bearer(token(t, "eve", "member.eve", "member.ann"))).WantStatus(403)
	g.Post(target, body, bearer(token(t, "ann", "member.ann", ""))).WantStatus(204)
}

// The place of a device is kept while its stream is open, too: should its server crash,
// another one on the same log knows it.
func TestDevicesElsewhere(t *testing.T) {
	t.Parallel()
	log := eventlog.NewMemory((&web.Options{}).History())
	t.Cleanup(func() { _ = log.Close() })
	engine := web.MemoryEngine{Memory: log}
	one, other := webtest.Start(t, web.Options{Engine: engine}), webtest.Start(t, web.Options{Engine: engine})
	phone := opened(t, one, "/events?memberId=ann&deviceId=phone")
	var last string
	for n := range 3 {
		one.Post("/events?memberId=ann", fmt.Sprintf(`{"type":"E","body":%d}`, n)).WantStatus(202)
		last = phone.want("E", fmt.Sprintf(`{"body":%d}`, n))
	}
	eventually(t, "the place is kept", func() bool {
		one.KeepPlaces()
		kept := log.Page(placesChannel("ann"), 0, 1)
		if len(kept) == 0 {
			return false
		}
		var places map[string]string
		_ = json.Unmarshal(kept[0].Payload(), &places)
		for _, text := range places { // of the one device; an earlier place in the log may have moved the stream behind its event
			at, _ := eventlog.ParsePosition(text)
			wanted, _ := eventlog.ParsePosition(last)
			return at.Epoch == wanted.Epoch && at.Seq >= wanted.Seq
		}
		return false
	})
	other.Post("/events?memberId=ann", `{"type":"E","body":"missed"}`).WantStatus(202)
	opened(t, other, "/events?memberId=ann&deviceId=phone").want("E", `{"body":"missed"}`)
}

// The admin UI shows the device of a connection.
func TestAdminShowsDevices(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	opened(t, srv, "/events?memberId=ann", "Device-Id: phone 7")
	operator(t, srv).get("/admin/clients/ann").want(200).wantText("connections-rows", "device phone 7")
}
