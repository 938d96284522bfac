package bench

import (
	"fmt"
	"io"
	"strings"
)

// WriteTable writes the result for people.
func (r *Result) WriteTable(w io.Writer) error {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s\n\n", r.Load)
	if r.Load.Streams > 0 {
		c := r.Connect
		row("connected", "%d of %d in %.2f s (%.0f/s)%s", c.Opened, c.Opened+c.Failed, c.Seconds, c.PerSecond,
			micros(", server CPU %.1f µs a stream", c.CPUMicros))
		if c.Ended > 0 {
			row("", "%d ended by the server, %d of these never read", c.Ended, c.SlowEnded)
		}
	}
	if m := r.Memory; m != nil {
		row("memory", "%.2f KiB a stream (PSS %.1f MiB before, %.1f MiB idle)", m.PerStreamKiB, mib(m.Before), mib(m.Idle))
		if m.Peak > 0 {
			row("", "peak %.1f MiB, %.1f MiB after all streams were dropped", mib(m.Peak), mib(m.After))
		}
	}
	r.writeDelivery(row)
	for _, warning := range r.Warnings {
		row("note", "%s", warning)
	}
	if t := r.Connect.FirstTrouble; t != "" {
		row("trouble", "%s", t)
	}
	if r.Interrupted {
		row("interrupted", "the figures are of the part before")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) writeDelivery(row func(name, format string, args ...any)) {
	if d := r.Delivery; d != nil {
		row("published", "%d events in %d requests, %d failed, %d put off", d.Published, d.Posts, d.PostErrors, d.Refused)
		row("delivered", "%d of %d: %d lost, %d repeated, %d out of order, %d foreign",
			d.Delivered, d.Expected, d.Lost, d.Repeated, d.OutOfOrder, d.Foreign)
		if d.Gaps+d.Goodbyes > 0 {
			row("", "%d gaps and %d goodbyes announced", d.Gaps, d.Goodbyes)
		}
	}
	if s := r.Resume; s != nil {
		row("resumed", "%d streams, %d events missed by each: all answered in %.2f s, all caught up in %.2f s",
			s.Streams, s.MissedPerStream, s.OpenSeconds, s.CatchUpSeconds)
		row("live before", "%v", s.LiveBefore)
		row("live during", "%v", s.LiveDuring)
	}
	m := r.Measured
	if m == nil {
		return
	}
	row("measured", "%d events (%.4g/s), %d deliveries in %.2f s (%.0f/s)", m.Events, m.EventRate, m.Deliveries, m.Seconds, m.PerSecond)
	if r.Resume == nil && m.Latency.Count > 0 {
		row("latency", "%v", m.Latency)
	}
	if m.CPUSeconds != nil {
		row("server CPU", "%.2f s%s%s", *m.CPUSeconds, micros(": %.2f µs a delivery", m.CPUMicros), micros(", %.1f µs an event", m.CPUMicrosEvent))
	}
	if m.ClientCPUSeconds > 0 {
		row("client CPU", "%.2f s (this tool)", m.ClientCPUSeconds)
	}
}

// String is the distribution on one line.
func (l Latency) String() string {
	return fmt.Sprintf("p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms", l.P50, l.P90, l.P99, l.P999, l.Max)
}

// micros formats a figure that may be missing.
func micros(format string, f *float64) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf(format, *f)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
