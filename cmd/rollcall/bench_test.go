package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"rollcall/cmd/rollcall/bench"
)

// load runs "rollcall bench" against p and wants it to find nothing wrong.
func (p *program) load(args ...string) string {
	p.t.Helper()
	args = append([]string{
		"bench", "--subscribe-url", p.url + "/subscribe?channels={channel}", "--publish-url", p.url + "/publish",
		"--pid", fmt.Sprint(p.cmd.Process.Pid), "--settle=0s", "--warmup=50ms",
	}, args...)
	if runtime.GOOS != "linux" {
		args = append(args[:5], args[7:]...) // without --pid
	}
	cmd := command(p.t, nil, args...)
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%v: %v\n%s%s", args, err, &progress, &out)
	}
	return out.String()
}

func TestBenchPrintsATable(t *testing.T) {
	t.Parallel()
	table := serve(t, nil).load("-n40", "-r200", "-d200ms")
	for _, want := range []string{"40 streams on one channel", "40 of 40", "2000 of 2000: 0 lost", "p99"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

// Everybody reconnects while events go on: the load tool proves that nothing is lost or repeated.
func TestBenchResumes(t *testing.T) {
	t.Parallel()
	text := serve(t, nil).load("-n60", "-m7", "--resume", "--missed=30", "--publish-batch=100", "-r100", "--json", "--quiet")
	var r bench.Result
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if r.Err() != nil || r.Resume == nil || r.Resume.MissedPerStream != 90 || r.Measured.Deliveries < 60*90 {
		t.Errorf("%s", text)
	}
	if runtime.GOOS == "linux" && (r.Memory == nil || r.Memory.Before == 0 || r.Measured.CPUSeconds == nil) {
		t.Errorf("the server's process was not watched: %s", text)
	}
}

func TestBenchFailsWithoutAServer(t *testing.T) {
	t.Parallel()
	cmd := command(t, nil, "bench", "--quiet", "-n1", "--subscribe-url", "http://127.0.0.1:1/")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "refused") {
		t.Errorf("exit code %d, want 1 and the reason:\n%s", cmd.ProcessState.ExitCode(), out)
	}
}

func TestBenchModes(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]bench.Mode{
		"": bench.Paced, "--burst=300": bench.Burst, "--idle": bench.Idle, "--resume -m3": bench.Resume,
	} {
		c := &cli{}
		if _, err := newParser(c, &settings{}).Parse(append([]string{"bench"}, strings.Fields(args)...)); err != nil {
			t.Fatal(err)
		}
		if o := c.Bench.options(); o.Mode != want || o.Streams != 1000 || o.PayloadBytes != 100 {
			t.Errorf("bench %s: %+v, want mode %s and the documented defaults", args, o, want)
		}
	}
}
