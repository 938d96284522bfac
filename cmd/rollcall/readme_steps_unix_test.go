//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// console is a shell in a new home, in which a test follows the README.
type console struct {
	t       *testing.T
	address string // in place of the README's 127.0.0.1:9090
	dir     string
	in      io.Writer
	out     *bufio.Scanner
	files   int // outputs of commands in the background
}

func newConsole(t *testing.T) *console {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl on this machine")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, address: l.Addr().String(), dir: t.TempDir()}
	_ = l.Close()
	if err := os.Mkdir(filepath.Join(c.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(c.dir, "bin", "rollcall")); err != nil {
		t.Fatal(err)
	}
	sh := exec.Command("sh")
	sh.Dir = c.dir
	sh.Env = []string{
		"HOME=" + c.dir, "TMPDIR=" + c.dir, "PATH=" + os.Getenv("PATH"), asProgram + "=1", "GORACE=atexit_sleep_ms=0",
		"ROLLCALL_SERVER=http://" + c.address,
	}
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := sh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := sh.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	sh.Stderr = sh.Stdout
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewScanner(out)
	t.Cleanup(func() {
		_ = syscall.Kill(-sh.Process.Pid, syscall.SIGKILL) // the servers and streams in the background, too
		_ = sh.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	return c
}

// run runs a command and returns what it printed.
func (c *console) run(command string) string {
	c.t.Helper()
	command = strings.ReplaceAll(command, "127.0.0.1:9090", c.address)
	if _, err := fmt.Fprintf(c.in, "%s\necho; echo \"done $?\"\n", command); err != nil {
		c.t.Fatal(err)
	}
	var lines []string
	for c.out.Scan() {
		if line := c.out.Text(); strings.HasPrefix(line, "done ") {
			return strings.TrimSpace(strings.Join(lines, "\n"))
		}
		lines = append(lines, c.out.Text())
	}
	c.t.Fatalf("the shell ended after %q; it printed\n%s", command, strings.Join(lines, "\n"))
	return ""
}

// background runs a command that goes on, and returns a file with what it prints.
func (c *console) background(command string) string {
	c.t.Helper()
	c.files++
	file := fmt.Sprintf("out.%d", c.files)
	command, _, _ = strings.Cut(command, "    #")
	c.run(fmt.Sprintf("%s > %s 2>&1 &", strings.TrimRight(command, " &"), file))
	return filepath.Join(c.dir, file)
}

// wantIn waits until a file has the texts.
func (c *console) wantIn(file string, texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		until(c.t, fmt.Sprintf("%s has %q", filepath.Base(file), text), func() bool {
			got, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(got), text)
		})
	}
}

// serve starts a server in place of the one that runs.
func (c *console) serve(command string) {
	c.t.Helper()
	c.run("test -z \"$SERVER\" || { kill $SERVER; wait $SERVER; }")
	if strings.Contains(command, "--listen :9090") {
		command = strings.Replace(command, ":9090", c.address, 1)
	} else {
		command += " --listen " + c.address
	}
	file := c.background(command)
	c.run("SERVER=$!")
	client := patient(c.t)
	until(c.t, "the server is ready", func() bool {
		if ready(client, "http://"+c.address) == http.StatusOK {
			return true
		}
		if text, _ := os.ReadFile(file); strings.Contains(string(text), "rollcall: ") {
			c.t.Fatalf("%s printed\n%s", command, text)
		}
		return false
	})
}

// readmeCommands returns the README's commands in order, each with the output that follows it as a comment.
func readmeCommands(t *testing.T) (list [][2]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	command := ""
	for _, line := range regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(string(text), -1) {
		switch {
		case command == "" && strings.HasPrefix(line[1], "# "):
			if n := len(list) - 1; n >= 0 && list[n][1] == "" && strings.HasPrefix(line[1], "# {") {
				list[n][1] = strings.TrimPrefix(line[1], "# ")
			}
			continue
		case command != "":
			command += "\n"
		}
		command += line[1]
		if strings.Count(command, "'")%2 == 0 && !strings.HasSuffix(command, `\`) {
			list = append(list, [2]string{command, ""})
			command = ""
		}
	}
	return list
}

// The README is followed word for word in a new home. What can't be followed here is named.
func TestReadmeStepByStep(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	serve := func(command string) { c.serve(command) }
	elsewhere := func(string) {}
	var stream, room string // files
	steps := []struct {
		begins string
		follow func(command string)
		says   []string // nil where follow looks itself
	}{
		{"CGO_ENABLED=0 go build ", elsewhere, nil}, // the tests are built so
		{"bin/rollcall serve", serve, nil},
		{"docker build ", elsewhere, nil}, // docs/deploy
		{"docker run ", elsewhere, nil},
		{"make run ", func(string) { c.serve("bin/rollcall serve") }, nil},
		{"make test ", elsewhere, nil},
		{"curl -N ", func(command string) {
			stream = c.background(command)
			c.wantIn(stream, "event: registered", "event: presence")
		}, nil},
		{"curl http://127.0.0.1:9090/publish", nil, []string{`{"events":[{"channelName":"news","id":"`, `{"channelName":"chat","id":"`}},
		{"curl http://127.0.0.1:9090/presence/clients", func(command string) {
			c.wantIn(stream, `"payload":"hello"`, `"payload":{"who":"bob"}`)
			if got := c.run(command); !strings.Contains(got, `"clientId":"ann"`) {
				t.Errorf("online is %s", got)
			}
		}, nil},
		{"curl http://127.0.0.1:9090/presence/channels", nil, []string{`"channelName":"chat"`, `"channelName":"news"`}},
		{"curl 'http://127.0.0.1:9090/history", nil, []string{`"payload":"hello"`}},
		{"make run ARGS=", func(command string) {
			_, args, _ := strings.Cut(command, `ARGS="`)
			args, _, _ = strings.Cut(args, `"`)
			c.serve("bin/rollcall serve " + args)
			got := c.run("curl -si http://127.0.0.1:9090/presence/clients -H 'Origin: http://localhost:8000'")
			if !strings.Contains(got, "Access-Control-Allow-Origin: http://localhost:8000") {
				t.Errorf("pages are answered %s", got)
			}
		}, nil},
		{"python3 -m http.server", elsewhere, nil}, // web/clients has pages
		{"curl -N 'http://127.0.0.1:9090/events", func(command string) {
			stream = c.background(command)
			c.wantIn(stream, "id: ")
		}, nil},
		{"curl 'http://127.0.0.1:9090/events", nil, []string{`{"id":"`}},
		{"curl http://127.0.0.1:9090/messages", nil, []string{`"text":"hello"`}},
		{"curl -N 'http://127.0.0.1:9090/messages", func(command string) {
			room = c.background(command)
			c.wantIn(room, `{"text":"hello","user":"ann"`)
			c.wantIn(stream, "event: ORDER_SHIPPED", `"A-2111"`)
		}, nil},
		{"bin/rollcall subscribe ", func(command string) {
			stream = c.background(command)
			c.wantIn(stream, "registered", "presence")
		}, nil},
		{"bin/rollcall publish ", func(command string) {
			if got := c.run(command); !regexp.MustCompile(`^[a-z0-9]+-\d+$`).MatchString(got) {
				t.Errorf("publish printed %s", got)
			}
			c.wantIn(stream, `message  "hello"`)
		}, nil},
		{"bin/rollcall clients --watch", func(command string) {
			watch := c.background(command)
			c.wantIn(watch, "snapshot", " online")
		}, nil},
		{"bin/rollcall doctor ", elsewhere, nil}, // docs/recipes.md has it
		{"bin/rollcall serve --data", func(command string) {
			c.serve(command)
			id := c.run("bin/rollcall publish kept message 1")
			c.serve(command)
			if got := c.run("bin/rollcall history kept --json"); !strings.Contains(got, id) {
				t.Errorf("after a restart there is %s, want %s", got, id)
			}
		}, nil},
		{"bin/rollcall serve --nats", elsewhere, nil}, // the tests of clusters
		{"umask 077", nil, []string{""}},
		{"bin/rollcall key new ", nil, []string{"The first line is the key."}},
		{"head -1 key.txt", nil, []string{""}},
		{"tail -1 key.txt", nil, []string{""}},
		{"head -c 32 ", nil, []string{""}},
		{"ROLLCALL_JWT_SECRET=$(cat jwt.key) bin/rollcall serve ", serve, nil},
		{"curl http://127.0.0.1:9090/publish", nil, nil}, // as the README says
		{"curl http://127.0.0.1:9090/publish", nil, nil},
		{"TOKEN=", nil, []string{""}},
		{"curl -N ", func(command string) {
			stream = c.background(command)
			c.wantIn(stream, `\"clientId\":\"u1\"`, `\"payload\":\"hello\"`)
		}, nil},
	}
	commands := readmeCommands(t)
	for i, step := range steps {
		if i == len(commands) {
			t.Fatalf("the README has %d commands, want %q next", i, step.begins)
		}
		command, prints := commands[i][0], commands[i][1]
		if !strings.HasPrefix(command, step.begins) {
			t.Fatalf("command %d of the README is %q, want %q", i+1, command, step.begins)
		}
		if step.follow != nil {
			step.follow(command)
			continue
		}
		got := c.run(command + silently(command))
		for _, says := range step.says {
			if !strings.Contains(got, says) || says == "" && got != "" {
				t.Errorf("%s\nprinted %s, want %s", command, got, says)
			}
		}
		if step.says == nil && !saysThat(prints, got) {
			t.Errorf("%s\nprinted %s, the README says %s", command, got, prints)
		}
	}
	if len(commands) > len(steps) {
		t.Errorf("nobody follows %q", commands[len(steps):])
	}
	for _, name := range []string{"key.txt", "backend.key", "keys", "jwt.key"} {
		if info, err := os.Stat(filepath.Join(c.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// silently keeps curl from showing its progress, which it does where its output is no terminal.
func silently(command string) string {
	if strings.HasPrefix(command, "curl ") {
		return " -s"
	}
	return ""
}

// saysThat reports whether an output is what a document says, in which … is any text.
func saysThat(says, got string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(says), "…", ".*")
	return says != "" && regexp.MustCompile("^"+pattern+"$").MatchString(got)
}
