package eventlog

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func TestParsePosition(t *testing.T) {
	for _, p := range []Position{{"e", 0}, {"5k2f9q", 1041}, {"A.b_9", math.MaxUint64}, {strings.Repeat("e", 107), math.MaxUint64}, {NewEpoch(), 1}} {
		if got, err := ParsePosition(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
	for _, s := range []string{
		"", "-", "e-", "-1", "e", "1", "e-+1", "e--1", "e-01", "e-00", "e-1 ", " e-1", "e -1", "e-1\n", "e-0x1", "e-1_0", "e-1.0", "e-1e3",
		"e-18446744073709551616", "e-99999999999999999999999", "ü-1", "e-\uff11", "e\x00-1", "e-1\x00", "e,1-1", "e-1-2", "null", "undefined",
		strings.Repeat("e", 10_000) + "-1", strings.Repeat("e", 127) + "-1", "e-" + strings.Repeat("1", 10_000),
	} {
		if got, err := ParsePosition(s); !errors.Is(err, ErrPosition) || got != (Position{}) {
			t.Errorf("%.40q: %v, %v, want ErrPosition", s, got, err)
		}
	}
}

func TestNewEpoch(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		e := NewEpoch()
		if !regexp.MustCompile(`^[a-z0-9]{10}$`).MatchString(e) || seen[e] {
			t.Fatalf("epoch %q", e)
		}
		seen[e] = true
	}
}

var positionText = regexp.MustCompile(`^([A-Za-z0-9._]+)-(0|[1-9][0-9]*)$`)

// A text is a position exactly if the grammar says so, and then it is the text of
// that position and of no other.
func FuzzPosition(f *testing.F) {
	for _, s := range []string{"5k2f9q-1042", "e-0", "e-00", "e-18446744073709551615", "e-18446744073709551616", "a.b_C-7", "e-+1", "--1", "", "e-1\n"} {
		f.Add(s, uint64(0))
	}
	f.Add("epoch", uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, s string, seq uint64) {
		m := positionText.FindStringSubmatch(s)
		ok := m != nil && len(s) <= 128 && !strings.HasSuffix(s, "\n")
		if ok {
			n, _ := new(big.Int).SetString(m[2], 10)
			ok = n.IsUint64()
		}
		p, err := ParsePosition(s)
		if (err == nil) != ok {
			t.Fatalf("%q: %v, %v", s, p, err)
		}
		if err != nil && (!errors.Is(err, ErrPosition) || p != Position{}) {
			t.Fatalf("%q: %v, %v", s, p, err)
		}
		if ok && (p.String() != s || p.Epoch != m[1]) {
			t.Fatalf("%q is %+v, whose text is %q", s, p, p.String())
		}
		if epoch := regexp.MustCompile(`^[A-Za-z0-9._]{1,100}$`); epoch.MatchString(s) {
			want := Position{s, seq}
			if got, err := ParsePosition(want.String()); err != nil || got != want {
				t.Fatalf("%+v: %+v, %v", want, got, err)
			}
		}
	})
}
