//go:build !linux

package hub

import (
	"crypto/tls"
	"errors"
	"net"
)

// CanTakeOver is for Linux only; elsewhere every stream goes through net/http.
func (h *Hub) CanTakeOver(net.Conn) bool { return false }

// TakeOver is for Linux only.
func TakeOver(conn net.Conn, _ bool) (Transport, error) {
	return nil, errors.Join(errors.ErrUnsupported, conn.Close())
}

// TLSListener is [tls.NewListener].
func TLSListener(l net.Listener, config *tls.Config) net.Listener { return tls.NewListener(l, config) }

// poller is for Linux only.
type poller struct{}

func newPoller() *poller { return nil }

func (*poller) close() {}
