//go:build !linux

package hub

import (
	"crypto/tls"
	"errors"
	"net"
)

// Link is for Linux only.
func (h *Hub) Link(conn net.Conn, _ func(*Link) LinkUser) error {
	return errors.Join(errors.ErrUnsupported, conn.Close())
}

// TLS returns nil.
func (l *Link) TLS() *tls.Conn { return nil }

// Close does nothing.
func (l *Link) Close(bool) {}

func (l *Link) held() int { return len(l.out) }
func (l *Link) flush()    {}

type socket struct{}
