package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// row is one line of the table. Rollcall's figure is compared with another: Nchan's in the same case, or
// Rollcall's own in an easier case.
type row struct {
	Work     string  `json:"work"`
	Peer     *spread `json:"nchan,omitempty"`
	Base     *spread `json:"base,omitempty"` // Rollcall's in the easier case
	Rollcall *spread `json:"rollcall"`
	Ratio    float64 `json:"ratio,omitempty"` // of medians, to whichever there is
	Bar      string  `json:"bar,omitempty"`
	Met      *bool   `json:"met,omitempty"`
}

// summary is everything that the rounds have shown.
type summary struct {
	Rows  []row    `json:"rows"`
	Flaws []string `json:"flaws,omitempty"`
}

// bar is a figure's target. A zero part means no target.
type bar struct {
	most  float64 // at most this
	ratio float64 // at most so many times the figure that it is compared with
	none  bool    // zero
}

// want is one figure to look at.
type want struct {
	work   string
	load   string
	of     figure
	base   string // the easier case; empty: Nchan
	baseOf figure // nil: of
	bar    bar
}

// wants are the lines of the table in order.
var wants = []want{
	{work: "memory per idle stream, 10 000 streams, KiB", load: "idle", of: memoryKiB, bar: bar{most: 3.5}},
	{work: "CPU to accept a stream, µs", load: "idle", of: acceptMicros, bar: bar{most: 45}},
	{work: "CPU per delivery, 1 000 streams, 300 events back to back, µs", load: "burst", of: deliveryMicros, bar: bar{ratio: 0.5}},
	{work: "deliveries a second in that burst", load: "burst", of: perSecond},
	{work: "CPU per delivery, 1 000 streams, 20 events/s, µs", load: "paced20", of: deliveryMicros, bar: bar{ratio: 0.9}},
	{work: "p99 latency, 1 000 streams, 20 events/s, ms", load: "paced20", of: p99Millis, bar: bar{ratio: 1}},
	{work: "CPU per delivery, 10 000 streams, 2 events/s, µs", load: "paced2", of: deliveryMicros, bar: bar{ratio: 0.95}},
	{work: "p99 latency, 10 000 streams, 2 events/s, ms", load: "paced2", of: p99Millis, bar: bar{ratio: 1}},
	{work: "CPU per delivery, 1 000 streams, 30 events/s, µs", load: "small", of: deliveryMicros},
	{work: "CPU per delivery, 15 000 streams, 2 events/s, µs", load: "large", of: deliveryMicros},
	{work: "CPU per delivery, 15 000 streams against 1 000 (as many deliveries a second), µs", load: "large", base: "small", of: deliveryMicros, bar: bar{ratio: 1.25}},
	{work: "CPU per delivery, 10 000 streams on 5 000 channels against one channel, µs", load: "spread", base: "paced2", of: deliveryMicros, bar: bar{ratio: 1.5}},
	{work: "p99 latency, 9 000 streams beside 1 000 that never read, against 9 000 alone, ms", load: "slow", base: "base", of: p99Millis, bar: bar{ratio: 1.1}},
	{work: "memory added by traffic to these, MiB", load: "slow", of: peakMiB, bar: bar{most: 64}},
	{work: "10 000 resumes at once, 3 × 100 missed events each: wrong deliveries", load: "resume", of: wrong, bar: bar{none: true}},
	{work: "the same: seconds until all have caught up", load: "resume", of: catchUpSeconds},
	{work: "the same: p99 of live traffic during the storm, against before, ms", load: "resume", base: "resume", baseOf: livePeaceP99, of: liveStormP99, bar: bar{most: 1000}},
	{work: "the same: memory left after all streams have gone, above the start, MiB", load: "resume", of: leftMiB},
	{work: "TLS: memory per idle stream, 4 000 streams, KiB", load: "tlsidle", of: memoryKiB, bar: bar{most: 12}},
	{work: "TLS: CPU to accept a stream, µs", load: "tlsidle", of: acceptMicros, bar: bar{ratio: 1.3}},
	{work: "TLS: CPU per delivery, 1 000 streams, 20 events/s, µs", load: "tlspaced", of: deliveryMicros, bar: bar{ratio: 1}},
	{work: "TLS: p99 latency, 1 000 streams, 20 events/s, ms", load: "tlspaced", of: p99Millis},
	{work: "HTTP/2: memory per idle stream, 4 000 streams on as many connections, KiB", load: "h2idle", of: memoryKiB, bar: bar{most: 18}},
	{work: "HTTP/2: memory per idle stream, 100 streams on each connection, KiB", load: "h2many", of: memoryKiB, bar: bar{most: 3}},
	{work: "HTTP/2: CPU to accept a stream and its connection, µs", load: "h2idle", of: acceptMicros},
	{work: "HTTP/2: CPU per delivery, 1 000 streams, 20 events/s, µs", load: "h2paced", of: deliveryMicros, bar: bar{ratio: 1}},
	{work: "CPU per event published in batches of 100, nobody subscribed, µs", load: "publish", of: eventMicros, bar: bar{most: 2}},
}

