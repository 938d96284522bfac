package admin

import (
	"strings"
	"time"

	"rollcall/templates"
	"rollcall/web/node"
)

// figures returns the numbers of the overview: of the whole cluster, as far as its servers answer.
func (a *Admin) figures() []templates.Figure {
	seconds := a.node.Meter.History(node.Seconds)
	kept := a.logStats()
	published := float32(0)
	if n := len(seconds); n > 0 {
		published = max(0, seconds[n-1].Published)
	}
	told, silent := a.serverStates()
	all, slowest := totalState(told)
	since := "in 15 min"
	if len(seconds) < node.Seconds.Kept() {
		since = "since the start"
	}
	clients, connections, channels, _ := a.node.Registry.Totals()
	list := []templates.Figure{
		{ID: "fig-clients", Label: "Clients", Value: grouped(clients), Note: grouped(connections) + " connections", Href: Path + "/clients"},
		{ID: "fig-channels", Label: "Channels", Value: grouped(channels), Note: grouped(kept.Channels) + " keep events", Href: Path + "/channels"},
		{
			ID: "fig-published", Label: "Published", Value: perSecond(float64(published)), Unit: "/s",
			Note: grouped(kept.Published) + " in total", Href: Path + "/tail",
		},
		{
			ID: "fig-delivered", Label: "Delivered", Value: perSecond(all.Delivered), Unit: "/s",
			Note: grouped(all.Events) + " in total", Href: largestPath("events"),
		},
		lagFigure(all, slowest, len(told) > 1),
		{ID: "fig-bytes", Label: "Sent", Value: sized(all.Bytes), Unit: "/s", Note: sized(all.SentBytes) + " in total", Href: largestPath("bytes")},
		{
			ID: "fig-memory", Label: "Memory", Value: sized(all.Memory), Note: "history " + sized(kept.Bytes) + " of " + sized(kept.Budget),
			Href: serversPath,
		},
		{
			ID: "fig-behind", Label: "Behind", Value: grouped(all.Behind), Note: grouped(all.Blocked) + " not reading",
			Tone: warnIf(all.Blocked > 0), Href: furthestBehindPath,
		},
		{
			ID: "fig-slow", Label: "Ended as slow", Value: grouped(all.RecentSlow), Note: endedNote(all.RecentSlow, all.Slow, since),
			Tone: warnIf(all.RecentSlow > 0), Href: newsPath("slow"),
		},
		{ID: "fig-kicked", Label: "Kicked", Value: grouped(all.RecentKicked), Note: endedNote(all.RecentKicked, all.Kicked, since), Href: newsPath("kicked")},
		{
			ID: "fig-gaps", Label: "Gaps", Value: grouped(all.RecentGaps), Note: endedNote(all.RecentGaps, all.Gaps, since),
			Tone: warnIf(all.RecentGaps > 0), Href: newsPath("gaps"),
		},
	}
	if len(told)+len(silent) > 1 {
		list = append(list, templates.Figure{
			ID: "fig-servers", Label: "Servers", Value: grouped(len(told) + len(silent)), Note: serversNote(silent),
			Tone: warnIf(len(silent) > 0), Href: serversPath,
		})
	}
	return list
}

// endedNote says of what time a count is, and the count since the start if that differs.
func endedNote(recent, total uint64, since string) string {
	if total == recent {
		return since
	}
	return since + ", " + grouped(total) + " in total"
}

// serversNote says whose figures are missing in the sums.
func serversNote(silent []string) string {
	if len(silent) == 0 {
		return "all counted"
	}
	return "not counted: " + strings.Join(silent, ", ")
}

// lagFigure shows the lag of the server with the largest.
func lagFigure(all serverState, slowest string, named bool) templates.Figure {
	value, unit := shortDuration(lagTime(all.LagP99))
	note, noteUnit := shortDuration(lagTime(all.LagP50))
	note = strings.TrimSpace("p50 " + note + " " + noteUnit)
	if named && slowest != "" {
		note += " on " + slowest
	}
	return templates.Figure{ID: "fig-lag", Label: "Lag p99", Value: value, Unit: unit, Note: note, Href: serversPath}
}

// lagTime returns a lag in seconds as a duration, -1 for none.
func lagTime(seconds float64) time.Duration {
	if seconds < 0 {
		return -1
	}
	return time.Duration(seconds * float64(time.Second))
}

func warnIf(is bool) string {
	if is {
		return "warn"
	}
	return ""
}
