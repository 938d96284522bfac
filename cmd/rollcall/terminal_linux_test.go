package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

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

func shows(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// asked calls back with each prompt.
type asked func(prompt string)

func (a asked) Write(p []byte) (int, error) {
	a(string(p))
	return len(p), nil
}

func TestPasswordOnATerminal(t *testing.T) {
	person, program := openTerminal(t)
	if !shows(t, program) {
		t.Fatal("a new terminal shows nothing")
	}
	got, err := readPassword(t.Context(), program, asked(func(prompt string) {
		if !strings.HasSuffix(prompt, ": ") {
			return
		}
		if shows(t, program) {
			t.Errorf("after %q it shows what is typed", prompt)
		}
		if _, err := person.WriteString("correct horse\n"); err != nil {
			t.Error(err)
		}
	}))
	if err != nil || !bytes.Equal(got, []byte("correct horse")) {
		t.Errorf("got %q, %v", got, err)
	}
	if !shows(t, program) {
		t.Error("it shows nothing any more")
	}
}

func TestSilenceLeavesOthersAlone(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	restore, terminal := silence(null)
	restore()
	if terminal {
		t.Error("/dev/null is taken for a terminal")
	}
}
