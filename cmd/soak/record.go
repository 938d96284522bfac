package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// quantities are what a sample has, with their names in /metrics. Those that count as flat or not come first.
var quantities = []quantity{
	{name: "memory", unit: "MiB", metric: "process_resident_memory_bytes", scale: 1 << 20, slack: 4, judged: true},
	{name: "Go heap", unit: "MiB", metric: "go_memstats_heap_alloc_bytes", scale: 1 << 20, slack: 2, judged: true},
	{name: "goroutines", metric: "go_goroutines", scale: 1, slack: 10, left: 10, judged: true},
	{name: "descriptors", metric: "process_open_fds", scale: 1, slack: 20, left: 10, judged: true},
	{name: "streams", metric: "rollcall_streams", scale: 1},
	{name: "clients", metric: "rollcall_clients", scale: 1},
	{name: "connections", metric: "rollcall_connections", scale: 1},
	{name: "CPU", unit: "s", metric: "process_cpu_seconds_total", scale: 1, rises: true},
}

// quantity is one of a sample's numbers.
type quantity struct {
	name, unit, metric string

	scale  float64 // of the metric to the unit
	slack  float64 // growth that is no growth, in the unit
	judged bool    // it must be flat
	left   float64 // when all clients have left: how far above the begin it may be
	rises  bool    // it is a counter
}

// title is the quantity with its unit.
func (q quantity) title() string {
	if q.unit == "" {
		return q.name
	}
	return q.name + ", " + q.unit
}

// sample is the state of a server at a time.
type sample struct {
	server string
	at     time.Duration
	values []float64 // of the quantities
}

// record is all samples.
type record struct {
	began   time.Time
	samples []sample
}

// take samples the servers.
func (r *record) take(servers []*server) (now []sample, err error) {
	for _, s := range servers {
		at := time.Since(r.began)
		values, err := s.sample()
		if err != nil {
			return nil, fmt.Errorf("the server %s: %w", s.name, err)
		}
		now = append(now, sample{s.name, at, values})
	}
	return now, nil
}

// sample reads the quantities; a metric with labels is the sum over them.
func (s *server) sample() ([]float64, error) {
	answer, err := get(context.Background(), plain, s.url+"/metrics")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	values, found := make([]float64, len(quantities)), 0
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		i := slices.IndexFunc(quantities, func(q quantity) bool { return q.metric == name })
		if i < 0 {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		values[i] += value / quantities[i].scale
		found++
	}
	if found < len(quantities) {
		return nil, fmt.Errorf("/metrics answers %s with %d of %d figures", answer.Status, found, len(quantities))
	}
	return values, lines.Err()
}

// watch samples the servers until the load's time is over, and calls on now and then.
func (r *record) watch(ctx context.Context, o options, servers []*server, on func()) error {
	tick := time.NewTicker(o.each)
	defer tick.Stop()
	for end := time.Now().Add(o.span); time.Now().Before(end); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("interrupted")
		}
		now, err := r.take(servers)
		if err != nil {
			return err
		}
		r.samples = append(r.samples, now...)
		if len(r.samples)%(12*len(servers)) == 0 {
			on()
		}
	}
	return nil
}

// emptied waits until no server has a stream or a client, and samples them. The connections that carried the
// load's requests have been closed by then, too.
func (r *record) emptied(ctx context.Context, servers []*server) (now []sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for torture.Pause(ctx, time.Second) {
		if now, err = r.take(servers); err != nil {
			return nil, err
		}
		plain.CloseIdleConnections()
		if len(leftovers(nil, now)) == 0 {
			break
		}
	}
	torture.Pause(ctx, 5*time.Second) // for what ends soon after
	return r.take(servers)
}

// line is the newest samples in short.
func (r *record) line() string {
	var out strings.Builder
	for _, s := range r.samples[max(0, len(r.samples)-2):] {
		fmt.Fprintf(&out, "%v %s:", s.at.Round(time.Second), s.server)
		for i, q := range quantities {
			fmt.Fprintf(&out, " %s %.4g", q.name, s.values[i])
		}
		out.WriteString("; ")
	}
	return out.String()
}

// writeCSV writes a row for each sample.
func (r *record) writeCSV(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := csv.NewWriter(file)
	head := []string{"seconds", "server"}
	for _, q := range quantities {
		head = append(head, q.title())
	}
	_ = out.Write(head) // Error tells
	for _, s := range r.samples {
		row := []string{strconv.FormatFloat(s.at.Seconds(), 'f', 1, 64), s.server}
		for _, value := range s.values {
			row = append(row, strconv.FormatFloat(value, 'f', -1, 64))
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}
