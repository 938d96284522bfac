package admin

import (
	"testing"
	"time"
)

// Times are read as people write them, in the zone of their browser; a time of day is the last one.
func TestParseWhen(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 90*60)
	now := time.Date(2026, 3, 1, 10, 30, 0, 0, zone)
	for text, want := range map[string]string{
		"10:02": "2026-03-01T10:02:00+01:30", " 10:02:30 ": "2026-03-01T10:02:30+01:30", "10:31": "2026-02-28T10:31:00+01:30",
		"2026-02-03 04:05": "2026-02-03T04:05:00+01:30", "2026-02-03T04:05:06": "2026-02-03T04:05:06+01:30", "2026-02-03": "2026-02-03T00:00:00+01:30",
		"2026-02-03T04:05:06Z": "2026-02-03T04:05:06Z", "": "", "noon": "", "25:00": "", "2026-02-30": "",
	} {
		at, ok := parseWhen(text, zone, now)
		if got := at.Format(time.RFC3339); ok != (want != "") || ok && got != want {
			t.Errorf("%q is read as %s, %t, want %q", text, got, ok, want)
		}
	}
	for minutes, want := range map[string]int{"": 0, "90": 5400, "-720": -43200, "841": 0, "x": 0} {
		if _, got := now.In(zoneOf(query{map[string][]string{"zone": {minutes}}})).Zone(); got != want {
			t.Errorf("the zone %q is %d s from UTC, want %d", minutes, got, want)
		}
	}
}
