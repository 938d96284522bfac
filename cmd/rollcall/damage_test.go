//go:build unix

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A server is killed and its files are damaged. It refuses to start, and says why; or it starts, and has everything or
// announces gaps to resuming clients. No number is assigned to another event.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, data string){
		"commits cut in the middle": func(t *testing.T, data string) { cut(t, storeFile(t, data, "*.log"), 0.5) },
		"commits without their end": func(t *testing.T, data string) { cut(t, storeFile(t, data, "*.log"), 0.99) },
		"empty commits":             func(t *testing.T, data string) { cut(t, storeFile(t, data, "*.log"), 0) },
		"no commits":                func(t *testing.T, data string) { removed(t, storeFile(t, data, "*.log")) },
		"a bit at the beginning":    func(t *testing.T, data string) { flip(t, storeFile(t, data, "*.log"), 0.02) },
		"a bit in the middle":       func(t *testing.T, data string) { flip(t, storeFile(t, data, "*.log"), 0.5) },
		"a bit at the end":          func(t *testing.T, data string) { flip(t, storeFile(t, data, "*.log"), 0.998) },
		"zeros at the end":          func(t *testing.T, data string) { zero(t, storeFile(t, data, "*.log"), 0.9) },
		"a damaged list of files":   func(t *testing.T, data string) { flip(t, storeFile(t, data, "MANIFEST-*"), 0.5) },
		"no list of files":          func(t *testing.T, data string) { removed(t, storeFile(t, data, "MANIFEST-*")) },
		"no pointer to the list":    func(t *testing.T, data string) { removed(t, storeFile(t, data, "marker.manifest.*")) },
		"no settings of the store":  func(t *testing.T, data string) { removed(t, storeFile(t, data, "OPTIONS-*")) },
		"a damaged mark":            func(t *testing.T, data string) { flip(t, filepath.Join(data, "mark"), 0.3) },
		"no mark":                   func(t *testing.T, data string) { removed(t, filepath.Join(data, "mark")) },
		"no store":                  func(t *testing.T, data string) { removed(t, filepath.Join(data, "events")) },
	}
	k := newKilled(t)
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k.damaged(t, damage)
		})
	}
}

// killed is what a server left that was killed.
type killed struct {
	data   string            // the directory, of which each test damages a copy
	ids    map[string]string // of all events that were acknowledged, what they are
	resume string            // after a third of them
}

func newKilled(t *testing.T) *killed {
	k := &killed{data: filepath.Join(t.TempDir(), "data"), ids: make(map[string]string)}
	p := serve(t, nil, "--sync=relaxed", "--data="+k.data)
	client := patient(t)
	for i := range 60 {
		e := event{Channel: fmt.Sprint("c", i%2), Type: "message", Payload: fmt.Sprint("before", i)}
		answer := post(client, p.url, e)
		if answer.Status != http.StatusOK {
			t.Fatalf("publish: %+v", answer)
		}
		k.ids[answer.Events[0].ID] = e.Payload
		if i == 20 {
			k.resume = answer.Events[0].ID
		}
	}
	p.signal(syscall.SIGKILL)
	p.wantExit(-1)
	return k
}

