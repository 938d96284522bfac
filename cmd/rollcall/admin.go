package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"rollcall/web/login"
)

// adminCmd contains the commands for setting up the admin pages.
type adminCmd struct {
	HashPassword hashPasswordCmd `cmd:"" help:"Turn a password into a hash for --admin-user."`
}

// hashPasswordCmd prints the hash of a password.
type hashPasswordCmd struct{}

// Help is shown below the command's sentence.
func (hashPasswordCmd) Help() string {
	return `Reads one password from standard input and prints its argon2id hash, for use in configuration files. On a terminal it asks twice and hides the input. A line end after the password is not part of it.`
}

// Examples is printed below the command's help.
func (hashPasswordCmd) Examples() string {
	return `
Examples:
  rollcall admin hash-password
      Ask for the password and print the hash.

  rollcall admin hash-password < password.txt > hash.txt
      Take the password from a file.`
}

// Run prints only the hash to standard output.
func (hashPasswordCmd) Run(ctx context.Context, k *kong.Kong) error {
	password, err := readPassword(ctx, os.Stdin, k.Stderr)
	if err != nil {
		return err
	}
	hash, err := login.HashPassword(password)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(k.Stdout, hash)
	return err
}

// readPassword reads a password from in: all of it or, if in is a terminal, what is typed twice without echo. Prompts
// go to prompt. It returns early if ctx ends.
func readPassword(ctx context.Context, in *os.File, prompt io.Writer) ([]byte, error) {
	fd := int(in.Fd())
	before, _ := term.GetState(fd) // nil if in is not a terminal
	type answer struct {
		password []byte
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		if before != nil {
			a.password, a.err = promptTwice(fd, prompt)
		} else {
			a.password, a.err = io.ReadAll(io.LimitReader(in, maxPasswordInput))
			a.password = stripLineEnd(a.password)
		}
		answers <- a
	}()
	select {
	case a := <-answers:
		return a.password, a.err
	case <-ctx.Done(): // the goroutine still waits for input; it ends with the process
		if before != nil {
			_ = term.Restore(fd, before)
			fmt.Fprintln(prompt)
		}
		return nil, fmt.Errorf("no password was read: %w", context.Cause(ctx))
	}
}

// maxPasswordInput limits the input; a longer password is refused anyway.
const maxPasswordInput = 4096

// promptTwice prompts twice on the terminal with this file descriptor and fails if the two entries differ.
func promptTwice(terminal int, prompt io.Writer) ([]byte, error) {
	var typed [2][]byte
	for i, question := range []string{"Password: ", "Repeat the password: "} {
		fmt.Fprint(prompt, question)
		line, err := term.ReadPassword(terminal)
		fmt.Fprintln(prompt)
		if err != nil {
			return nil, err
		}
		typed[i] = line
	}
	if !bytes.Equal(typed[0], typed[1]) {
		return nil, errors.New("the two passwords differ")
	}
	return typed[0], nil
}

// stripLineEnd removes one line end from the end of text.
func stripLineEnd(text []byte) []byte {
	if text, ok := bytes.CutSuffix(text, []byte("\r\n")); ok {
		return text
	}
	return bytes.TrimSuffix(text, []byte("\n"))
}
