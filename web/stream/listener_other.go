//go:build !linux

package stream

func tuneSocket(uintptr) {}
