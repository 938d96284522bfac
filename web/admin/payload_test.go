package admin

import (
	"strings"
	"testing"
)

// A payload that is not JSON is told with its place, and becomes a string only if the form says so.
func TestPayloadOf(t *testing.T) {
	for _, c := range []struct {
		text    string
		isText  bool
		payload string
		wrong   string
	}{
		{` { "a" : [1, 2] } `, false, `{"a":[1,2]}`, ""},
		{`"ä"`, false, `"ä"`, ""},
		{`{bad`, false, "", "line 1, column 2: invalid character 'b'"},
		{"{\n  \"ä\": x\n}", false, "", "line 2, column 8: invalid character 'x'"},
		{`{"a":1`, false, "", "line 1, column 7: the text ends too early"},
		{`{} {}`, false, "", "line 1, column 4: more text follows the value"},
		{`1 x`, false, "", "line 1, column 3: more text follows the value"},
		{`hello`, false, "", "line 1, column 1: invalid character 'h'"},
		{"  ", false, "", "payload is empty"},
		{`{bad`, true, `"{bad"`, ""},
		{`{"a":1}`, true, `"{\"a\":1}"`, ""},
		{"", true, `""`, ""},
	} {
		payload, wrong := payloadOf(c.text, c.isText)
		if string(payload) != c.payload || !strings.Contains(wrong, c.wrong) || (wrong == "") != (c.wrong == "") {
			t.Errorf("%q: %s, %q; want %s, %q", c.text, payload, wrong, c.payload, c.wrong)
		}
	}
}
