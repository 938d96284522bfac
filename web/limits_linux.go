package web

import (
	"net"

	"golang.org/x/sys/unix"
)

// tuneConn has the kernel give up on a peer that acknowledges nothing (RFC 5482).
func tuneConn(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
	})
}
