package eventlog

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// A direct event reads like a published one without a channel, whatever is in it.
func TestDirect(t *testing.T) {
	want := "xid: e-7\nevent: note\n" + `data: {"type":"note","payload":"hi","timestamp":"2026-11-20T13:04:05.123Z"}` + "\n\n"
	if got := string(AppendDirect([]byte("x"), Position{"e", 7}, "note", []byte(`"hi"`), noon)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	rapid.Check(t, func(rt *rapid.T) {
		typ := rapid.StringN(1, 20, MaxType).Filter(func(s string) bool { return CheckType(s) == nil }).Draw(rt, "type")
		text, err := json.Marshal(rapid.String().Draw(rt, "text"))
		if err != nil {
			rt.Fatal(err)
		}
		space := rapid.SampledFrom([]string{"", "\n", "\r\n", "\r", "\n\n"}).Draw(rt, "space")
		payload := []byte("[" + space + string(text) + space + "]")
		given := string(payload)
		frame := NewFrame(AppendDirect(nil, Position{"e", 7}, typ, payload, noon))
		if string(payload) != given {
			rt.Fatal("the payload was changed in place")
		}
		got := readSSE(readChunks(t, []Frame{frame}))
		if len(got.events) != 1 || got.rest || got.events[0].id != "e-7" || got.events[0].typ != typ {
			rt.Fatalf("%q", got.events)
		}
		checkJSON(t, got.events[0].data, "", typ, payload)
	})
}
