package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// warmup is the share of the samples that are not judged.
const warmup = 0.25

// flatness is the growth, as a share of the level, up to which a quantity counts as flat.
const flatness = 0.05

// trend is how a quantity of a server went, once it was warm.
type trend struct {
	server string
	quantity
	level    float64 // median
	lo, hi   float64
	perHour  float64 // the median slope over all pairs of samples, which no single peak moves
	observed time.Duration
}

// growth is how much the quantity grew while it was observed.
func (t trend) growth() float64 { return t.perHour * t.observed.Hours() }

func (t trend) flat() bool {
	return !t.judged || t.growth() <= max(t.slack, flatness*t.level)
}

// trends returns those of all quantities of all servers.
func trends(samples []sample) (list []trend) {
	var names []string
	for _, s := range samples {
		if !slices.Contains(names, s.server) {
			names = append(names, s.server)
		}
	}
	for i, q := range quantities {
		for _, name := range names {
			var at []time.Duration
			var values []float64
			for _, s := range samples {
				if s.server == name {
					at, values = append(at, s.at), append(values, s.values[i])
				}
			}
			warm := int(warmup * float64(len(at)))
			list = append(list, newTrend(name, q, at[warm:], values[warm:]))
		}
	}
	return list
}

func newTrend(server string, q quantity, at []time.Duration, values []float64) trend {
	t := trend{server: server, quantity: q, observed: at[len(at)-1] - at[0], lo: slices.Min(values), hi: slices.Max(values), level: median(values)}
	var slopes []float64
	for i := range at {
		for j := range i {
			if at[i] > at[j] {
				slopes = append(slopes, (values[i]-values[j])/(at[i]-at[j]).Hours())
			}
		}
	}
	t.perHour = median(slopes)
	return t
}

// median returns the middle of the values, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// judge says what grew, and what was left at the end.
func judge(samples, before, after []sample) (found []string) {
	for _, t := range trends(samples) {
		if !t.flat() {
			found = append(found, fmt.Sprintf("%s of the server %s grew by %.3g within %v, from a level of %.4g",
				t.title(), t.server, t.growth(), t.observed.Round(time.Second), t.level))
		}
	}
	return append(found, leftovers(before, after)...)
}

// leftovers says what is still there after all clients have left. Without before, only what must be none is looked at.
func leftovers(before, after []sample) (found []string) {
	for n, s := range after {
		for i, q := range quantities {
			base, most := 0.0, 0.0
			switch {
			case q.rises || q.judged && (q.left == 0 || before == nil):
				continue
			case q.judged:
				base = before[n].values[i]
				most = base + q.left
			}
			if s.values[i] > most {
				found = append(found, fmt.Sprintf("the server %s has %.0f %s after all clients have left; it began with %.0f", s.server, s.values[i], q.name, base))
			}
		}
	}
	return found
}

// table is the trends in words.
func (r *record) table() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tserver\tmedian\tlowest\thighest\tgrowth\tverdict")
	for _, t := range trends(r.samples) {
		if t.rises {
			seconds := r.samples[len(r.samples)-1].at.Seconds() - r.samples[0].at.Seconds()
			fmt.Fprintf(w, "%s\t%s\t%.1f %% of a core\n", t.name, t.server, 100*(t.hi-t.lo)/math.Max(1, seconds*(1-warmup)))
			continue
		}
		verdict := ""
		switch {
		case t.judged && t.flat():
			verdict = "flat"
		case t.judged:
			verdict = "grew"
		}
		fmt.Fprintf(w, "%s\t%s\t%.4g\t%.4g\t%.4g\t%+.3g\t%s\n", t.title(), t.server, t.level, t.lo, t.hi, t.growth(), verdict)
	}
	_ = w.Flush() // to memory
	return out.String()
}