// summarize makes the table; lines without a figure are left out.
func summarize(all results) summary {
	s := summary{Flaws: all.flaws}
	for _, w := range wants {
		r := row{Work: w.work, Rollcall: all.spread(w.load, "rollcall", w.of)}
		if r.Rollcall == nil {
			continue
		}
		if w.base != "" {
			baseOf := w.baseOf
			if baseOf == nil {
				baseOf = w.of
			}
			r.Base = all.spread(w.base, "rollcall", baseOf)
		} else {
			r.Peer = all.spread(w.load, "nchan", w.of)
		}
		if other := cmp.Or(r.Base, r.Peer); other != nil && other.Median > 0 {
			r.Ratio = r.Rollcall.Median / other.Median
		}
		r.judge(w.bar)
		s.Rows = append(s.Rows, r)
	}
	for _, server := range []string{"nchan", "rollcall"} {
		for _, load := range []string{"burst", "paced20", "paced2", "large"} {
			if c := all.spread(load, server, clientShare); c != nil && c.Median > 90 {
				s.Flaws = append(s.Flaws, fmt.Sprintf("%s, %s: the load tool itself used %.0f %% of a core", server, load, c.Median))
			}
		}
	}
	return s
}

// judge compares the row with its bar, if it has one and the figures for it.
func (r *row) judge(b bar) {
	var met bool
	switch {
	case b.none:
		r.Bar, met = "0", r.Rollcall.Max == 0
	case b.most > 0:
		r.Bar, met = "≤ "+short(b.most), r.Rollcall.Median <= b.most
	case b.ratio > 0 && r.Ratio > 0:
		r.Bar, met = "≤ "+short(b.ratio)+" ×", r.Ratio <= b.ratio
	case b.ratio > 0:
		r.Bar = "≤ " + short(b.ratio) + " ×"
		return
	default:
		return
	}
	r.Met = &met
}

// write prints the table in Markdown.
func (s summary) write(w io.Writer, machine string) error {
	var b strings.Builder
	for line := range strings.Lines(machine) {
		fmt.Fprintf(&b, "- %s\n", strings.TrimSpace(line))
	}
	b.WriteString("\nMedians of all rounds, least and greatest in brackets. The ratio is Rollcall's median to the other one.\n\n")
	b.WriteString("| work | Nchan | Rollcall, easier case | Rollcall | ratio | bar | met |\n|---|---|---|---|---|---|---|\n")
	for _, r := range s.Rows {
		ratio, met := "–", "–"
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ratio)
		}
		if r.Met != nil {
			met = map[bool]string{true: "yes", false: "**no**"}[*r.Met]
		}
		fmt.Fprintf(&b, "| %s | %v | %v | %v | %s | %s | %s |\n", r.Work, r.Peer, r.Base, r.Rollcall, ratio, cmp.Or(r.Bar, "–"), met)
	}
	if len(s.Flaws) > 0 {
		b.WriteString("\nNot everything went well:\n\n")
		for _, flaw := range s.Flaws {
			fmt.Fprintf(&b, "- %s\n", flaw)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
