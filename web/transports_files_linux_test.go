package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/web"
)

// filesChild names the variable that makes a process of this test binary the
// server of TestTransportOutOfFiles.
const filesChild = "ROLLCALL_TEST_FILES_CHILD"

// If the process may open no more files, existing connections continue, new ones wait or are refused, and nothing is
// left open afterwards. The server is a process of its own, controlled through two pipes.
func TestTransportOutOfFiles(t *testing.T) {
	if os.Getenv(filesChild) != "" {
		serveWithFewFiles(t)
		return
	}
	t.Parallel()
	for _, w := range ways[:4] { // taken over and not
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			child := startFilesChild(t, w.name)
			s := &stage{T: t, way: w}
			s.addr = child.addr
			ask := func(clientID string) ask { return ask{channels: "a", clientID: clientID} }
			var last string
			start := func(c *tap) *tap {
				c.want("registered")
				c.want("lastEvent")
				return c
			}
			publish := func(taps ...*tap) {
				last = child.tell("publish")
				for _, c := range taps {
					if e := c.want("message"); e.id != last {
						t.Fatalf("got %q, want %q", e.id, last)
					}
				}
			}
			first := start(s.open(ask("first")))
			publish(first)
			base := child.tell("files")

			// None left: a newcomer waits until there are.
			child.tell("fill 0")
			second := s.dialRaw()
			for range 5 {
				publish(first)
			}
			child.tell("free")
			second.secure(s)
			second.open(s, ask("second"))
			start(second)
			publish(first, second)
			second.drop("FIN")
			until(t, "the second has left", func() bool { return child.tell("streams") == "1" })

			// One left: it is enough to accept, and not to take over.
			if s.wrapped {
				return
			}
			for i := range 20 {
				child.tell("fill 1")
				c := s.dialRaw()
				c.secure(s)
				_, _ = io.WriteString(c.conn, s.request(ask(fmt.Sprint("late", i))))
				if answer, _ := io.ReadAll(c.conn); len(answer) > 0 {
					t.Fatalf("answered %q", answer)
				}
				c.raw.Close()
				publish(first)
				until(t, "the newcomer is not online", func() bool { return child.tell("online") == "1" })
				child.tell("free")
				until(t, "as many open files as before", func() bool { return child.tell("files") == base })
			}
			third := start(s.open(ask("third")))
			publish(first, third)
		})
	}
}

// filesProcess is the server of TestTransportOutOfFiles.
type filesProcess struct {
	t       *testing.T
	addr    net.Addr
	in      io.Writer
	answers *bufio.Reader
}

func startFilesChild(t *testing.T, name string) *filesProcess {
	t.Helper()
	theirs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestTransportOutOfFiles$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), filesChild+"="+name)
	cmd.ExtraFiles = []*os.File{theirs, theirOut}
	log := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	theirOut.Close()
	t.Cleanup(func() {
		in.Close() // has it end
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("the server: %v\n%s", err, log)
		}
		out.Close()
	})
	_ = out.SetReadDeadline(time.Now().Add(patience))
	p := &filesProcess{t: t, in: in, answers: bufio.NewReader(out)}
	if p.addr, err = net.ResolveTCPAddr("tcp", p.answer()); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *filesProcess) tell(command string) string {
	p.t.Helper()
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		p.t.Fatal(err)
	}
	return p.answer()
}

func (p *filesProcess) answer() string {
	p.t.Helper()
	line, err := p.answers.ReadString('\n')
	if err != nil {
		p.t.Fatalf("the server says nothing: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// serveWithFewFiles is the server's side.
func serveWithFewFiles(t *testing.T) {
	in, out := os.NewFile(3, "in"), os.NewFile(4, "out")
	limit := unix.Rlimit{Cur: 256, Max: 256}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var w way
	for _, w = range ways {
		if w.name == os.Getenv(filesChild) {
			break
		}
	}
	s := w.start(t, web.Options{})
	fmt.Fprintln(out, s.addr)
	var held []int
	for lines := bufio.NewScanner(in); lines.Scan(); {
		command, n := lines.Text(), 0
		answer := "ok"
		switch {
		case command == "publish":
			answer = s.publish(say("a", "x"))[0].ID
		case command == "streams":
			answer = fmt.Sprint(s.srv.Streams())
		case command == "online":
			answer = fmt.Sprint(s.online())
		case command == "files":
			answer = fmt.Sprint(openFiles())
		case command == "free":
			for _, fd := range held {
				_ = unix.Close(fd)
			}
			held = nil
		default:
			if _, err := fmt.Sscanf(command, "fill %d", &n); err != nil {
				t.Fatal(command)
			}
			for {
				fd, err := unix.FcntlInt(in.Fd(), unix.F_DUPFD_CLOEXEC, 0)
				if err != nil {
					break
				}
				held = append(held, fd)
			}
			for ; n > 0; n-- {
				_ = unix.Close(held[len(held)-1])
				held = held[:len(held)-1]
			}
		}
		fmt.Fprintln(out, answer)
	}
}
