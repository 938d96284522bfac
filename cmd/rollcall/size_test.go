package main

import (
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{
		"0": 0, "1": 1, "1048576": mib, "7B": 7, "64KiB": 64 * kib, "1MiB": mib, "1 mib": mib, "3GiB": 3 * gib, "1TiB": tib,
		"10MB": 10e6, "2kB": 2000, "2KB": 2000, "1GB": 1e9, "1TB": 1e12,
	} {
		var got, again Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%q prints as %q, which reads as %d, %v", text, got, again, err)
		}
	}
	for text, says := range map[string]string{
		"": "not a size", "MiB": "not a size", "-1": "not a size", "1.5MiB": "not a size", "1M": "not a size",
		"0x10": "not a size", "1 024": "not a size", "9000000TiB": "too large", "99999999999999999999": "not a size",
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %d, %v; want an error that says %q", text, got, err, says)
		}
	}
}

func TestSizePrintsItsLargestExactUnit(t *testing.T) {
	t.Parallel()
	for size, want := range map[Size]string{0: "0", 1: "1B", 1024: "1KiB", 60 * kib: "60KiB", 256 * mib: "256MiB", 10e6: "10MB", 1500: "1500B"} {
		if got := size.String(); got != want {
			t.Errorf("%d prints as %q, want %q", int64(size), got, want)
		}
	}
}
