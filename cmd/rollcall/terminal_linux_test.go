package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a new terminal: the one that a person types into and the program's.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	person = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// echoes reports whether the terminal shows what is typed.
func echoes(t testing.TB, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// typist types the next line at each prompt, once the terminal has stopped to show it.
type typist struct {
	t               *testing.T
	person, program *os.File
	lines           []string
	asked           strings.Builder
	typing          sync.WaitGroup
}

func (p *typist) Write(text []byte) (int, error) {
	if p.asked.Write(text); !strings.HasSuffix(string(text), ": ") || len(p.lines) == 0 {
		return len(text), nil
	}
	line := p.lines[0]
	p.lines = p.lines[1:]
	p.typing.Go(func() {
		for p.t.Context().Err() == nil && echoes(p.t, p.program) {
			runtime.Gosched()
		}
		if _, err := p.person.WriteString(line); err != nil {
			p.t.Error(err)
		}
	})
	return len(text), nil
}

func TestPasswordOnATerminal(t *testing.T) {
	for name, test := range map[string]struct {
		lines    []string
		password string
		fails    string
	}{
		"twice":     {[]string{"correct horse\n", "correct horse\n"}, "correct horse", ""},
		"different": {[]string{"correct\n", "Correct\n"}, "", "the two passwords differ"},
		"corrected": {[]string{"corx\x7frect\n", "correct\n"}, "correct", ""},
	} {
		t.Run(name, func(t *testing.T) {
			person, program := openTerminal(t)
			if !echoes(t, program) {
				t.Fatal("a new terminal does not echo")
			}
			p := &typist{t: t, person: person, program: program, lines: test.lines}
			got, err := readPassword(t.Context(), program, p)
			p.typing.Wait()
			if string(got) != test.password || (err == nil) != (test.fails == "") || err != nil && err.Error() != test.fails {
				t.Errorf("got %q, %v", got, err)
			}
			if want := "Password: \nRepeat the password: \n"; p.asked.String() != want {
				t.Errorf("asked %q, want %q", p.asked.String(), want)
			}
			if !echoes(t, program) {
				t.Error("the terminal does not echo any more")
			}
		})
	}
}

func TestInterruptedPasswordLeavesTheTerminalAsItWas(t *testing.T) {
	person, program := openTerminal(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for t.Context().Err() == nil && echoes(t, program) {
			runtime.Gosched()
		}
		cancel(errors.New("interrupt"))
	}()
	told := make(prompts, 8)
	if _, err := readPassword(ctx, program, told); err == nil || !strings.Contains(err.Error(), "interrupt") {
		t.Errorf("got %v", err)
	}
	if !echoes(t, program) {
		t.Error("the terminal does not echo any more")
	}
	_, _ = person.WriteString("x\nx\n") // ends the goroutine that still reads
	for _, want := range []string{"Password: ", "\n", "\n", "Repeat the password: ", "\n"} {
		if got := <-told; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}

// prompts carries what is written to it.
type prompts chan string

func (p prompts) Write(text []byte) (int, error) {
	p <- string(text)
	return len(text), nil
}

// A null device is a character device without a reader.
func TestNullDeviceIsNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) {
		t.Error("the null device is taken for a terminal")
	}
	if _, program := openTerminal(t); !isTerminal(program) {
		t.Error("a terminal is not recognised")
	}
}

// On a terminal the password that was made is printed, and no file is written.
func TestPasswordIsPrintedOnATerminal(t *testing.T) {
	t.Parallel()
	person, program := openTerminal(t)
	dir := t.TempDir()
	cmd := command(t, []string{"TMPDIR=" + dir}, "serve", "--listen=127.0.0.1:0")
	cmd.Stderr = program
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = program.Close() // the reading ends with the program
	printed := false
	for lines := bufio.NewScanner(person); !printed && lines.Scan(); {
		words := strings.Fields(lines.Text())
		printed = len(words) == 2 && words[0] == "Password"
	}
	if files, _ := os.ReadDir(dir); !printed || len(files) > 0 {
		t.Errorf("it is printed: %v; the files are %v", printed, files)
	}
	go func() { _, _ = io.Copy(io.Discard, person) }()
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
