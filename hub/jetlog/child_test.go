package jetlog

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"rollcall/hub/eventlog"
)

const childDir = "ROLLCALL_JETLOG_CHILD"

// runChild publishes in a process of its own until it is killed, and prints what was
// acknowledged.
func runChild() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	link, err := Embed(dir, EmbedOptions{Log: quiet})
	if err != nil {
		fmt.Println("error", err)
		return true
	}
	log, err := Open(context.Background(), link, Options{})
	if err != nil {
		fmt.Println("error", err)
		return true
	}
	fmt.Println("epoch", log.Head().Epoch, log.Head().Seq)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				events := []eventlog.Event{ev(fmt.Sprint("child.", w), i)}
				if w == 3 {
					events = append(events, ev("child.batch", i), ev("child.batch", i))
				}
				results, err := log.Append(context.Background(), events)
				if err != nil {
					fmt.Println("error", err)
					return
				}
				var line strings.Builder
				line.WriteString("ack")
				for k, r := range results {
					fmt.Fprintf(&line, " %d %s %s", r.Seq, events[k].Channel, events[k].Payload)
				}
				fmt.Println(line.String())
			}
		})
	}
	wg.Wait()
	return true
}

// kill runs a child on dir, kills it in the middle of its load, and returns its epoch,
// where it began, and what it was told is stored.
func kill(t *testing.T, dir string, acks int) (epoch string, head uint64, acked []string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for in := bufio.NewScanner(out); in.Scan(); {
		f := strings.Fields(in.Text())
		switch f[0] {
		case "epoch":
			epoch = f[1]
			_, _ = fmt.Sscan(f[2], &head)
		case "ack":
			for f = f[1:]; len(f) >= 3; f = f[3:] {
				acked = append(acked, f[0]+" "+f[1]+" message "+f[2])
			}
			if lines++; lines == acks {
				_ = cmd.Process.Kill()
			}
		default:
			t.Errorf("child: %s", in.Text())
		}
	}
	_ = cmd.Wait()
	return epoch, head, acked
}

// Whatever was acknowledged is there after a SIGKILL in the middle of the load, ids and
// epoch go on, and no batch is there in part.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir() + "/store"
	var all []string
	var before string
	var last uint64
	for round := range 3 {
		epoch, head, acked := kill(t, dir, 200)
		if before != "" && epoch != before {
			t.Fatalf("round %d: epoch %s, before it was %s", round, epoch, before)
		}
		if head < last {
			t.Fatalf("round %d begins at %d, %d was acknowledged", round, head, last)
		}
		before = epoch
		for _, a := range acked {
			var seq uint64
			_, _ = fmt.Sscan(a, &seq)
			if seq <= head {
				t.Fatalf("round %d: %q, but the log began at %d", round, a, head)
			}
			last = max(last, seq)
		}
		all = append(all, acked...)
	}
	l := open(t, embed(t, dir, EmbedOptions{}), Options{})
	if got := l.Head(); got.Epoch != before || got.Seq < last {
		t.Fatalf("head %v, want %s and at least %d", got, before, last)
	}
	channels := []string{"child.0", "child.1", "child.2", "child.3", "child.batch"}
	kept := make(map[string]bool)
	batch := make(map[string]int)
	for _, r := range read(l, channels...) {
		kept[r] = true
		f := strings.Fields(r)
		if f[1] == "child.batch" {
			batch[f[3]]++
		}
	}
	for _, a := range all {
		if !kept[a] {
			t.Errorf("acknowledged and lost: %s", a)
		}
	}
	for n, count := range batch {
		if count%2 != 0 {
			t.Errorf("batch %s is there in part", n)
		}
	}
	if g := gaps(l, 0, channels...); len(g) != 0 {
		t.Errorf("gaps of %q", g)
	}
	t.Logf("%d events acknowledged, head %d", len(all), l.Head().Seq)
}
