package admin

import (
	"strings"
	"time"

	"rollcall/hub"
	"rollcall/templates"
	"rollcall/web/node"
)

// figures returns the numbers of the overview.
func (a *Admin) figures() []templates.Figure {
	seconds := a.node.Meter.History(false)
	stats, kept := a.node.Meter.Latest()
	var now, first node.Reading
	if n := len(seconds); n > 0 {
		now, first = seconds[n-1], seconds[0]
	}
	since := "in 15 min"
	if len(seconds) < node.SecondsKept {
		since = "since the start"
		first = node.Reading{}
	}
	recent := func(count, before uint64) string { return grouped(count-before) + " " + since }
	slow, kicked := stats.Ends[hub.Slow.Code], stats.Ends[hub.Kicked.Code]
	clients, connections, channels, _ := a.node.Registry.Totals()
	return []templates.Figure{
		{ID: "fig-clients", Label: "Clients", Value: grouped(clients), Note: grouped(connections) + " connections", Href: Path + "/clients"},
		{ID: "fig-channels", Label: "Channels", Value: grouped(channels), Note: grouped(kept.Channels) + " keep events", Href: Path + "/channels"},
		{
			ID: "fig-published", Label: "Published", Value: perSecond(float64(now.Published)), Unit: "/s",
			Note: grouped(kept.Published) + " in all", Href: Path + "/tail",
		},
		{
			ID: "fig-delivered", Label: "Delivered", Value: perSecond(float64(now.Delivered)), Unit: "/s",
			Note: grouped(stats.Events) + " in all",
		},
		lagFigure(seconds),
		{ID: "fig-bytes", Label: "Sent", Value: sized(now.Bytes), Unit: "/s", Note: sized(stats.Bytes) + " in all"},
		{ID: "fig-memory", Label: "Memory", Value: sized(now.Memory), Note: "history " + sized(kept.Bytes) + " of " + sized(kept.Budget)},
		{
			ID: "fig-behind", Label: "Behind", Value: grouped(stats.Behind), Note: grouped(stats.Blocked) + " not reading",
			Tone: warnIf(stats.Blocked > 0),
		},
		{ID: "fig-slow", Label: "Ended as slow", Value: grouped(slow), Note: recent(slow, first.Slow), Tone: warnIf(slow > first.Slow)},
		{ID: "fig-kicked", Label: "Kicked", Value: grouped(kicked), Note: recent(kicked, first.Kicked)},
		{ID: "fig-gaps", Label: "Gaps", Value: grouped(stats.Gaps), Note: recent(stats.Gaps, first.Gaps), Tone: warnIf(stats.Gaps > first.Gaps)},
	}
}

// lagFigure shows the lag of the last second with deliveries, within a minute.
func lagFigure(seconds []node.Reading) templates.Figure {
	p50, p99 := float32(-1), float32(-1)
	for i := len(seconds) - 1; i >= max(0, len(seconds)-60) && p99 < 0; i-- {
		p50, p99 = seconds[i].LagP50, seconds[i].LagP99
	}
	value, unit := shortDuration(lagTime(p99))
	note, noteUnit := shortDuration(lagTime(p50))
	return templates.Figure{
		ID: "fig-lag", Label: "Delivery lag p99", Value: value, Unit: unit, Note: strings.TrimSpace("p50 " + note + " " + noteUnit),
	}
}

// lagTime returns a lag in seconds as a duration, -1 for none.
func lagTime(seconds float32) time.Duration {
	if seconds < 0 {
		return -1
	}
	return time.Duration(float64(seconds) * float64(time.Second))
}

func warnIf(is bool) string {
	if is {
		return "warn"
	}
	return ""
}
