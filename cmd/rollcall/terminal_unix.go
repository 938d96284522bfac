//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// typingShows is told with each question where the terminal cannot be silenced.
const typingShows = ""

// silence has a terminal not show what is typed until restore is called. It leaves anything else alone.
func silence(in *os.File) (restore func(), terminal bool) {
	fd := int(in.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return func() {}, false
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	silent.Lflag |= unix.ICANON | unix.ISIG
	silent.Iflag |= unix.ICRNL
	if unix.IoctlSetTermios(fd, setTermios, &silent) != nil {
		return func() {}, true
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, true
}
