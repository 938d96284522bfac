package admin

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mileusna/useragent"

	"rollcall/web/reply"
)

// The functions below format values for the admin UI; templates only place the results.

// grouped writes a count: 12,431.
func grouped[T int | int64 | uint64 | float32](n T) string { return humanize.Comma(int64(n)) }

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
func sized[T int | int64 | uint64 | float32 | float64](n T) string { return humanize.IBytes(uint64(n)) }

// durationText writes a duration in its two largest units: 3 d 4 h, 12 min, 8 s.
func durationText(d time.Duration) string {
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

// shortDuration writes a short time: 340 µs, 1.2 ms, 85 ms, 2.4 s; "–" for a negative one.
func shortDuration(d time.Duration) (value, unit string) {
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

// agentName shortens a User-Agent: "Chrome 148 on Linux", "curl 8.5.0". A browser's minor version is left out.
func agentName(header string) string {
	agent := useragent.Parse(header)
	name, version, system := agent.Name, agent.Version, agent.OS
	if system == useragent.IOS && agent.Device != "" {
		system = agent.Device // iPhone or iPad
	}
	if system != "" {
		version, _, _ = strings.Cut(version, ".")
		system = " on " + system
	}
	if version != "" {
		version = " " + version
	}
	return reply.Short(cmp.Or(name, "unknown")+version, 40) + system
}
