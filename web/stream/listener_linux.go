package stream

import (
	"golang.org/x/sys/unix"
)

// tuneSocket has the kernel give up on a peer that acknowledges nothing
// (RFC 5482). It fails on what is no TCP socket, which is as well.
func tuneSocket(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
}
