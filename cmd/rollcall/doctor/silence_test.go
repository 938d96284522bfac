package doctor

import (
	"errors"
	"testing"
	"time"
)

// What a silent stream shows, by when its heartbeats and its end came.
func TestVerdict(t *testing.T) {
	start := time.Now()
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	for name, test := range map[string]struct {
		beats   []beat
		ended   float64 // seconds; 0 is not
		goodbye string
		events  int
		status  Status
		says    string
		fix     string
	}{
		"well":             {[]beat{{at(25), 1}, {at(50), 1}}, 0, "", 0, OK, "2 heartbeats", ""},
		"two at once":      {[]beat{{at(50), 2}}, 0, "", 0, OK, "2 heartbeats", ""}, // once may be the network
		"in bunches":       {[]beat{{at(30), 3}, {at(60), 3}}, 0, "", 0, Fail, "6 heartbeats came in 2 bunches", nginx},
		"cut at 60 s":      {nil, 60.2, "", 0, Fail, "60 s of silence, before a heartbeat came (nginx's proxy_read_timeout", rollcall},
		"cut at 100 s":     {nil, 100, "", 0, Fail, "Cloudflare", rollcall},
		"cut at 7 s":       {nil, 7, "", 0, Fail, "7.0 s of silence, before a heartbeat came. ", rollcall},
		"cut by age":       {[]beat{{at(25), 1}}, 30, "", 0, Fail, "at the age of 30 s, 5.0 s after a heartbeat (Google Cloud", nginx},
		"no heartbeat":     {nil, 0, "", 0, Warn, "No heartbeat came within 65 s", rollcall},
		"a busy channel":   {nil, 0, "", 9, OK, "events came on its channel", ""},
		"the server's end": {nil, 5, `{"code":"draining"}`, 0, Warn, "draining", ""},
	} {
		s := &stream{opened: start, last: start, beats: test.beats}
		if len(test.beats) > 0 {
			s.last = test.beats[len(test.beats)-1].at
		}
		if test.ended > 0 {
			s.ended, s.err = at(test.ended), errors.New("cut")
		}
		p := &probe{Options: Options{Wait: 65 * time.Second}}
		p.judge(s, test.goodbye, test.events)
		checks := map[string]Check{"silence": p.report.Checks[0]}
		t.Run(name, func(t *testing.T) {
			c := want(t, checks, "silence", test.status, test.says)
			if test.fix != "" {
				wantFix(t, c, test.fix, "")
			}
		})
	}
}

func TestShortWaitSaysSo(t *testing.T) {
	p := &probe{Options: Options{Wait: 5 * time.Second}}
	p.judge(&stream{}, "", 0)
	want(t, map[string]Check{"silence": p.report.Checks[0]}, "silence", OK, "too short")
}
