package clients

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// answer is what curl got.
type answer struct {
	status string // "200 OK"; "" if there was none
	header textproto.MIMEHeader
	exit   error // of curl
}

// runCurl prints the answer to a GET and hands over each event when it is complete. It returns when the answer has
// ended or ctx has.
func runCurl(ctx context.Context, curl string, body io.Writer, hear func(heard), args ...string) answer {
	cmd := exec.CommandContext(ctx, curl, append([]string{"--silent", "--no-buffer", "--include"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return answer{exit: err}
	}
	if err := cmd.Start(); err != nil {
		return answer{exit: err}
	}
	var a answer
	r := bufio.NewReader(out)
	head := textproto.NewReader(r)
	if line, err := head.ReadLine(); err == nil {
		_, a.status, _ = strings.Cut(line, " ")
		a.header, _ = head.ReadMIMEHeader()
		if err := readStream(io.TeeReader(r, body), hear); err != nil && ctx.Err() == nil {
			a.exit = err
		}
	}
	if err := cmd.Wait(); a.exit == nil {
		a.exit = err
	}
	return a
}

// errNotOurs means that a server wrote lines that Rollcall never writes.
var errNotOurs = errors.New("not what Rollcall writes")

// readStream reads events up to the end of the stream. It is strict: it knows nothing but what Rollcall writes.
func readStream(stream io.Reader, hear func(heard)) error {
	var e heard
	r := bufio.NewReader(stream)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil // what was begun doesn't count
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case line == "\n":
			if e != (heard{}) {
				hear(e)
				e = heard{}
			}
		case name == "id" && e == heard{}:
			e.ID = value
		case name == "event" && e.ID != "" && e.Type == "":
			e.Type = value
		case name == "data" && e.Type != "" && e.Data == "":
			e.Data = value
		case name == "retry" && e == heard{}, line[0] == ':':
		default:
			return fmt.Errorf("%w: %.200q", errNotOurs, line)
		}
	}
}

// listenWithCurl does by hand what an EventSource does by itself.
func listenWithCurl(t *testing.T, url string, _ time.Duration) *session {
	path := curl.need(t)
	ctx, cancel := context.WithCancel(context.Background())
	s := newSession()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var last heard
		for ctx.Err() == nil {
			args := []string{url}
			if last.ID != "" {
				args = append(args, "--header", "Last-Event-ID: "+last.ID)
			}
			a := runCurl(ctx, path, io.Discard, func(e heard) {
				last = e
				s.hear(e)
			}, args...)
			if errors.Is(a.exit, errNotOurs) || a.status != "" && a.status != "200 OK" {
				s.end(fmt.Sprint(a.status, " ", a.exit))
				return
			}
			select {
			case <-time.After(100 * time.Millisecond): // its retry
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}
