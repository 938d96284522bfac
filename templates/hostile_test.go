package templates

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fill sets every string of a view to s, but those that are one of a few words or made by the
// server.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "Tone", "State", "Mode", "Field", "Sorted", "Section", "Key", "ID", "Role", "Result", "Protocol",
				"Label", "Value", "Unit", "Note", "Kept", "Rate", "Left", "Events", "Bytes", "Connections", "Clients", "Behind", "Refused":
			default:
				if v.Type().Field(i).Type != reflect.TypeFor[time.Time]() {
					fill(v.Field(i), s)
				}
			}
		}
	case reflect.Slice:
		if v.Type() != reflect.TypeFor[[]Column]() {
			v.Set(v.Slice(0, min(2, v.Len()))) // enough of a list
		}
		copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(copied, v)
		for i := range copied.Len() {
			fill(copied.Index(i), s)
		}
		if !v.IsNil() {
			v.Set(copied)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			copied := reflect.New(v.Type().Elem())
			copied.Elem().Set(v.Elem())
			fill(copied.Elem(), s)
			v.Set(copied)
		}
	case reflect.String:
		v.SetString(s)
	}
}

func filled(view live, s string) live {
	v := reflect.New(reflect.TypeOf(view)).Elem()
	v.Set(reflect.ValueOf(view))
	fill(v, s)
	return v.Interface().(live)
}

func TestHostileStringsAreTextInTheAdminUI(t *testing.T) {
	long := strings.Repeat("W", 255)
	for name, view := range sampleViews() {
		plain := shape(render(t, livePages(map[string]live{"": filled(view, "x")})[""].page))
		for _, s := range []string{"javascript:alert(1)", strings.Join(hostile, " ") + "a\u2066b\u200fc \u001b[31m" + long} {
			page := render(t, livePages(map[string]live{"": filled(view, s)})[""].page)
			if diff := cmp.Diff(plain, shape(page)); diff != "" {
				t.Errorf("%s: %q changes the markup (-want +got):\n%s", name, s, diff)
			}
			for _, e := range parse(t, page) {
				for _, a := range []string{"href", "action", "formaction", "src"} {
					if strings.HasPrefix(strings.ToLower(strings.TrimSpace(e.attrs[a])), "javascript:") {
						t.Errorf("%s: %q makes %s=%q", name, s, a, e.attrs[a])
					}
				}
				text := e.attrs["title"] + e.attrs["aria-label"]
				if e.name != "textarea" {
					text += e.text
				}
				if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unseen(r) }) {
					t.Errorf("%s: %q stays unseen in <%s>: %q", name, s, e.name, text)
				}
			}
		}
	}
	for _, s := range hostile {
		plain := Login(LoginView{"v", "x", "x", "x", "x", time.Second, "x", true, "x", "x"})
		if diff := cmp.Diff(shape(render(t, plain)), shape(render(t, Login(LoginView{"v", s, s, s, s, time.Second, s, true, s, s})))); diff != "" {
			t.Errorf("%q changes the login page (-want +got):\n%s", s, diff)
		}
	}
}
