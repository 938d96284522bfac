package web

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// What the admin UI shows is written here, so that templates only place it.

// grouped writes a count: 12,431.
func grouped[T int | int64 | uint64 | float32](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	if len(digits) <= 3 {
		return digits
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && d != '-' && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// perSecond writes a rate to three digits: 0.12, 3.4, 56, 7,890.
func perSecond(x float64) string {
	switch {
	case x <= 0 || math.IsNaN(x):
		return "0"
	case x < 0.995:
		return strconv.FormatFloat(x, 'f', 2, 64)
	case x < 9.95:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return grouped(int64(math.Round(x)))
}

// sized writes a number of bytes: 512 B, 1.4 KiB, 23 MiB.
func sized[T int | int64 | uint64 | float32 | float64](n T) string {
	x, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if x < 999.5 {
			break
		}
		x, unit = x/1024, next
	}
	if unit == "B" || x >= 9.95 {
		return strconv.FormatFloat(x, 'f', 0, 64) + " " + unit
	}
	return strconv.FormatFloat(x, 'f', 1, 64) + " " + unit
}

// lasting writes a duration in its two largest units: 3 d 4 h, 12 min, 8 s.
func lasting(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	var parts []string
	for _, u := range units {
		if n := d / u.size; n > 0 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+u.name)
			d -= n * u.size
		}
		if len(parts) == 2 || len(parts) == 1 && u.size == time.Second {
			break
		}
	}
	if parts == nil {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// brief writes a short time: 340 µs, 1.2 ms, 85 ms, 2.4 s; "–" for a negative one.
func brief(d time.Duration) (value, unit string) {
	x, unit := float64(d)/float64(time.Microsecond), "µs"
	switch {
	case d < 0:
		return "–", ""
	case d >= time.Second-time.Millisecond/2:
		x, unit = x/1e6, "s"
	case d >= time.Millisecond-time.Microsecond/2:
		x, unit = x/1e3, "ms"
	}
	if x >= 9.95 || unit == "µs" {
		return strconv.FormatFloat(x, 'f', 0, 64), unit
	}
	return strconv.FormatFloat(x, 'f', 1, 64), unit
}

// agentName writes a User-Agent as people know it: "Chrome 148 on Linux". What it
// does not know it writes as the product's first name.
func agentName(agent string) string {
	if agent == "" {
		return "unknown"
	}
	version := func(product string) (string, bool) {
		_, rest, ok := strings.Cut(agent, product)
		if !ok {
			return "", false
		}
		digits, _, _ := strings.Cut(rest, ".")
		if _, err := strconv.Atoi(digits); err != nil {
			return "", true
		}
		return " " + digits, true
	}
	name := ""
	for _, b := range []struct{ product, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
	} {
		if v, ok := version(b.product); ok {
			name = b.name + v
			break
		}
	}
	if name == "" {
		first, _, _ := strings.Cut(agent, " ")
		product, v, ok := strings.Cut(first, "/")
		if ok && product != "" {
			return short(product+" "+v, 40)
		}
		return short(first, 40)
	}
	for _, s := range []struct{ mark, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, s.mark) {
			return name + " on " + s.name
		}
	}
	return name
}
