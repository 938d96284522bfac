package admin

import (
	"math"
	"slices"
	"sync"
	"time"

	"rollcall/templates"
	"rollcall/web/node"
)

// The charts of a client have a value for each clientStep of clientSpan. They are read each clientRead, for the clients
// whose pages were open within clientSpan, at most mostWatched: 3 KiB each.
const (
	clientStep  = 5 * time.Second
	clientSpan  = 15 * time.Minute
	clientParts = int(clientSpan / clientStep)
	clientRead  = time.Second
	mostWatched = 64
	clientNew   = 3 * time.Second // the age up to which a connection without a known state has got nothing
)

// clientMeter reads the figures of the clients whose pages are or were open.
type clientMeter struct {
	admin  *Admin
	states *states // used by one goroutine

	mu   sync.Mutex
	list []*clientReadings // the one looked at last is the last
}

// clientReadings are a client's figures over time.
type clientReadings struct {
	id     string
	looked time.Time         // when its page was last open
	since  time.Time         // the begin of the first value
	end    time.Time         // of the newest value
	sent   []float64         // events per second; NaN for unknown
	behind []float64         // events, the most in the step
	at     time.Time         // of the last reading
	before map[string]uint64 // events sent by then, by connection

	// Of the step that has begun.
	events  uint64
	most    int
	unknown bool
}

// look has a client's figures read from now on, and returns what was read.
func (m *clientMeter) look(id string, now time.Time) clientReadings {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.list, func(r *clientReadings) bool { return r.id == id })
	r := &clientReadings{id: id}
	if i >= 0 {
		r = m.list[i]
		m.list = slices.Delete(m.list, i, i+1)
	} else if len(m.list) == mostWatched {
		m.list = slices.Delete(m.list, 0, 1)
	}
	m.list = append(m.list, r)
	r.looked = now
	shown := *r
	shown.sent, shown.behind = slices.Clone(r.sent), slices.Clone(r.behind)
	return shown
}

// run reads until quit is closed.
func (m *clientMeter) run(quit <-chan struct{}) {
	ticker := time.NewTicker(clientRead)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			m.read(now)
		case <-quit:
			return
		}
	}
}

// read takes a reading of each client.
func (m *clientMeter) read(now time.Time) {
	var ids []string
	m.mu.Lock()
	m.list = slices.DeleteFunc(m.list, func(r *clientReadings) bool { return now.Sub(r.looked) > clientSpan })
	for _, r := range m.list {
		ids = append(ids, r.id)
	}
	m.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	m.states.ask(ids...)
	figures := make(map[string]map[string]node.ConnState, len(ids)) // nil for an unknown one
	for _, id := range ids {
		_, conns, _ := m.admin.node.Registry.Client(id)
		figures[id] = make(map[string]node.ConnState, len(conns))
		for _, c := range conns {
			st, known := m.states.of(c)
			if !known && now.Sub(c.ConnectedAt) < clientNew {
				continue
			}
			if !known {
				figures[id] = nil
				break
			}
			figures[id][c.ID] = st
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.list {
		if conns, ok := figures[r.id]; ok {
			r.add(now, conns)
		}
	}
}

// add takes in the states of a client's connections, by connection; nil if they are not known.
func (r *clientReadings) add(now time.Time, conns map[string]node.ConnState) {
	step := now.Truncate(clientStep)
	switch {
	case r.end.IsZero(): // the step that has begun has only a part of its events
		r.since, r.end = step.Add(clientStep), step.Add(clientStep)
	case step.Before(r.end.Add(-clientStep)) || step.Sub(r.end) > clientSpan: // the clock was set
		*r = clientReadings{id: r.id, looked: r.looked}
		r.add(now, conns)
		return
	}
	for r.end.Before(step) {
		sent, behind := math.NaN(), math.NaN()
		if !r.unknown && !r.at.Before(r.end) {
			sent, behind = float64(r.events)/clientStep.Seconds(), float64(r.most)
		}
		r.sent, r.behind = append(r.sent, sent), append(r.behind, behind)
		over := max(0, len(r.sent)-clientParts)
		r.sent, r.behind = slices.Delete(r.sent, 0, over), slices.Delete(r.behind, 0, over)
		r.end = r.end.Add(clientStep)
		r.events, r.most, r.unknown = 0, 0, false
	}
	first, late := r.before == nil, now.Sub(r.at) > clientStep
	if conns == nil {
		r.unknown, r.before, r.at = true, nil, now
		return
	}
	events, before := uint64(0), make(map[string]uint64, len(conns))
	most := 0
	for id, st := range conns {
		events += st.Events - min(r.before[id], st.Events)
		most += st.Behind
		before[id] = st.Events
	}
	if r.before, r.at = before, now; step.Before(r.end) {
		return // of the step before the first one
	}
	if first || late {
		r.unknown = true // what was sent since the last reading may be of another step
	}
	r.events, r.most = r.events+events, max(r.most, most)
}

// clientCharts draws what was read of a client. The marks are its trouble, and what operators did.
func (a *Admin) clientCharts(id string, entries []node.JournalEntry) (charts []templates.Chart, since time.Time) {
	r := a.clientMeter.look(id, time.Now())
	end := r.end
	if end.IsZero() {
		end = time.Now().Truncate(clientStep)
	}
	var marks []templates.ChartMark
	for i := range slices.Backward(entries) {
		h := &entries[i]
		if (trouble(h) != "" || h.By != "") && h.At.After(end.Add(-clientSpan)) {
			marks = append(marks, templates.ChartMark{At: h.At, Tone: "warn", Text: a.moment(h, false).Text})
		}
	}
	marks = marks[max(0, len(marks)-mostDrawn):]
	draw := func(name, title, unit, tone string, values []float64) templates.Chart {
		for len(values) < clientParts {
			values = slices.Insert(values, 0, slices.Repeat([]float64{math.NaN()}, clientParts-len(values))...)
		}
		return templates.Chart{
			ID: "chart-" + name, Title: title, Unit: unit, Step: clientStep, End: end, Plain: true, Marks: marks, Zoom: periodPath,
			Series: []templates.Series{{Name: "Events", Tone: tone, Values: values}},
		}
	}
	charts = []templates.Chart{
		draw("sent", "Events sent", "/s", "accent", r.sent),
		draw("pending", "Events behind, at most", "", "violet", r.behind),
	}
	return charts, r.since
}
