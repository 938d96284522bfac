package clients

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a running "rollcall serve".
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	addr   string // host:port
	client *http.Client
	ended  chan struct{} // closed when the program has ended and all it printed was read

	mu  sync.Mutex
	log []string // what it printed
}

// startServer starts a server on a free port. At the end of the test it must shut down in order, without a data race
// and without logged errors.
func startServer(t *testing.T, flags ...string) *server {
	t.Helper()
	s := &server{t: t, client: &http.Client{Transport: &http.Transport{}, Timeout: patience}, ended: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen=127.0.0.1:0", "--log-format=json"}, flags...)...)
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=halt_on_error=1 atexit_sleep_ms=0"}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go s.read(stderr, address)
	t.Cleanup(func() {
		s.stop()
		s.client.CloseIdleConnections()
	})
	select {
	case s.addr = <-address:
	case <-s.ended:
		t.Fatalf("the server ended at once:\n%s", s.printed())
	case <-time.After(patience):
		t.Fatalf("the server doesn't listen:\n%s", s.printed())
	}
	return s
}

// read keeps what the server prints, and sends the address that it listens on.
func (s *server) read(stderr io.Reader, address chan<- string) {
	defer close(s.ended)
	lines := bufio.NewScanner(stderr)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		s.mu.Lock()
		s.log = append(s.log, lines.Text())
		s.mu.Unlock()
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			_, at, _ := strings.Cut(line.URL, "://")
			address <- strings.TrimSuffix(at, "/")
		}
	}
}

func (s *server) printed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// stop asks the server to end and waits for it. A second call does nothing.
func (s *server) stop() {
	s.t.Helper()
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	killer := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer killer.Stop()
	<-s.ended
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(s.printed(), `"level":"ERROR"`) {
		s.t.Errorf("the server ended with exit code %d; it printed\n%s", code, s.printed())
	}
}

// eventually asks again and again until the answer is true, with a pause, which leaves the processor to the others.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for begun := time.Now(); !ask(); <-pause.C {
		if time.Since(begun) > patience {
			t.Fatalf("not so for %v: %s", patience, what)
		}
	}
}

// url returns the address of a path.
func (s *server) url(path string) string { return "http://" + s.addr + path }

// ask sends a request and decodes the answer's JSON, which must have this status.
func (s *server) ask(method, path string, body []byte, status int, into any) error {
	request, err := http.NewRequest(method, s.url(path), bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != status {
		return fmt.Errorf("%s %s: %s, want %d: %s", method, path, answer.Status, status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// kick ends all streams of a client.
func (s *server) kick(clientID string) {
	s.t.Helper()
	if err := s.ask(http.MethodDelete, "/presence/clients/"+url.PathEscape(clientID), nil, http.StatusNoContent, nil); err != nil {
		s.t.Fatal(err)
	}
}

// event is something to publish, and what is known of it once it was.
type event struct {
	ID      string `json:"-"`
	Channel string `json:"channelName"`
	Type    string `json:"type"`
	Payload any    `json:"payload"`
}

// ledger is what was published to a server, in order. It is safe for concurrent use.
type ledger struct {
	server *server
	mu     sync.Mutex
	events []event
}

// publish publishes a batch, which must be accepted.
func (l *ledger) publish(batch ...event) {
	l.server.t.Helper()
	if err := l.try(batch...); err != nil {
		l.server.t.Fatal(err)
	}
}

func (l *ledger) try(batch ...event) error {
	body, err := json.Marshal(map[string]any{"events": batch})
	if err != nil {
		return err
	}
	var answer struct {
		Events []struct{ ID, ChannelName string }
	}
	l.mu.Lock() // the order of batches is the order of entries
	defer l.mu.Unlock()
	if err := l.server.ask(http.MethodPost, "/publish", body, http.StatusOK, &answer); err != nil {
		return err
	}
	if len(answer.Events) != len(batch) {
		return fmt.Errorf("published %d events, the answer has %d", len(batch), len(answer.Events))
	}
	for i, e := range batch {
		if got := answer.Events[i].ChannelName; got != e.Channel {
			return fmt.Errorf("event %d went to %q, want %q", i, got, e.Channel)
		}
		e.ID = answer.Events[i].ID
		l.events = append(l.events, e)
	}
	return nil
}

// all returns what was published until now.
func (l *ledger) all() []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[:len(l.events):len(l.events)]
}

// keepPublishing publishes small batches over the channels until the returned func is called, which waits for the last.
func (l *ledger) keepPublishing(channels ...string) (stop func()) {
	var running sync.WaitGroup
	quit := make(chan struct{})
	running.Go(func() {
		pace := time.NewTicker(10 * time.Millisecond) // too slow for a burst; without readers that wait
		defer pace.Stop()
		for n := 0; ; n++ {
			batch := make([]event, len(channels))
			for i, name := range channels {
				batch[i] = event{Channel: name, Type: "message", Payload: map[string]int{"batch": n, "event": i}}
			}
			if err := l.try(batch...); err != nil {
				l.server.t.Errorf("batch %d: %v", n, err)
				return
			}
			select {
			case <-pace.C:
			case <-quit:
				return
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(quit)
		running.Wait()
	})
	l.server.t.Cleanup(stop)
	return stop
}
