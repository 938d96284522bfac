package eventlog

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckChannel(t *testing.T) {
	for _, good := range []string{
		"a", "channel1", "sport.football.1", ".", "..", "a b", "a*", "*a.>b", "a.**", "a.>>", "☃", "a/b?c#d%2F&e=f", `"`, `\`, "{}", "<script>",
		"a$", "a.$b", strings.Repeat("x", 255), strings.Repeat("é", 127), "-", "null", "a;b", "a\u00a0b", "a\u2028b",
	} {
		if err := CheckChannel(good); err != nil {
			t.Errorf("%q %v", good, err)
		}
	}
	for _, bad := range []string{
		"", strings.Repeat("x", 256), strings.Repeat("é", 128), "a,b", ",", " a", "a ", " ", "a\n", "\ta", "a\x00b", "a\x7fb", "a\u0085b", "\xff", "a\xc3",
		"*", ">", "a.*", "*.a", "a.*.b", "a.>", ">.a", "$", "$SYS", "$JS.API", "a\rb", "\u2028a", "a\u3000", "\u00a0a",
	} {
		if err := CheckChannel(bad); err == nil || strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCheckType(t *testing.T) {
	for _, good := range []string{"a", "message", "data: x", "Registered", "gap ", "☃", "*", "a,b", "$x", strings.Repeat("x", 64)} {
		if err := CheckType(good); err != nil {
			t.Errorf("%q %v", good, err)
		}
	}
	for _, bad := range []string{
		"", strings.Repeat("x", 65), "a\nb", "a\r", "\x00", "\x7f", "\u0085", "\xff",
		"registered", "lastEvent", "online-presence", "presence", "gap", "goodbye",
	} {
		if err := CheckType(bad); err == nil || strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

var (
	plainText   = regexp.MustCompile(`^\P{Cc}+$`)
	outerSpace  = regexp.MustCompile(`^\p{Z}|\p{Z}$`)
	patternPart = regexp.MustCompile(`(^|\.)[*>](\.|$)`)
)

// A channel's name is good exactly if the contract says so, and a good one stays
// what it is in a list, a query and JSON.
func FuzzCheckChannel(f *testing.F) {
	for _, s := range []string{"a", "a.b", "a.*", ">", "$a", " a", "a,b", "\xff", "☃", strings.Repeat("x", 256), "a\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := len(s) >= 1 && len(s) <= 255 && utf8.ValidString(s) && plainText.MatchString(s) &&
			!strings.Contains(s, ",") && !outerSpace.MatchString(s) && !patternPart.MatchString(s) && s[0] != '$'
		err := CheckChannel(s)
		if (err == nil) != want {
			t.Fatalf("%q: %v", s, err)
		}
		if err != nil {
			return
		}
		q, err := url.ParseQuery(url.Values{"channels": {"a," + s + ",b"}}.Encode())
		if list := strings.Split(q.Get("channels"), ","); err != nil || !slices.Equal(list, []string{"a", s, "b"}) {
			t.Errorf("%q in a list is %q, %v", s, list, err)
		}
		var back string
		if err := json.Unmarshal(AppendString(nil, s), &back); err != nil || back != s {
			t.Errorf("%q as JSON is %q, %v", s, back, err)
		}
	})
}

// A type is good exactly if the contract says so.
func FuzzCheckType(f *testing.F) {
	for _, s := range []string{"message", "gap", "lastEvent", "a\nb", "", strings.Repeat("x", 65), "\xff"} {
		f.Add(s)
	}
	servers := []string{"registered", "lastEvent", "online-presence", "presence", "gap", "goodbye"}
	f.Fuzz(func(t *testing.T, s string) {
		want := len(s) >= 1 && len(s) <= 64 && utf8.ValidString(s) && plainText.MatchString(s) && !slices.Contains(servers, s)
		if err := CheckType(s); (err == nil) != want {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
