//go:build !linux

package h2

import (
	"errors"
	"net"
)

// hasPreface is for Linux only, as links are.
func (srv *Server) hasPreface(*net.TCPConn) (bool, error) { return false, errors.ErrUnsupported }
