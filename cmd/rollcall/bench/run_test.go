package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// options are for a short run against s. It gives up early only where the server's fault leaves something to wait for in vain.
func (s *testServer) options() Options {
	o := Options{
		SubscribeURLs: []string{s.URL + "/subscribe?channels={channel}"}, PublishURL: s.URL + "/publish",
		Streams: 20, Mode: Burst, Burst: 30, moment: 20 * time.Millisecond,
	}
	if s.fault != faultless {
		o.Patience = 300 * time.Millisecond
	}
	return o
}

// everyEngine runs test with epoll, if available, and without.
func everyEngine(t *testing.T, test func(t *testing.T, portable bool)) {
	t.Run("native", func(t *testing.T) { test(t, false) })
	t.Run("portable", func(t *testing.T) { test(t, true) })
}

func mustRun(t *testing.T, o Options) *Result {
	t.Helper()
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := result.WriteTable(&table); err != nil {
		t.Error(err)
	}
	t.Logf("%s%v", &table, result.Err())
	if _, err := json.Marshal(result); err != nil {
		t.Error(err)
	}
	return result
}

// wantExact expects a good run of so many events and deliveries.
func wantExact(t *testing.T, r *Result, events, deliveries int64) {
	t.Helper()
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if d := r.Delivery; d == nil || d.Published != events || d.Expected != deliveries || d.Delivered != deliveries {
		t.Errorf("%+v, want %d events and %d deliveries", d, events, deliveries)
	}
}

func TestBurst(t *testing.T) {
	everyEngine(t, func(t *testing.T, portable bool) {
		o := newTestServer(t, faultless).options()
		o.Portable, o.Warmup, o.Bursts, o.Readers = portable, 1, 2, 2
		r := mustRun(t, o)
		wantExact(t, r, 90, 90*20)
		if m := r.Measured; m.Events != 60 || m.Deliveries != 1200 || m.Latency.Count != 1200 {
			t.Errorf("measured %+v, want the 60 events after the warm-up", m)
		}
	})
}

func TestPacedOverManyChannels(t *testing.T) {
	everyEngine(t, func(t *testing.T, portable bool) {
		o := newTestServer(t, faultless).options()
		o.Mode, o.Rate, o.Duration, o.Portable = Paced, 1000, 100*time.Millisecond, portable
		o.Channels, o.ChannelsPerStream, o.Publishers, o.Batch, o.PayloadBytes = 10, 4, 3, 5, 700
		// Twenty streams on four of ten channels each: eight streams a channel.
		wantExact(t, mustRun(t, o), 100, 800)
	})
}

func TestRawBodiesAndBrokenPieces(t *testing.T) {
	everyEngine(t, func(t *testing.T, portable bool) {
		s := newTestServer(t, faultless)
		s.set(func() { s.pieces = true })
		o := s.options()
		o.PublishURL, o.PublishBody, o.Portable = s.URL+"/pub/{channel}", "{payload}", portable
		o.Channels = 2
		wantExact(t, mustRun(t, o), 30, 300)
	})
}

func TestResume(t *testing.T) {
	everyEngine(t, func(t *testing.T, portable bool) {
		o := newTestServer(t, faultless).options()
		o.Mode, o.Channels, o.Missed, o.Live, o.Batch, o.Portable = Resume, 5, 40, 2, 50, portable
		o.Drops = 1
		o.Rate, o.Warmup = 200, 100*time.Millisecond
		r := mustRun(t, o)
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		if s := r.Resume; s.Streams != 20 || s.MissedPerStream != 120 || s.LiveBefore.Count == 0 {
			t.Errorf("%+v, want 20 streams that missed 120 events each", s)
		}
		if n := r.Delivery.Published; n < 500 { // 200 of them for the storm, and 200 a second in the drop
			t.Errorf("%d events", n)
		}
		if m := r.Measured; m.Deliveries < 20*120 {
			t.Errorf("%d deliveries in the storm, want at least 2400", m.Deliveries)
		}
	})
}

func TestFaultsAreFound(t *testing.T) {
	for _, test := range []struct {
		fault fault
		found func(*Result) bool
	}{
		{drops, func(r *Result) bool { return r.Delivery.Lost == 20 }},
		{repeats, func(r *Result) bool { return r.Delivery.Repeated == 20 && r.Delivery.Lost == 0 }},
		{swaps, func(r *Result) bool { return r.Delivery.OutOfOrder == 20 && r.Delivery.Lost == 0 }},
		{strays, func(r *Result) bool { return r.Delivery.Foreign > 0 && r.Delivery.Lost == 0 }},
		{hangsUp, func(r *Result) bool { return r.Connect.Ended == 20 && r.Delivery.Lost == 13*20 }},
		{forgets, func(r *Result) bool { return r.Delivery.Lost > 0 }},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			everyEngine(t, func(t *testing.T, portable bool) {
				t.Parallel()
				o := newTestServer(t, test.fault).options()
				o.Channels, o.Portable = 2, portable
				if test.fault == forgets {
					o.Mode, o.Live, o.Missed, o.Rate = Resume, 1, 5, 100
				}
				r := mustRun(t, o)
				if r.Err() == nil || !test.found(r) {
					t.Errorf("a server that %s gives %+v, %+v", test.fault, r.Connect, r.Delivery)
				}
			})
		})
	}
}

