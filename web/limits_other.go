//go:build !linux

package web

import "net"

func tuneConn(*net.TCPConn) {}
