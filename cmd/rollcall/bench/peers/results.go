package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollcall/cmd/rollcall/bench"
)

// key identifies a measurement: one case on one server.
type key struct{ load, server string }

// results are all rounds of all cases, and which of them failed.
type results struct {
	rounds map[key][]*bench.Result
	flaws  []string
}

// load reads all results in dir.
func load(dir string) (results, error) {
	all := results{rounds: make(map[key][]*bench.Result)}
	names, err := filepath.Glob(filepath.Join(dir, "*.*.*.json"))
	if err != nil {
		return all, err
	}
	slices.Sort(names)
	for _, name := range names {
		parts := strings.Split(filepath.Base(name), ".")
		if len(parts) != 4 {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return all, err
		}
		r := new(bench.Result)
		if err := json.Unmarshal(text, r); err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
		k := key{load: parts[0], server: parts[1]}
		all.rounds[k] = append(all.rounds[k], r)
		if err := r.Err(); err != nil {
			all.flaws = append(all.flaws, fmt.Sprintf("%s, %s, round %s: %v", parts[1], parts[0], parts[2], err))
		}
	}
	if len(all.rounds) == 0 {
		return all, fmt.Errorf("no results in %s", dir)
	}
	return all, nil
}

// figure is a number that a result may have.
type figure func(*bench.Result) (float64, bool)

// Figures of one result; the names say the unit.
var (
	memoryKiB figure = func(r *bench.Result) (float64, bool) {
		if r.Memory == nil {
			return 0, false
		}
		return r.Memory.PerStreamKiB, true
	}
	acceptMicros   figure = func(r *bench.Result) (float64, bool) { return value(r.Connect.CPUMicros) }
	deliveryMicros        = measured(func(m *bench.Measured) (float64, bool) { return value(m.CPUMicros) })
	eventMicros           = measured(func(m *bench.Measured) (float64, bool) { return value(m.CPUMicrosEvent) })
	p99Millis             = measured(func(m *bench.Measured) (float64, bool) { return m.Latency.P99, m.Latency.Count > 0 })
	clientShare           = measured(func(m *bench.Measured) (float64, bool) {
		return 100 * m.ClientCPUSeconds / m.Seconds, m.Seconds > 0 && m.Deliveries > 0
	})
	perSecond figure = measured(func(m *bench.Measured) (float64, bool) { return m.PerSecond, m.Deliveries > 0 })

	// How far memory rises above its idle level under load.
	peakMiB figure = func(r *bench.Result) (float64, bool) {
		if r.Memory == nil || r.Memory.Peak == 0 {
			return 0, false
		}
		return mebibytes(r.Memory.Peak - r.Memory.Idle), true
	}
	// Memory above the level before the first stream.
	leftMiB figure = func(r *bench.Result) (float64, bool) {
		if r.Memory == nil || r.Memory.After == 0 {
			return 0, false
		}
		return mebibytes(r.Memory.After - r.Memory.Before), true
	}
	catchUpSeconds = resumed(func(s *bench.Resumed) float64 { return s.CatchUpSeconds })
	livePeaceP99   = resumed(func(s *bench.Resumed) float64 { return s.LiveBefore.P99 })
	liveStormP99   = resumed(func(s *bench.Resumed) float64 { return s.LiveDuring.P99 })
	wrong          = func(r *bench.Result) (float64, bool) {
		d := r.Delivery
		if d == nil {
			return 0, false
		}
		return float64(d.Lost + d.Repeated + d.OutOfOrder + d.Foreign + d.Gaps), true
	}
)

func value(f *float64) (float64, bool) {
	if f == nil {
		return 0, false
	}
	return *f, true
}

func measured(of func(*bench.Measured) (float64, bool)) figure {
	return func(r *bench.Result) (float64, bool) {
		if r.Measured == nil {
			return 0, false
		}
		return of(r.Measured)
	}
}

func resumed(of func(*bench.Resumed) float64) figure {
	return func(r *bench.Result) (float64, bool) {
		if r.Resume == nil {
			return 0, false
		}
		return of(r.Resume), true
	}
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// spread is a figure over all rounds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

// spread collects a figure over the rounds; nil if no round has it.
func (a results) spread(load, server string, of figure) *spread {
	var all []float64
	for _, r := range a.rounds[key{load, server}] {
		if f, ok := of(r); ok {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	n := len(all)
	return &spread{Median: (all[(n-1)/2] + all[n/2]) / 2, Min: all[0], Max: all[n-1], Rounds: n}
}

// String returns the median and, with more than one round, the least and greatest value.
func (s *spread) String() string {
	switch {
	case s == nil:
		return "–"
	case s.Rounds == 1:
		return short(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", short(s.Median), short(s.Min), short(s.Max))
}

// short is f with three digits that mean something.
func short(f float64) string {
	switch {
	case f >= 100 || f <= -100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10 || f <= -10 || f == 0:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}
