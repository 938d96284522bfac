package auth

import (
	"net/netip"
	"strings"
)

// LoopbackHost reports whether a request's Host names this machine to itself:
// localhost, a name below it, 127.0.0.0/8 or [::1], with any port. This excludes a
// page that points its own name here (DNS rebinding), and a proxy that passes on a
// public name.
func LoopbackHost(host string) bool {
	host, ok := cutPort(host)
	if !ok {
		return false
	}
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(host[1 : len(host)-1])
		return err == nil && addr.Is6() && addr.Zone() == "" && addr.Unmap().IsLoopback()
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Is4() && addr.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	below, ok := strings.CutSuffix(host, ".localhost")
	return host == "localhost" || ok && below != "" && !strings.ContainsFunc(below, notInHost)
}

// cutPort removes a port from a Host. The rest is not empty, and in brackets if it has colons.
func cutPort(host string) (string, bool) {
	name, port := host, ""
	if end := strings.LastIndexByte(host, ']'); strings.HasPrefix(host, "[") {
		if end < 2 {
			return "", false
		}
		name, port = host[:end+1], host[end+1:]
		if port != "" && port[0] != ':' {
			return "", false
		}
	} else if at := strings.IndexByte(host, ':'); at >= 0 {
		name, port = host[:at], host[at:]
	}
	port = strings.TrimPrefix(port, ":")
	return name, name != "" && len(port) <= 5 && strings.Trim(port, "0123456789") == ""
}

// notInHost matches characters that no host name has.
func notInHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}
