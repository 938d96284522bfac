package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"rollcall/web/login"
)

func TestHashPasswordCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		input    string
		password string // "" is an error
		says     string
	}{
		"line":            {"correct horse\n", "correct horse", ""},
		"line of Windows": {"correct horse\r\n", "correct horse", ""},
		"no line end":     {"correct horse", "correct horse", ""},
		"one end alone":   {"correct horse\n\n", "correct horse\n", ""},
		"spaces":          {" correct horse \n", " correct horse ", ""},
		"empty":           {"", "", "the password is empty"},
		"empty line":      {"\n", "", "the password is empty"},
		"too long":        {strings.Repeat("x", 1025), "", "allowed are up to 1024"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, nil, "admin", "hash-password")
			cmd.Stdin = strings.NewReader(test.input)
			var out, told bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &told
			err := cmd.Run()
			if test.password == "" {
				if cmd.ProcessState.ExitCode() != 1 || out.Len() > 0 || !strings.Contains(told.String(), test.says) {
					t.Errorf("%v: printed %q and told %q", err, out.String(), told.String())
				}
				return
			}
			hash, rest, _ := strings.Cut(out.String(), "\n")
			if err != nil || rest != "" || told.Len() > 0 {
				t.Fatalf("%v: printed %q and told %q", err, out.String(), told.String())
			}
			accounts, err := login.NewAccounts([]login.Account{{Name: "ann", Role: login.Viewer, Hash: hash}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := accounts.Verify(t.Context(), "ann", []byte(test.password)); err != nil {
				t.Errorf("%q: %v", test.password, err)
			}
		})
	}
}

func TestHashPasswordHelp(t *testing.T) {
	t.Parallel()
	out, err := command(t, nil, "admin", "hash-password", "--help").Output()
	if err != nil || !bytes.Contains(out, []byte("Examples:\n  rollcall admin hash-password\n")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestReadPasswordEndsWithItsContext(t *testing.T) {
	t.Parallel()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt"))
	if _, err := readPassword(ctx, in, io.Discard); err == nil || !strings.Contains(err.Error(), "interrupt") {
		t.Errorf("got %v", err)
	}
	_ = out.Close() // so that the reading ends too
}
