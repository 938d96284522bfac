package admin

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestIndentedIsLinear: deep JSON is shown as it is, for indenting it would cost the
// square of its length.
func TestIndentedIsLinear(t *testing.T) {
	for _, depth := range []int{100, 9900, 30_000} {
		deep := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		if got := indented([]byte(deep)); len(got) > indentTimes*len(deep)+indentBytes {
			t.Errorf("%d bytes nested %d deep became %d", len(deep), depth, len(got))
		}
		wide := strings.Repeat(`[0,`, depth) + "0" + strings.Repeat("]", depth)
		if got := indented([]byte(wide)); len(got) > indentTimes*len(wide)+indentBytes {
			t.Errorf("%d bytes nested %d deep became %d", len(wide), depth, len(got))
		}
		if allocs := testing.AllocsPerRun(1, func() { indented([]byte(deep)) }); allocs > 1000 {
			t.Errorf("%v allocations", allocs)
		}
	}
}

// Ordinary JSON is indented as ever, and what is none is as it is.
func TestIndented(t *testing.T) {
	for _, text := range []string{
		`{"a":1,"b":[1,2,{"c":null}],"d":{},"e":[],"f":"ü\u00fc\n","g":1.50e+3}`, `[]`, `{}`, `"text"`, `1.0`, `null`, `{"a":1,"a":2}`, `"\ud800"`,
		"[" + strings.Repeat(`{"name":"x","n":1},`, 2000) + "0]", strings.Repeat("[", 20) + strings.Repeat("]", 20), `[100000000000000000000000000001.10]`,
	} {
		var want bytes.Buffer
		if err := json.Indent(&want, []byte(text), "", "  "); err != nil {
			t.Fatal(err)
		}
		if got := indented([]byte(text)); got != want.String() {
			t.Errorf("%.100s became\n%.300s, want\n%.300s", text, got, want.String())
		}
	}
	for _, text := range []string{``, `x`, `{`, `[1`, `1 2`, `{"a":1}}`, "\xff", `{"a"}`} {
		if got := indented([]byte(text)); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
