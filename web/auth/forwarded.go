package auth

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many proxies stand between a client and the server.
const maxHops = 32

// unixPeers in a list of trusted proxies means all peers of a unix socket.
const unixPeers = "unix"

// TrustedProxies are the proxies whose forwarding headers are used. The zero value has none.
type TrustedProxies struct {
	networks []netip.Prefix
	unix     bool
}

// ParseTrusted reads a list of addresses and networks in CIDR form. "unix" trusts
// all connections to a socket file.
func ParseTrusted(list ...string) (TrustedProxies, error) {
	var t TrustedProxies
	for _, text := range list {
		if text == unixPeers {
			t.unix = true
			continue
		}
		network, err := netip.ParsePrefix(text)
		if addr, ok := parseAddr(text); ok {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return TrustedProxies{}, fmt.Errorf("%q is not an address or network; write for example 10.0.0.0/8, 192.0.2.1, ::1 or unix", text)
		}
		if network.Addr().Is4In6() {
			if network.Bits() < 96 {
				return TrustedProxies{}, fmt.Errorf("%q mixes IPv4 and IPv6; write two networks", text)
			}
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
		}
		t.networks = append(t.networks, network.Masked())
	}
	return t, nil
}

// trusts reports whether an address is that of a trusted proxy. The invalid address
// is the peer of a socket file.
func (t TrustedProxies) trusts(addr netip.Addr) bool {
	if !addr.IsValid() {
		return t.unix
	}
	for _, network := range t.networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// Source is the origin of a request.
type Source struct {
	Addr   netip.Addr // without a zone, IPv4 not mapped; invalid for the peer of a unix socket
	Scheme string     // http or https
	Host   string     // the requested host, as sent
}

// ClientAddr returns the address of a request's client.
//
// It reads the headers from the right, where the nearest proxy appended its entry, past all trusted proxies: the first
// untrusted address is the client's. If an entry is "unknown", obfuscated or malformed, the result is the proxy that
// wrote it.
//
// X-Forwarded-For has precedence over Forwarded. Nearly every proxy writes the former, and many pass on the latter
// unchanged, so it could be the client's own. A proxy that writes only Forwarded must drop X-Forwarded-For.
func (t TrustedProxies) ClientAddr(r *http.Request) Source {
	s := Source{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		s.Scheme = "https"
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		s.Addr = peer.Addr().Unmap().WithZone("")
	} else if !isSocketFile(r.RemoteAddr) {
		return s
	}
	if !t.trusts(s.Addr) {
		return s
	}
	plain, standard := r.Header["X-Forwarded-For"], r.Header["Forwarded"]
	if len(plain) > 0 || len(standard) == 0 {
		s.setOrigin(lastWord(r.Header["X-Forwarded-Proto"]), lastWord(r.Header["X-Forwarded-Host"]))
		for hops := words(plain); t.trusts(s.Addr) && hops.next() && s.follow(hops.word); {
		}
		return s
	}
	for hops := words(standard); t.trusts(s.Addr) && hops.next(); {
		e, ok := parseElement(hops.word)
		if s.setOrigin(e.proto, e.host); !ok || !s.follow(e.node) {
			break
		}
	}
	return s
}

// follow goes on to the address that a proxy names.
func (s *Source) follow(node string) bool {
	addr, ok := parseNode(node)
	if ok {
		s.Addr = addr
	}
	return ok
}

// setOrigin sets scheme and host from a proxy's entry, if they are valid.
func (s *Source) setOrigin(scheme, host string) {
	if scheme = strings.ToLower(scheme); scheme == "http" || scheme == "https" {
		s.Scheme = scheme
	}
	if validHost(host) {
		s.Host = host
	}
}

// isSocketFile reports whether RemoteAddr is that of a socket file's peer, which has
// no name or the socket's.
func isSocketFile(remote string) bool {
	return remote == "" || remote == "@" || strings.HasPrefix(remote, "/") || strings.HasPrefix(remote, "@")
}

// validHost reports whether text has the form of a Host.
func validHost(text string) bool {
	name, ok := cutPort(text)
	if !ok || len(name) > 255 {
		return false
	}
	if strings.HasPrefix(name, "[") {
		_, ok := parseAddr(name[1 : len(name)-1])
		return ok
	}
	return !strings.ContainsFunc(name, notInHost)
}

// parseAddr reads an address without a zone.
func parseAddr(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	return addr.Unmap(), err == nil && addr.Zone() == ""
}

// parseNode reads an address as proxies write it: with or without a port, IPv6
// with or without brackets.
func parseNode(text string) (netip.Addr, bool) {
	if addr, ok := parseAddr(text); ok {
		return addr, true
	}
	if rest, ok := strings.CutPrefix(text, "["); ok {
		inner, port, ok := strings.Cut(rest, "]")
		addr, err := netip.ParseAddr(inner)
		return addr.Unmap(), ok && err == nil && addr.Is6() && addr.Zone() == "" && validPort(port)
	}
	host, port, _ := strings.Cut(text, ":")
	addr, err := netip.ParseAddr(host)
	return addr, err == nil && addr.Is4() && validPort(":"+port)
}

// validPort reports whether text is nothing, or a colon and a port: digits, or an
// obfuscated one (RFC 7239).
func validPort(text string) bool {
	port, ok := strings.CutPrefix(text, ":")
	if text == "" || !ok {
		return text == ""
	}
	if name, ok := strings.CutPrefix(port, "_"); ok {
		return name != "" && !strings.ContainsFunc(name, notInHost)
	}
	return port != "" && len(port) <= 5 && strings.Trim(port, "0123456789") == ""
}
