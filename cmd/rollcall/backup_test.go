package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A server is copied while publishers run. One that starts on the copy has everything that was acknowledged before the command, in
// order and without a hole, and begins a new epoch: a stream with a position of the first server gets a gap, and none of the events
// that the first one stored later under numbers that the second one gives again.
func TestBackupWhilePublishing(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	p := serve(t, nil, "--data="+filepath.Join(tmp, "data"), "--history-events=1000000", "--history-bytes=1GiB")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const publishers = 6
	var mu sync.Mutex
	acknowledged := make([]int, publishers) // of each publisher, how many
	some := make(chan struct{})
	var enough sync.Once
	var running sync.WaitGroup
	for w := range publishers {
		running.Go(func() {
			pace := time.NewTicker(40 * time.Millisecond) // what comes in a copy's time is enough, and all of it is read
			defer pace.Stop()
			for n := 0; ctx.Err() == nil; n += 2 {
				<-pace.C
				body := fmt.Sprintf(`{"events":[{"channelName":"c%d","type":"n","payload":%d},{"channelName":"c%d","type":"n","payload":%d}]}`, w, n, w, n+1)
				answer, err := http.Post(p.url+"/publish", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("a publish is answered with %s", answer.Status)
					return
				}
				mu.Lock()
				acknowledged[w] = n + 2
				mu.Unlock()
				if n > 20 && w == 0 {
					enough.Do(func() { close(some) })
				}
			}
		})
	}
	<-some
	for i := range 3 {
		mu.Lock()
		before := append([]int(nil), acknowledged...)
		mu.Unlock()
		dir := filepath.Join(tmp, fmt.Sprint("copy", i))
		p.cli("backup", dir).wantEnd(t, 0, dir+": ")
		p.cli("backup", dir).wantEnd(t, 1, "is not empty")
		wantRestored(t, p, dir, before)
	}
	cancel()
	running.Wait()
	if left, err := filepath.Glob(filepath.Join(tmp, "*.part-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// wantRestored starts a server on a copy of p's events.
func wantRestored(t *testing.T, p *program, dir string, before []int) {
	t.Helper()
	head := strings.TrimSpace(p.cli("publish", "mark", "n", "1").wantEnd(t, 0, "").out)
	r := serve(t, nil, "--data="+dir, "--history-events=1000000", "--history-bytes=1GiB")
	for w, n := range before {
		out := r.cli("history", fmt.Sprint("c", w), "--json", "--limit=0").wantEnd(t, 0, "").out
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) < n || len(lines)%2 != 0 {
			t.Errorf("publisher %d has %d events in the copy, %d were acknowledged before it", w, len(lines), n)
		}
		for i, line := range lines {
			var e wireEvent
			if err := json.Unmarshal([]byte(line), &e); err != nil || string(e.Payload) != fmt.Sprint(i) {
				t.Fatalf("event %d of publisher %d is %s", i, w, line)
			}
		}
	}
	st := r.resume("c0", head)
	st.want("registered")
	if gap := st.want("gap"); !strings.Contains(gap, `\"reason\":\"epoch\"`) {
		t.Errorf("a stream with a position of the first server gets %s", gap)
	}
	first := strings.TrimSpace(r.cli("publish", "mark", "n", "2").wantEnd(t, 0, "").out)
	old, _, _ := strings.Cut(head, "-")
	if epoch, _, _ := strings.Cut(first, "-"); epoch == old {
		t.Errorf("both servers give ids of the epoch %s", epoch)
	}
}

// Only a server with a directory has a backup, a key needs the scope admin, and an archive that breaks off becomes no directory.
func TestBackupRefused(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	dir := filepath.Join(tmp, "copy")
	p := serve(t, nil)
	p.cli("backup", dir).wantEnd(t, 1, "(no_backup)")
	env := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1024)) }) // an empty archive
	runCommand(t, env, "", "backup", dir).wantEnd(t, statusUnreachable, "the backup broke off")
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
