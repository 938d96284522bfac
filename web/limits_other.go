//go:build !linux

package web

func tuneSocket(uintptr) {}
