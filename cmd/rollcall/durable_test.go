package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// acknowledged are publishes that were answered with 200.
type acknowledged struct {
	mu     sync.Mutex
	events []kept
	n      atomic.Int64
}

func (a *acknowledged) add(p posted, events []event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, e := range p.Events {
		a.events = append(a.events, kept{e.ID, events[i].Channel, events[i].Payload})
	}
	a.n.Store(int64(len(a.events)))
}

// wantAmong checks that all that was acknowledged is kept, under the ids of the acknowledgements.
func (a *acknowledged) wantAmong(t *testing.T, all []kept) {
	t.Helper()
	there := make(map[kept]int)
	for _, e := range all {
		there[e]++
	}
	for _, e := range a.events {
		if there[e] != 1 {
			t.Errorf("%v was acknowledged, and is kept %d times", e, there[e])
		}
	}
}

var loadChannels = []string{"load0", "load1", "load2", "load3"}

// load publishes batches from four goroutines to one channel each, until a publish fails.
func (a *acknowledged) load(client *http.Client, base string, run int) (ended *sync.WaitGroup) {
	ended = new(sync.WaitGroup)
	for worker, channel := range loadChannels {
		ended.Go(func() {
			for n := 0; ; n++ {
				var events []event
				for i := range 1 + n%3 {
					events = append(events, event{Channel: channel, Type: "message", Payload: fmt.Sprintf("%d-%d-%d-%d", run, worker, n, i)})
				}
				p := post(client, base, events...)
				if p.Status != http.StatusOK {
					return
				}
				a.add(p, events)
			}
		})
	}
	return ended
}

// wantRising checks that ids are of one epoch and rise.
func wantRising(t *testing.T, all []kept) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		epoch, seq := position(all[i-1].ID)
		if e, s := position(all[i].ID); e != epoch || s <= seq {
			t.Fatalf("%v follows %v", all[i], all[i-1])
		}
	}
}

func TestDataSurvivesAKillUnderLoad(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	n := newNode(t, "--data="+data, "--history-events=100000", "--history-bytes=64MiB")
	client := patient(t)
	if got := ready(client, n.url); got != http.StatusOK {
		t.Fatalf("/readyz: %d", got)
	}
	s := open(t, "/subscribe?clientId=s&channels="+strings.Join(loadChannels, ","), n.url)
	acked := new(acknowledged)
	for run := range 2 {
		enough := acked.n.Load() + 200
		ended := acked.load(client, n.url, run)
		until(t, "enough is published", func() bool { return acked.n.Load() >= enough })
		n.signal(syscall.SIGKILL)
		ended.Wait()
		n.wantExit(-1)
		n.again()
	}
	p := post(client, n.url, event{Channel: "load0", Type: "message", Payload: "last"})
	if p.Status != http.StatusOK {
		t.Fatalf("publish: %+v", p)
	}
	all := merged(t, client, n.url, loadChannels...)
	acked.wantAmong(t, all)
	wantRising(t, all)
	if last := all[len(all)-1]; last.ID != p.Events[0].ID {
		t.Errorf("the last event is %v, and %s was published last", last, p.Events[0].ID)
	}
	s.wantAll(t, all)
	if got := len(only(s.events(), "registered")); got != 3 {
		t.Errorf("the client registered %d times, want 3", got)
	}

	// A restart in order changes no answer.
	var before []string
	answers := func() (list []string) {
		for _, channel := range loadChannels {
			for _, path := range []string{"/lastEvent?channel=", "/history?limit=1000&channel="} {
				list = append(list, ask(t, client, n.url+path+channel, "").want(t, http.StatusOK, "").body)
			}
		}
		return list
	}
	before = answers()
	n.signal(syscall.SIGTERM)
	n.wantExit(0)
	if _, err := os.Stat(filepath.Join(data, "readings")); err != nil {
		t.Errorf("the charts' readings: %v", err)
	}
	n.again()
	for i, answer := range answers() {
		if answer != before[i] {
			t.Errorf("after a restart the answer is %.200s, it was %.200s", answer, before[i])
		}
	}
	if !strings.Contains(before[0], "last") {
		t.Errorf("/lastEvent of load0 is %s", before[0])
	}
	if got := ready(client, n.url); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}
}

func TestDataDirectoriesThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	serve(t, nil, "--data="+taken)
	file := newFile(t, "file", "text")
	readOnly := filepath.Join(dir, "read-only")
	if err := os.Mkdir(readOnly, 0o500); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ dir, says string }{
		"used by another server": {taken, "another process uses it"},
		"no parent":              {filepath.Join(dir, "no", "such"), "no such file or directory"},
		"a file":                 {file, "not a directory"},
		"read-only":              {readOnly, "permission denied"},
		"read-only parent":       {filepath.Join(readOnly, "data"), "permission denied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "read-only") && os.Geteuid() == 0 {
				t.Skip("the superuser writes everywhere")
			}
			cmd := command(t, nil, "serve", "--listen=127.0.0.1:0", "--data="+test.dir)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != 1 {
				t.Errorf("exit code %d, want 1", got)
			}
			if !strings.Contains(string(out), test.says) || !strings.Contains(string(out), test.dir) {
				t.Errorf("printed\n%s\nwant it to say %q of %s", out, test.says, test.dir)
			}
		})
	}
}

func TestRelaxedIsLogged(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--sync=relaxed", "--data="+filepath.Join(t.TempDir(), "data"))
	if got := fmt.Sprint(p.warned["msg"]); !strings.Contains(got, "relaxed") || !strings.Contains(got, "two seconds") {
		t.Errorf("warned of %q, want of what relaxed may lose", got)
	}
	p.publish("news", "message", "hello")
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
}

// What a directory takes on the disk is a metric.
func TestDataHasASize(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--data="+filepath.Join(t.TempDir(), "data"))
	p.publish("news", "message", "hello")
	_, rest, ok := strings.Cut(ask(t, patient(t), p.url+"/metrics", "").body, "\nrollcall_engine_disk_bytes ")
	value, _, _ := strings.Cut(rest, "\n")
	if bytes, err := strconv.ParseFloat(value, 64); !ok || err != nil || bytes < 10 {
		t.Errorf("the store has %q bytes", value)
	}
}
