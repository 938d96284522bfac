package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// nodeClient returns how to listen with a package for Node. What it does is in node/client.js.
func nodeClient(name string) func(t *testing.T, url string, silence time.Duration) *session {
	return func(t *testing.T, url string, silence time.Duration) *session {
		path := node.need(t)
		cmd := exec.Command(path, filepath.Join("node", "client.js"), name, url, strings.Join(types, ","),
			strconv.FormatInt(silence.Milliseconds(), 10))
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s := newSession()
		done := make(chan struct{})
		go func() {
			defer close(done)
			lines := bufio.NewScanner(out)
			for lines.Buffer(nil, 1<<20); lines.Scan(); {
				s.report(lines.Bytes())
			}
			s.end("the process has ended")
		}()
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			<-done
			_ = cmd.Wait()
			if said.Len() > 0 {
				t.Errorf("%s printed\n%s", name, said.String())
			}
		})
		return s
	}
}

// report takes a line from listen.js.
func (s *session) report(line []byte) {
	var said struct {
		heard
		Ended *string
	}
	if err := json.Unmarshal(line, &said); err != nil {
		s.end(fmt.Sprintf("not a report: %.200s", line))
	} else if said.Ended != nil {
		s.end(*said.Ended)
	} else {
		s.hear(said.heard)
	}
}

// installPackages installs the packages of package-lock.json if they are missing or older.
var installPackages = sync.OnceValue(func() error {
	want, err := os.Stat("package-lock.json")
	if err != nil {
		return err
	}
	if have, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err == nil && !have.ModTime().Before(want.ModTime()) {
		return nil
	}
	if out, err := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
})
