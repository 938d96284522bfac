package admin

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFilterTerms(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"  ann  bob ":                  "[ann] [bob]",
		"is:slow behind:>100 ann":      "is=slow behind=>100 [ann]",
		"IS:Slow PROTO:HTTP/1.0":       "is=slow proto=http/1.0",
		"channel:room.* channel:a":     "channel=room.* channel=a",
		`"two words" "user:42"`:        "[two words] [user:42]",
		`info.team:"night shift"`:      "info.team=night shift",
		`info."my key":"a \"b\" \\c"`:  `info.my key=a "b" \c`,
		`"unclosed te`:                 "[unclosed te]",
		`back\slash`:                   `[back\slash]`,
		"addr:10.0.0.0/8 addr:::1":     "addr=10.0.0.0/8 addr=::1",
		"addr:fe80::1%eth0":            "addr=fe80::1%eth0",
		"addr:10.0.":                   "addr=10.0.",
		"since:<5m since:>7d since:1h": "since=<5m since=>7d since=1h",
		"bytes:>1MiB events:0":         "bytes=>1MiB events=0",
		":x x: 2001:db8::1 {\"a\":1}":  "[:x] [x:] [2001:db8::1] [{a:1}]",
		"behnd:>100":                   "[behnd:>100]!",
		"is:fast":                      "is=fast!",
		"behind:lots":                  "behind=lots!",
		"behind:":                      "behind=!",
		"since:soon since:-5m":         "since=soon! since=-5m!",
		"channel:a,b channel:$x":       "channel=a,b! channel=$x!",
		"addr:east addr:10.0.0.0/99":   "addr=east! addr=10.0.0.0/99!",
		"proto:spdy info:x server:":    "proto=spdy! info=x! server=!",
	} {
		var got []string
		for _, one := range parseFilter(text).terms {
			s := one.key + "=" + one.value
			if one.member != "" {
				s = one.key + "." + one.member + "=" + one.value
			}
			if one.isWord() {
				s = "[" + one.value + "]"
			}
			if one.wrong != "" {
				s += "!"
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q is %q, want %q", text, strings.Join(got, " "), want)
		}
	}
}

// What is wrong with a term is said with the term and the values that it takes.
func TestFilterProblems(t *testing.T) {
	for text, want := range map[string]string{
		"ann":                    "",
		"is:fast":                "“is:fast” is not used: is: takes slow, behind, leaving or anonymous.",
		"behnd:1":                "There is no filter “behnd:”, so this is searched for as text. The filters are is:, behind:,",
		strings.Repeat("a ", 21): "A filter may have 20 words and terms.",
	} {
		got := strings.Join(parseFilter(text).problems(), " ")
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFilterCompares(t *testing.T) {
	for text, want := range map[string][]float64{ // what satisfies 0 to 4
		"behind:>2": {3, 4}, "behind:>=2": {2, 3, 4}, "behind:<2": {0, 1}, "behind:<=2": {0, 1, 2}, "behind:2": {2}, "behind:=2": {2},
		"since:2s": {0, 1}, "since:>2s": {3, 4},
	} {
		var got []float64
		for x := range 5 {
			if parseFilter(text).terms[0].compare(float64(x)) {
				got = append(got, float64(x))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is satisfied by %v, want %v", text, got, want)
		}
	}
	if x := parseFilter("since:>1d").terms[0].number; x != (24 * time.Hour).Seconds() {
		t.Errorf("a day has %v seconds", x)
	}
}

// A key and a value that the UI writes as a term are read as these, whatever is in them.
func TestFilterTermIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		member := rapid.StringOf(rapid.Rune()).Filter(func(s string) bool { return s != "" }).Draw(t, "member")
		value := rapid.String().Draw(t, "value")
		f := parseFilter("ann " + termText("info."+member, value) + " bob")
		if len(f.terms) != 3 || f.terms[1].key != "info" || f.terms[1].member != member || f.terms[1].value != value || f.terms[1].wrong != "" {
			t.Fatalf("%q is read as %+v", f.text, f.terms)
		}
		if f.without(&f.terms[1]) != "ann bob" {
			t.Fatalf("without it, %q is %q", f.text, f.without(&f.terms[1]))
		}
	})
}

// A term can be removed from any text; the others stay as they are.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"ann is:slow", `"a b`, `x"y z":"\"" \`, "behind:>1 since:<5m addr:::/0", "é:\xff \x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all := parseFilter(text)
		for i := range all.terms {
			one := &all.terms[i]
			if one.from >= one.to || one.to > len(text) || i > 0 && one.from <= all.terms[i-1].to {
				t.Fatalf("%q: term %d is from %d to %d", text, i, one.from, one.to)
			}
			if len(all.terms) == mostTerms || strings.Count(text, `"`)%2 == 1 {
				continue // another one may follow, or the last one goes on to the end
			}
			rest := parseFilter(all.without(one))
			if len(rest.terms) != len(all.terms)-1 {
				t.Fatalf("%q without %q is %q", text, one.shown(text), rest.text)
			}
			others := slices.Delete(slices.Clone(all.terms), i, i+1)
			for j := range others {
				if others[j].shown(text) != rest.terms[j].shown(rest.text) {
					t.Fatalf("%q without %q is %q", text, one.shown(text), rest.text)
				}
			}
		}
	})
}
