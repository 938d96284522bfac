package admin

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What programs escape for HTML is shown as it is, and the JSON stays the same.
func TestPlainJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"\u003cb\u003E \u0026 \u0022"`: `"<b> & \u0022"`, `"\\u003c"`: `"\\u003c"`, `"\\\u003c"`: `"\\<"`, `"\`: `"\`, `"\u003`: `"\u003`, ``: ``,
	} {
		if got := plainJSON(text); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		text, err := json.Marshal(rapid.StringMatching(`[<>&"\\u03ce26]{0,20}`).Draw(rt, "text"))
		if err != nil {
			rt.Fatal(err)
		}
		var before, after any
		if json.Unmarshal(text, &before) != nil || json.Unmarshal([]byte(plainJSON(string(text))), &after) != nil || !reflect.DeepEqual(before, after) {
			rt.Fatalf("%s became %s", text, plainJSON(string(text)))
		}
	})
}
