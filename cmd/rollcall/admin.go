package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"rollcall/web/login"
)

// adminCmd holds what helps to set up the admin pages.
type adminCmd struct {
	HashPassword hashPasswordCmd `cmd:"" help:"Turn a password into the hash that --admin-user takes."`
}

// hashPasswordCmd prints the hash of a password.
type hashPasswordCmd struct{}

// Help is shown below the command's sentence.
func (hashPasswordCmd) Help() string {
	return `Reads one password from standard input and prints its argon2id hash, which may stand in a configuration file where the password may not. On a terminal it asks twice and shows nothing. One line end behind the password is not part of it.`
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

// Run prints the hash alone to standard output.
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

// readPassword reads a password from in: all there is, or what is typed twice where in is a terminal. Prompts go to
// prompt. It ends with ctx.
func readPassword(ctx context.Context, in *os.File, prompt io.Writer) ([]byte, error) {
	restore, terminal := silence(in)
	defer restore()
	type answer struct {
		password []byte
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		if terminal {
			a.password, a.err = askTwice(in, prompt)
		} else {
			a.password, a.err = io.ReadAll(io.LimitReader(in, maxPasswordInput))
		}
		answers <- a
	}()
	select {
	case a := <-answers:
		return stripLineEnd(a.password), a.err
	case <-ctx.Done(): // the reading ends with the process
		if terminal {
			fmt.Fprintln(prompt)
		}
		return nil, fmt.Errorf("no password was read: %w", context.Cause(ctx))
	}
}

// maxPasswordInput is enough of the input to know that a password is too long.
const maxPasswordInput = 4096

// askTwice asks for a password until it is there twice, which is once: who mistypes begins again.
func askTwice(in io.Reader, prompt io.Writer) ([]byte, error) {
	var typed [2][]byte
	for i, question := range []string{"Password: ", "The same again: "} {
		fmt.Fprint(prompt, question+typingShows)
		line, err := readLine(in)
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

// readLine reads up to the end of a line and no further, as the next one is another answer.
func readLine(in io.Reader) ([]byte, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < maxPasswordInput; {
		n, err := in.Read(one)
		if n == 1 {
			line = append(line, one[0])
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if err == io.EOF || n == 1 && one[0] == '\n' {
			break
		}
	}
	return stripLineEnd(line), nil
}

// stripLineEnd takes one line end off the end.
func stripLineEnd(text []byte) []byte {
	if text, ok := bytes.CutSuffix(text, []byte("\r\n")); ok {
		return text
	}
	return bytes.TrimSuffix(text, []byte("\n"))
}
