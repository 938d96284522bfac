package jetlog

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Failures that differ only in URL or port are not logged one by one.
func TestNotConnectedIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	l := newLink(slog.New(slog.NewTextHandler(&out, nil)))
	for i := range 100 {
		l.fail(fmt.Errorf("dial tcp 127.0.0.%d:%d: connection refused", i%3, 1000+i))
	}
	if n := strings.Count(out.String(), "not connected"); n != 1 {
		t.Errorf("%d lines", n)
	}
	if _, reason := l.state(); !strings.Contains(reason, ":1099") {
		t.Errorf("the reason is %q", reason)
	}
}

// What the server says after a kill, and larger limits, are no trouble.
func TestPlainStartsLogNoTrouble(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := serverLog{log: log}
	s.Warnf("Filestore [%s] Stream state outdated, last block has additional entries, will rebuild", "ROLLCALL")
	s.Warnf("Filestore [%s] Recovering stream state from index errored: %v", "ROLLCALL", "prior state file")
	if out.Len() > 0 {
		t.Errorf("after a kill: %s", &out)
	}
	link := embed(t, t.TempDir(), EmbedOptions{SyncRelaxed: true})
	opts := fresh(Options{})
	narrow(t, link, opts, 5)
	l := open(t, link, opts)
	publish(t, l, ev("first", 0)) // so that the hole is in the middle
	for i := range 9 {
		publish(t, l, ev("full", i))
	}
	closeLog(t, l)
	link.log = log
	opts.Events = 3000
	for range 2 { // the limits are changed, and were
		l = open(t, link, opts)
		if got := gaps(l, 0, "full"); len(got) != 1 {
			t.Errorf("gaps of %q", got)
		}
		closeLog(t, l)
	}
	link.log = quiet
	if strings.Contains(out.String(), "ERROR") {
		t.Errorf("with larger limits: %s", &out)
	}
}
