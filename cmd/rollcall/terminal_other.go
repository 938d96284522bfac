//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package main

import "os"

// typingShows is told with each question where the terminal cannot be silenced.
const typingShows = "(what you type shows here) "

// silence tells whether in is a terminal, near enough; it goes on to show what is typed.
func silence(in *os.File) (restore func(), terminal bool) { return func() {}, isTerminal(in) }
