package stream

import (
	"golang.org/x/sys/unix"
)

// tuneSocket makes the kernel drop a peer that acknowledges nothing (RFC 5482). It has no effect on other sockets than
// TCP's.
func tuneSocket(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
}
