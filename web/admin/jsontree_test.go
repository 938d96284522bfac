package admin

import (
	"strings"
	"testing"

	"rollcall/templates"
)

// JSON is shown in folds, with its strings as people read them; what is too large or no JSON is not.
func TestJSONTree(t *testing.T) {
	t.Parallel()
	var write func(n *templates.JSONNode) string
	write = func(n *templates.JSONNode) string {
		text := n.Text
		for i := range n.Children {
			text += write(&n.Children[i]) + ";"
		}
		return n.Key + "=" + n.Kind + "(" + text + ")"
	}
	for text, want := range map[string]string{
		`{"a":[1,"\u003cb\u003e",null],"b":{},"":true}`: `=object("a"=array(=number(1);=string("<b>");=(null););"b"=object();""=(true);)`,
		`"a\nb"`: `=string("a\nb")`, `[]`: `=array()`, ` 1.50e3 `: `=number(1.50e3)`,
	} {
		if got := jsonTree([]byte(text)); got == nil || write(got) != want {
			t.Errorf("%s is shown as %+v, want %s", text, got, want)
		}
	}
	for _, text := range []string{``, `x`, `{`, `{"a":1}2`, strings.Repeat("[", 100) + strings.Repeat("]", 100), "[" + strings.Repeat("1,", 5000) + "1]"} {
		if got := jsonTree([]byte(text)); got != nil {
			t.Errorf("%.50s is shown as %.50s", text, write(got))
		}
	}
}
