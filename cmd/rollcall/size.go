package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written 64KiB, 1MiB, 10MB or 1048576.
type Size int64

const (
	kib Size = 1 << 10
	mib Size = 1 << 20
	gib Size = 1 << 30
	tib Size = 1 << 40
)

// sizeUnits in the order in which String looks for the shortest exact form.
var sizeUnits = []struct {
	name  string
	bytes Size
}{
	{"TiB", tib}, {"GiB", gib}, {"MiB", mib}, {"KiB", kib},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// UnmarshalText reads a whole number with an optional unit; case does not matter. Units are KiB, MiB, GiB and TiB
// (powers of 1024), kB, MB, GB and TB (powers of 1000) and B.
func (s *Size) UnmarshalText(text []byte) error {
	digits := strings.TrimSpace(string(text))
	unit := Size(1)
	for _, u := range sizeUnits {
		if n := len(digits) - len(u.name); n > 0 && strings.EqualFold(digits[n:], u.name) {
			digits, unit = strings.TrimSpace(digits[:n]), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return fmt.Errorf("%q is not a size; write for example 64KiB, 1MiB, 10MB or 1048576", text)
	}
	if n > uint64(math.MaxInt64/unit) {
		return fmt.Errorf("%q is too large a size", text)
	}
	*s = Size(n) * unit
	return nil
}

// String returns the size in its largest exact unit, in a form that UnmarshalText accepts.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s/u.bytes), u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
