package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write stores one result as bench-peers.sh would.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestMediansRatiosAndBars(t *testing.T) {
	dir := t.TempDir()
	paced := `{"measured":{"deliveries":1,"seconds":1,"serverCpuMicrosPerDelivery":`
	for i, micros := range []string{"8", "10", "9"} {
		write(t, dir, "paced20.nchan."+string(rune('1'+i)), paced+micros+`}}`)
	}
	for i, micros := range []string{"7", "20", "6"} {
		write(t, dir, "paced20.rollcall."+string(rune('1'+i)), paced+micros+`}}`)
	}
	write(t, dir, "idle.rollcall.1", `{"connect":{"serverCpuMicrosPerStream":50},"memory":{"perStreamKib":2.5}}`)
	write(t, dir, "resume.rollcall.1", `{"delivery":{"lost":3},"resume":{"catchUpSeconds":1.5,"liveDuring":{"p99Millis":300}}}`)

	all, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := summarize(all).write(&b, "two cores\n"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"- two cores",
		"| CPU per delivery, 1 000 streams, 20 events/s, µs | 9.00 (8.00–10.0) | – | 7.00 (6.00–20.0) | 0.78 | ≤ 0.90 × | yes |",
		"| memory per idle stream, 10 000 streams, KiB | – | – | 2.50 | – | ≤ 3.50 | yes |",
		"| CPU to accept a stream, µs | – | – | 50.0 | – | ≤ 45.0 | **no** |",
		"wrong deliveries | – | – | 3.00 | – | 0 | **no** |",
		"live traffic during the storm, against before, ms | – | 0.0 | 300 | – | ≤ 1000 | yes |",
		"- rollcall, resume, round 1: 3 lost",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "5 000 channels") {
		t.Error("a case that was not run has a line")
	}
}

func TestNothingToSumUp(t *testing.T) {
	if err := run(t.TempDir()); err == nil {
		t.Error("an empty directory makes a summary")
	}
}