func TestSlowStreamsGetNothing(t *testing.T) {
	everyEngine(t, func(t *testing.T, portable bool) {
		o := newTestServer(t, faultless).options()
		o.Slow, o.Portable = 5, portable
		r := mustRun(t, o)
		wantExact(t, r, 30, 30*15)
		if r.Connect.Opened != 20 {
			t.Errorf("%d streams opened, want the slow ones too", r.Connect.Opened)
		}
	})
}

func TestOverloadIsWaitedOut(t *testing.T) {
	s := newTestServer(t, faultless)
	s.set(func() { s.refusals = 2 })
	r := mustRun(t, s.options())
	wantExact(t, r, 30, 600)
	if r.Delivery.Refused != 2 {
		t.Errorf("%d refusals counted, want 2", r.Delivery.Refused)
	}
}

func TestNobodySubscribed(t *testing.T) {
	o := newTestServer(t, faultless).options()
	o.Streams, o.Batch = 0, 7
	wantExact(t, mustRun(t, o), 30, 0)
}

func TestServerFigures(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	o := newTestServer(t, faultless).options()
	o.PIDs = []int{os.Getpid()} // the server of this test is in this process
	r := mustRun(t, o)
	if r.Memory == nil || r.Memory.Before <= 0 || r.Memory.Idle <= 0 {
		t.Errorf("memory %+v", r.Memory)
	}
	if r.Measured.CPUSeconds == nil || r.Connect.CPUMicros == nil {
		t.Errorf("no CPU in %+v", r.Measured)
	}
}

func TestInterrupt(t *testing.T) {
	everyEngine(t, func(t *testing.T, portable bool) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := newTestServer(t, faultless)
		o := s.options()
		o.Mode, o.Rate, o.Duration, o.Portable = Paced, 500, time.Hour, portable
		o.Progress = writerFunc(func(line []byte) (int, error) {
			if strings.Contains(string(line), "measuring") {
				before := s.published()
				go func() {
					for ; s.published() < before+10 && ctx.Err() == nil; time.Sleep(time.Millisecond) {
					}
					cancel()
				}()
			}
			return len(line), nil
		})
		r, err := Run(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Interrupted || r.Err() == nil || r.Measured == nil || r.Measured.Events == 0 {
			t.Errorf("%+v, want the part before the interruption", r)
		}
	})
}

// Streams are spread evenly over the URLs that there are.
func TestSpread(t *testing.T) {
	everyEngine(t, func(t *testing.T, portable bool) {
		s := newTestServer(t, faultless)
		o := s.options()
		o.SubscribeURLs = nil
		var asked [2]atomic.Int64
		for i := range asked {
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked[i].Add(1)
				s.Config.Handler.ServeHTTP(w, r)
			}))
			defer front.Close()
			defer front.CloseClientConnections()
			o.SubscribeURLs = append(o.SubscribeURLs, front.URL+"/subscribe?channels={channel}")
		}
		o.Mode, o.Portable = Idle, portable
		r := mustRun(t, o)
		if r.Connect.Opened != 20 || asked[0].Load() != 10 || asked[1].Load() != 10 {
			t.Errorf("%d opened, %d and %d on the servers, want ten on each", r.Connect.Opened, asked[0].Load(), asked[1].Load())
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("http://%s/", l.Addr())
	l.Close()
	everyEngine(t, func(t *testing.T, portable bool) {
		_, err := Run(t.Context(), Options{SubscribeURLs: []string{url}, PublishURL: url, Streams: 3, Portable: portable})
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v, want one that says that the connection was refused", err)
		}
	})
}

func TestPublishErrorsEndTheRun(t *testing.T) {
	s := newTestServer(t, faultless)
	o := s.options()
	o.PublishURL = s.URL + "/nowhere"
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v, want one that has the server's answer", err)
	}
}

func TestOptionsRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"mode":                func(o *Options) { o.Mode = "fast" },
		"subscribe URL":       func(o *Options) { o.SubscribeURLs = []string{"127.0.0.1:9090"} },
		"publish URL":         func(o *Options) { o.PublishURL = "ftp://127.0.0.1/" },
		"header":              func(o *Options) { o.Headers = []string{"no colon"} },
		"channel prefix":      func(o *Options) { o.ChannelPrefix = "a b" },
		"streams":             func(o *Options) { o.Streams = -1 },
		"channels":            func(o *Options) { o.Channels = maxChannels },
		"channels per stream": func(o *Options) { o.ChannelsPerStream = 2 },
		"slow":                func(o *Options) { o.Slow = 1 },
		"payload":             func(o *Options) { o.PayloadBytes = MinPayload - 1 },
		"batch":               func(o *Options) { o.Batch, o.PublishBody = 2, "{payload}" },
		"window":              func(o *Options) { o.Window = -1 },
		"durations":           func(o *Options) { o.Settle = -1 },
	} {
		var o Options
		change(&o)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one about %s", err, name)
		}
	}
}

func TestTableReportsWriteErrors(t *testing.T) {
	broken := writerFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe })
	if err := (&Result{}).WriteTable(broken); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want that of the writer", err)
	}
}