func (k *killed) damaged(t *testing.T, damage func(*testing.T, string)) {
	data := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(data, os.DirFS(k.data)); err != nil {
		t.Fatal(err)
	}
	damage(t, data)
	n := launch(t, nil, "--sync=relaxed", "--data="+data)
	client := patient(t)
	if !n.starts() {
		return // and said why
	}
	var after []string
	for i := range 5 {
		p := post(client, n.url, event{Channel: fmt.Sprint("c", i%2), Type: "message", Payload: fmt.Sprint("after", i)})
		if p.Status != http.StatusOK {
			t.Fatalf("publish: %+v", p)
		}
		after = append(after, p.Events[0].ID)
	}
	s := &source{path: "/subscribe?channels=c0,c1", bases: []string{n.url}, last: k.resume}
	s.run(t)
	s.until(t, "the events after have come", func(all []sse) bool {
		return slices.ContainsFunc(all, func(e sse) bool { return strings.Contains(e.data, "after3") }) &&
			slices.ContainsFunc(all, func(e sse) bool { return strings.Contains(e.data, "after4") })
	})
	_, from := position(k.resume)
	missed := 0 // events behind the position
	for id := range k.ids {
		if _, seq := position(id); seq > from {
			missed++
		}
	}
	for _, e := range only(s.events(), "message") {
		before, was := k.ids[e.id]
		if was && e.payload() != before {
			t.Errorf("%s was %s, and is %s", e.id, before, e.payload())
		}
		if was {
			missed--
		}
	}
	for _, id := range after {
		if k.ids[id] != "" {
			t.Errorf("%s is given a second time", id)
		}
	}
	told := only(s.events(), "gap")
	if missed > 0 && len(told) != 2 {
		t.Errorf("%d events are lost, and the gaps told of are %v", missed, told)
	}
	old, _ := position(k.resume)
	now, _ := position(after[0])
	t.Logf("%d events lost, %d gaps, epoch changed: %v", missed, len(told), old != now)
}

// A backup of the whole directory replaces a newer one: no number is assigned twice, and a client that resumes from a
// later position gets a gap.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, backup := filepath.Join(dir, "data"), filepath.Join(dir, "backup")
	n := newNode(t, "--data="+data)
	client := patient(t)
	publish := func(payload string) string {
		t.Helper()
		p := post(client, n.url, event{Channel: "a", Type: "message", Payload: payload})
		if p.Status != http.StatusOK {
			t.Fatalf("publish: %+v", p)
		}
		return p.Events[0].ID
	}
	restart := func(do func() error) {
		t.Helper()
		n.signal(syscall.SIGTERM)
		n.wantExit(0)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		n.again()
	}
	publish("kept")
	restart(func() error { return os.CopyFS(backup, os.DirFS(data)) })
	lost := publish("lost")
	restart(func() error { return errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(backup))) })
	if again := publish("new"); again == lost {
		t.Errorf("%s is given a second time", lost)
	}
	s := &source{path: "/subscribe?channels=a", bases: []string{n.url}, last: lost}
	s.run(t)
	s.until(t, "the last event has come", func(all []sse) bool { return len(only(all, "lastEvent")) == 1 })
	if told := only(s.events(), "gap"); len(told) != 1 || !strings.Contains(told[0].data, "epoch") {
		t.Errorf("the gaps told of are %v", told)
	}
	if got := history(t, client, n.url, "a"); len(got) != 2 || got[0].Payload != "kept" || got[1].Payload != "new" {
		t.Errorf("kept is %v", got)
	}
}

// starts waits until the server listens, or has ended with an error.
func (p *program) starts() bool {
	p.t.Helper()
	var last map[string]any
	for entry := range p.logs {
		if entry["msg"] == "listening" {
			p.url = strings.TrimSuffix(fmt.Sprint(entry["url"]), "/")
			return true
		}
		last = entry
	}
	_ = p.cmd.Wait()
	why := fmt.Sprint(last["error"])
	if p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(why, "event store") {
		p.t.Errorf("exit code %d after %v", p.cmd.ProcessState.ExitCode(), last)
	}
	p.t.Logf("refused: %s", why)
	return false
}

// storeFile returns the only such file of the store.
func storeFile(t *testing.T, data, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "events", pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v %v", pattern, files, err)
	}
	return files[0]
}

func removed(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// edit changes a file's bytes from this part of it on.
func edit(t *testing.T, path string, part float64, change func(text []byte, at int) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil && len(text) == 0 {
		t.Fatalf("%s is empty", path)
	}
	if err == nil {
		err = os.WriteFile(path, change(text, int(part*float64(len(text)))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func cut(t *testing.T, path string, part float64) {
	edit(t, path, part, func(text []byte, at int) []byte { return text[:at] })
}

func flip(t *testing.T, path string, part float64) {
	edit(t, path, part, func(text []byte, at int) []byte { text[at] ^= 0x10; return text })
}

func zero(t *testing.T, path string, part float64) {
	edit(t, path, part, func(text []byte, at int) []byte { clear(text[at:]); return text })
}
