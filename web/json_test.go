package web_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"rollcall/web/webtest"
)

// jsonBody is an object in a request's body that has a required field.
type jsonBody struct {
	path    string // in the API's description
	query   string
	around  string // the object's place in the body
	fields  string // required fields of the object
	name    string // one of them
	good    string // its value in fields
	bad     string // a value of the right kind that is refused when all fields are read, "" if there is none
	half    string // a value with half a surrogate pair, "" for a field without strings
	refusal string // the error code if the field is missing or bad
	field   string // the field's name in errors
}

// position stands for the log's position in a jsonBody.
const position = "POSITION"

var jsonBodies = []jsonBody{
	{"/events/ack", "?memberId=ann&deviceId=phone", `{%s}`, `"id":"POSITION"`, "id", `"POSITION"`, `"x"`, `"\ud800"`, "invalid_position", "id"},
	{"/publish", "", `{%s}`, `"events":[]`, "events", `[]`, ``, ``, "", ""},
	{"/publish", "", `{"events":[{%s}]}`, `"channelName":"a","type":"t","payload":1`, "channelName", `"a"`, `"*"`, `"\ud800"`, "invalid_event", "events[0].channelName"},
	{"/publish", "", `{"events":[{%s}]}`, `"channelName":"a","type":"t","payload":1`, "type", `"t"`, `""`, `"\ud800"`, "invalid_event", "events[0].type"},
	{"/subscribe", "", `{%s}`, `"channels":["a"]`, "channels", `["a"]`, `[]`, `["\ud800"]`, "missing_channels", "channels"},
	{"/events", "?memberId=ann", `{%s}`, `"type":"A"`, "type", `"A"`, `"a"`, `"\ud800"`, "invalid_event", "type"},
	{"/events", "?memberId=ann", `{"event":{%s}}`, `"type":"A"`, "type", `"A"`, `"a"`, `"\ud800"`, "invalid_event", "event.type"},
	{"/messages", "", `{%s}`, `"room":"a","text":"hello"`, "text", `"hello"`, `""`, `"\ud800"`, "invalid_message", "text"},
	{"/messages", "", `{%s}`, `"room":"a","text":"hello"`, "room", `"a"`, `"*"`, `"\ud800"`, "invalid_room", "room"},
}

// Every JSON body is read by the same rules.
func TestJSONBodiesHaveOneRule(t *testing.T) {
	srv := start(t)
	head := srv.Head()
	for _, b := range jsonBodies {
		b.fields, b.good = strings.ReplaceAll(b.fields, position, head), strings.ReplaceAll(b.good, position, head)
		t.Run(strings.TrimPrefix(b.path, "/")+" "+b.name, func(t *testing.T) {
			srv := srv.For(t)
			accepted := func(body string) {
				t.Helper()
				if b.path == "/subscribe" {
					st := srv.Open("POST", b.path+b.query, body)
					st.WantRegistered()
					st.Cut()
				} else if a := srv.Post(b.path+b.query, body); a.Status/100 != 2 {
					t.Errorf("%s: %d %s", body, a.Status, a.Body)
				}
			}
			refused := func(body, code string) *webtest.Answer {
				t.Helper()
				a := srv.Post(b.path+b.query, body)
				if a.Status != 400 || code != "" && !strings.Contains(a.Body, `"code":"`+code+`"`) {
					t.Errorf("%s: %d %s, want the code %q", body, a.Status, a.Body, code)
				}
				return a
			}
			object := func(fields string) string { return fmt.Sprintf(b.around, fields) }
			one, name := fmt.Sprintf("%q:%s", b.name, b.good), fmt.Sprintf("%q", b.name)
			whole := object(b.fields)

			accepted(whole)
			accepted(" \t\r\n" + whole + "\n ")
			accepted(object(`"unknown":{"a":[1]},` + b.fields + `,"":"\ud800"`))
			accepted(object(strings.Replace(b.fields, name, fmt.Sprintf(`"\u%04x%s"`, b.name[0], b.name[1:]), 1)))

			// The last of equal names counts.
			if b.bad != "" {
				accepted(object(name + ":" + b.bad + "," + b.fields))
				refused(object(b.fields+","+name+":"+b.bad), b.refusal)
			}

			// Other names don't count, not even in another case.
			refused(object(strings.Replace(b.fields, name, strings.ToUpper(name), 1)), b.refusal)
			refused(object(strings.Replace(b.fields, name, strings.ToUpper(name[:2])+name[2:], 1)), b.refusal)
			if b.name != "events" { // null is an empty list there
				refused(object(strings.Replace(b.fields, one, name+":null", 1)), b.refusal)
			}
			refused(object(strings.Replace(b.fields, one, name+":7", 1)), "")
			if b.half != "" {
				a := refused(object(strings.Replace(b.fields, one, name+":"+b.half, 1)), "")
				if !strings.Contains(a.Body, "has half a surrogate pair") || !strings.Contains(a.Body, `"field":"`+b.field) {
					t.Errorf("half a surrogate pair: %s", a.Body)
				}
			}

			for _, body := range []string{"", " ", whole + "{}", whole + "x", whole + ",", whole + "\x00", whole[:len(whole)-1], object(b.fields + `,"x":"` + "\xff" + `"`), object(b.fields + ",")} {
				refused(body, "invalid_json")
			}
			for _, body := range []string{"[" + whole + "]", `"text"`, "7", "null", "true", "a=b", "\ufeff" + whole} {
				refused(body, "invalid_body")
			}
		})
	}
}

// The body that is an info itself is one JSON object in UTF-8, like any other.
func TestInfoBodyHasTheSameRule(t *testing.T) {
	srv := start(t)
	st := subscribed(t, srv, "clientId=ada", "a")
	for _, body := range []string{`{}`, ` {"a":1} `, `{"a":1,"a":"\ud800"}`} {
		srv.Do("PUT", infoPath(st), body).WantStatus(204)
	}
	for _, body := range []string{
		``, ` `, `{`, `{"a":1}{}`, `{"a":1}x`, `{"a":1},`, "{\"a\":1}\x00", "{\"a\":\"\xff\"}", `{"a":1,}`, `[{"a":1}]`, `"text"`, `7`, `null`, `true`, "\ufeff{}",
	} {
		srv.Do("PUT", infoPath(st), body).WantFault(400, "invalid_info", "info")
	}
}

// jsonBodies has every body of JSON in the API's description.
func TestJSONBodiesAreAllListed(t *testing.T) {
	listed := map[string]bool{"/presence/connections/{connectionId}/info": true} // see TestInfoBodyHasTheSameRule
	for _, b := range jsonBodies {
		listed[b.path] = true
	}
	described := map[string]bool{}
	for path, item := range loadSpec(t).Paths.Map() {
		for _, op := range item.Operations() {
			if op.RequestBody != nil && op.RequestBody.Value.Content["application/json"] != nil {
				described[path] = true
			}
		}
	}
	if !maps.Equal(listed, described) {
		t.Errorf("tested are %v, described are %v", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(described)))
	}
}
