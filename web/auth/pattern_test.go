package auth_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
	"rollcall/web/auth"
)

// pattern parses what must be a pattern.
func pattern(t testing.TB, text string) auth.Pattern {
	t.Helper()
	p, err := auth.ParsePattern(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return p
}

// patterns parses a list.
func patterns(t testing.TB, text string) auth.Patterns {
	t.Helper()
	list, err := auth.ParsePatterns(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// naive is the definition, word for word.
func naive(pattern, channel []string) bool {
	switch {
	case len(pattern) == 0 || len(channel) == 0:
		return len(pattern) == len(channel)
	case pattern[0] == ">" && len(pattern) == 1:
		return true
	}
	return (pattern[0] == "*" || pattern[0] == channel[0]) && naive(pattern[1:], channel[1:])
}

func TestPatternMatches(t *testing.T) {
	for _, c := range []struct{ pattern, yes, no string }{
		{"orders", "orders", "order,orders.,orders.a,Orders,a.orders,orders%2E"},
		{"orders.*", "orders.a,orders.,orders.b c", "orders,orders.a.b,ordersx.a,orders/a"},
		{"orders.>", "orders.a,orders.a.b,orders.a.b.c", "orders,ordersx.a,x.orders.a"},
		{"*", "a,A b", "a.b,.a"},
		{">", "a,a.b,.,a.b.c", "$sys,$,$online.a"},
		{"*.>", "a.b,a.b.c,.b", "a,$a.b"},
		{"*.b.*", "a.b.c", "a.b,a.b.c.d,a.x.c,$.b.c"},
		{"a*", "a*", "ab,a,aa"},
		{"a.>x", "a.>x", "a.b"},
	} {
		p := pattern(t, c.pattern)
		for channel := range strings.SplitSeq(c.yes, ",") {
			if !p.Matches(channel) {
				t.Errorf("%q does not match %q", c.pattern, channel)
			}
		}
		for channel := range strings.SplitSeq(c.no+",", ",") { // the empty name too
			if p.Matches(channel) {
				t.Errorf("%q matches %q", c.pattern, channel)
			}
		}
	}
	if (auth.Pattern{}).Matches("") || (auth.Pattern{}).Matches("a") {
		t.Error("the zero pattern matches something")
	}
}

func TestPatternsThatReachFurtherAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "$", "$sys", "$sys.>", "$>", ">.a", "a.>.b", "a,b", " a", "a ", "a.> ", "a\x00", "a\n.>", "\xff",
		strings.Repeat("a", eventlog.MaxChannel+1),
	} {
		if p, err := auth.ParsePattern(text); err == nil {
			t.Errorf("%q is the pattern %q", text, p)
		}
	}
}

// Tricks with names: nothing is decoded, folded, normalised or cleaned up.
func TestChannelNameTricks(t *testing.T) {
	granted := patterns(t, "orders.>,caf\u00e9")
	for _, channel := range []string{
		"orders/a", "orders%2Ea", "orders%2e.a", "../orders.a", "x/../orders.a", "ORDERS.a", "orders\x00.a",
		"\u043erders.a", "orders\uff0ea", "$orders.a", "cafe\u0301", " orders.a", "\ufefforders.a",
	} {
		if granted.Matches(channel) {
			t.Errorf("%q is let through", channel)
		}
	}
	if !granted.Matches("orders.../..") || !granted.Matches("caf\u00e9") {
		t.Error("a name is not taken as it is")
	}
}

func TestMatchingDoesNotAllocate(t *testing.T) {
	list := patterns(t, "a.b.c,*.*.x,orders.*.items.>")
	if n := testing.AllocsPerRun(100, func() { list.Matches("orders.1234.items.a.b") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPatternsPrintWhatIsRead(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b c", "*", "a*", "é"})
	one := rapid.Custom(func(t *rapid.T) string {
		tokens := rapid.SliceOfN(token, 1, 4).Draw(t, "tokens")
		if rapid.Bool().Draw(t, "rest") {
			tokens = append(tokens, ">")
		}
		return strings.Join(tokens, ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(one, 0, 4).Draw(t, "list"), ",")
		list, err := auth.ParsePatterns(text)
		if err != nil || list.String() != text {
			t.Fatalf("%q became %q, %v", text, list, err)
		}
		if list.Everything() != slices.Contains(strings.Split(text, ","), ">") {
			t.Fatalf("%q: everything is %v", text, list.Everything())
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"a b", "a.* a.b", "> $a", "a.> a", "*.*.> a..b", "a.. a..", ". ."} {
		pattern, channel, _ := strings.Cut(seed, " ")
		f.Add(pattern, channel)
	}
	f.Fuzz(func(t *testing.T, text, channel string) {
		p, err := auth.ParsePattern(text)
		if err != nil {
			return
		}
		if p.String() != text {
			t.Fatalf("%q prints as %q", text, p)
		}
		got := p.Matches(channel)
		if eventlog.CheckChannel(channel) != nil {
			if strings.HasPrefix(channel, "$") && got {
				t.Fatalf("%q matches %q", text, channel)
			}
			return
		}
		if want := naive(strings.Split(text, "."), strings.Split(channel, ".")); got != want {
			t.Fatalf("%q matches %q: %v, want %v", text, channel, got, want)
		}
		expression := regexp.QuoteMeta("." + text)
		for strings.Contains(expression+`\.`, `\.\*\.`) {
			expression = strings.TrimSuffix(strings.Replace(expression+`\.`, `\.\*\.`, `\.[^.]*\.`, 1), `\.`)
		}
		if rest, ok := strings.CutSuffix(expression, `\.>`); ok {
			expression = rest + `\..*`
		}
		if want := regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString("." + channel); got != want {
			t.Fatalf("%q matches %q: %v, the expression %s says %v", text, channel, got, expression, want)
		}
	})
}
