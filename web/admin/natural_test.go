package admin

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Names are sorted as people sort them.
func TestNatural(t *testing.T) {
	t.Parallel()
	want := []string{"", "2", "10", "User", "user", "user-", "user-09", "user-9", "user-009a", "user-9b", "user-10", "user-996", "user-9959", "userx"}
	got := slices.Clone(want)
	slices.Reverse(got)
	if slices.SortFunc(got, natural); !slices.Equal(got, want) {
		t.Errorf("sorted to %q", got)
	}
	text := rapid.StringMatching(`[a0-9-]{0,6}`)
	rapid.Check(t, func(rt *rapid.T) {
		x, y, z := text.Draw(rt, "x"), text.Draw(rt, "y"), text.Draw(rt, "z")
		if (natural(x, y) == 0) != (x == y) || natural(x, y) != -natural(y, x) {
			rt.Fatalf("%q and %q: %d, %d", x, y, natural(x, y), natural(y, x))
		}
		if natural(x, y) < 0 && natural(y, z) < 0 && natural(x, z) >= 0 {
			rt.Fatalf("%q < %q < %q, but not the first before the last", x, y, z)
		}
	})
}
