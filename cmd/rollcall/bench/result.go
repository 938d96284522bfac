package bench

import (
	"fmt"
	"math"
	"time"
)

// Result is the outcome of a run. Its JSON form is meant for scripts: fields are only ever added.
type Result struct {
	Load     Load      `json:"load"`
	Connect  Connect   `json:"connect"`
	Memory   *Memory   `json:"memory,omitempty"`   // with PIDs
	Delivery *Delivery `json:"delivery,omitempty"` // when something was published
	Measured *Measured `json:"measured,omitempty"` // when something was published
	Resume   *Resumed  `json:"resume,omitempty"`   // in Resume mode
	Warnings []string  `json:"warnings,omitempty"`

	Interrupted bool `json:"interrupted,omitempty"` // the run was stopped early; figures are of the part before
}

// Load repeats the run's options.
type Load struct {
	Mode              Mode     `json:"mode"`
	SubscribeURLs     []string `json:"subscribeUrls"`
	Streams           int      `json:"streams"`
	Slow              int      `json:"slow,omitempty"`
	Channels          int      `json:"channels"`
	ChannelsPerStream int      `json:"channelsPerStream"`
	PayloadBytes      int      `json:"payloadBytes"`
	Rate              float64  `json:"rate,omitempty"`
	Seconds           float64  `json:"seconds,omitempty"`
	Burst             int      `json:"burst,omitempty"`
	Bursts            int      `json:"bursts,omitempty"`
	Batch             int      `json:"batch"`
	Publishers        int      `json:"publishers"`
}

// Connect is how the streams were opened.
type Connect struct {
	Opened       int      `json:"opened"`
	Failed       int      `json:"failed"`
	Ended        int      `json:"ended"`               // by the server, at any time before the end of the run
	SlowEnded    int      `json:"slowEnded,omitempty"` // of these, streams that never read
	Seconds      float64  `json:"seconds"`
	PerSecond    float64  `json:"perSecond"`
	CPUMicros    *float64 `json:"serverCpuMicrosPerStream,omitempty"`
	FirstTrouble string   `json:"firstTrouble,omitempty"`
}

// Memory is the server's proportional set size (PSS) in bytes, at several times.
type Memory struct {
	Before       int64   `json:"beforeBytes"`          // before the first stream
	Idle         int64   `json:"idleBytes"`            // with all streams open and idle
	PerStreamKiB float64 `json:"perStreamKib"`         // growth between the two, for each open stream
	Peak         int64   `json:"peakBytes,omitempty"`  // during the measured part; in Resume mode and with slow streams
	After        int64   `json:"afterBytes,omitempty"` // after all streams were dropped; in the same cases
}

// Delivery accounts for every event of the run, warm-up included.
type Delivery struct {
	Published  int64 `json:"published"`
	Posts      int64 `json:"posts"`
	PostErrors int64 `json:"postErrors"`
	Refused    int64 `json:"refused"` // POSTs answered with 429 and sent again
	Expected   int64 `json:"expected"`
	Delivered  int64 `json:"delivered"`
	Lost       int64 `json:"lost"`
	Repeated   int64 `json:"repeated"`
	OutOfOrder int64 `json:"outOfOrder"`
	Foreign    int64 `json:"foreign"`
	Gaps       int64 `json:"gaps"`
	Goodbyes   int64 `json:"goodbyes"`
}

// Exact reports whether every expected delivery came once, in order, and nothing else did.
func (d *Delivery) Exact() bool {
	return d.Lost == 0 && d.Repeated == 0 && d.OutOfOrder == 0 && d.Foreign == 0 && d.Gaps == 0
}

// Measured is the part of the run after the warm-up.
type Measured struct {
	Events     int64   `json:"events"`
	Deliveries int64   `json:"deliveries"`
	Seconds    float64 `json:"seconds"` // from the first POST to the last delivery
	PerSecond  float64 `json:"deliveriesPerSecond"`
	EventRate  float64 `json:"eventsPerSecond"`
	LagMillis  float64 `json:"publisherLagMillis"` // by how much the latest POST missed its time
	Latency    Latency `json:"latency"`

	CPUSeconds       *float64 `json:"serverCpuSeconds,omitempty"`
	CPUMicros        *float64 `json:"serverCpuMicrosPerDelivery,omitempty"`
	CPUMicrosEvent   *float64 `json:"serverCpuMicrosPerEvent,omitempty"`
	ClientCPUSeconds float64  `json:"clientCpuSeconds"`
}

// Latency is a distribution in milliseconds.
type Latency struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"meanMillis"`
	P50   float64 `json:"p50Millis"`
	P90   float64 `json:"p90Millis"`
	P99   float64 `json:"p99Millis"`
	P999  float64 `json:"p999Millis"`
	Max   float64 `json:"maxMillis"`
}

// Resumed is the storm of Resume mode.
type Resumed struct {
	Streams         int      `json:"streams"`
	MissedPerStream int      `json:"missedPerStream"`
	OpenSeconds     float64  `json:"openSeconds"`    // until every stream was answered
	CatchUpSeconds  float64  `json:"catchUpSeconds"` // until every stream had everything
	CPUMicrosStream *float64 `json:"serverCpuMicrosPerStream,omitempty"`
	LiveBefore      Latency  `json:"liveBefore"` // of live traffic, before the storm
	LiveDuring      Latency  `json:"liveDuring"`
}

// warn adds a sentence that the reader of the figures should know.
func (r *Result) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// Err returns nil if all streams opened and stayed and every event arrived exactly once and in order.
func (r *Result) Err() error {
	switch d := r.Delivery; {
	case r.Interrupted:
		return fmt.Errorf("interrupted")
	case r.Connect.Failed > 0:
		return fmt.Errorf("%d streams did not open: %s", r.Connect.Failed, r.Connect.FirstTrouble)
	case d != nil && !d.Exact():
		return fmt.Errorf("%d lost, %d repeated, %d out of order, %d foreign, %d gaps: %s",
			d.Lost, d.Repeated, d.OutOfOrder, d.Foreign, d.Gaps, r.Connect.FirstTrouble)
	case r.Connect.Ended > r.Connect.SlowEnded:
		return fmt.Errorf("%d streams ended early: %s", r.Connect.Ended-r.Connect.SlowEnded, r.Connect.FirstTrouble)
	}
	return nil
}

// newLatency sums up h.
func newLatency(h *histogram) Latency {
	return Latency{
		Count: h.total, Mean: millis(h.mean()), P50: millis(h.quantile(0.5)), P90: millis(h.quantile(0.9)),
		P99: millis(h.quantile(0.99)), P999: millis(h.quantile(0.999)), Max: millis(time.Duration(h.max)),
	}
}

func millis(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

func seconds(d time.Duration) float64 { return round(d.Seconds()) }

// round keeps the digits that mean something: three after the point.
func round(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return math.Round(f*1000) / 1000
}

// microsPer returns d in microseconds divided by n; nil if n is 0.
func microsPer(d time.Duration, n int64) *float64 {
	if n <= 0 {
		return nil
	}
	f := round(float64(d.Nanoseconds()) / 1000 / float64(n))
	return &f
}
