package node

import (
	"net/netip"
	"strings"

	"rollcall/hub"
	"rollcall/presence"
)

// ParseNetwork reads an address, or a network such as 10.1.2.0/24 or 2001:db8::/32. IPv4 addresses that are mapped to
// IPv6 are IPv4, as those of clients are.
func ParseNetwork(text string) (network netip.Prefix, ok bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), addr.Zone() == ""
	}
	network, err := netip.ParsePrefix(text)
	if err == nil && network.Addr().Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
	}
	return network.Masked(), err == nil
}

// NetworkText writes a network as ParseNetwork reads it: a single address without its length.
func NetworkText(network netip.Prefix) string {
	if network.IsSingleIP() {
		return network.Addr().String()
	}
	return network.String()
}

// RefusesAddr reports whether an address is in a blocked network, and counts the refusal.
func (b *Blocks) RefusesAddr(addr netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bits := range b.lengths {
		if network, err := addr.Prefix(bits); err == nil && b.refuses(Target{Network: network}) {
			return true
		}
	}
	return false
}

// refusesStream reports whether a stream must end, as its client or its network was blocked since it was asked for.
// host is its address.
func (b *Blocks) refusesStream(clientID, host string) bool {
	if _, blocked := b.Of(clientID); blocked {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && b.RefusesAddr(addr)
}

// networkMark begins a network's id among the shared entries. No client's id has it.
const networkMark = "\n"

// sharedID returns the target's id among the shared entries.
func (t Target) sharedID() string {
	if t.Network.IsValid() {
		return networkMark + t.Network.String()
	}
	return t.ClientID
}

// targetOf is the reverse of sharedID.
func targetOf(id string) Target {
	if text, marked := strings.CutPrefix(id, networkMark); marked {
		if network, ok := ParseNetwork(text); ok {
			return Target{Network: network}
		}
	}
	return Target{ClientID: id}
}

// endNetwork ends all streams of this server from a network.
func (n *Node) endNetwork(network netip.Prefix) {
	var streams []*Stream
	n.Registry.Each(func(r presence.Ref) {
		for _, c := range r.Connections() {
			if st, here := c.Handle.(*Stream); here && Within(network, c.RemoteAddr) {
				streams = append(streams, st)
			}
		}
	})
	for _, st := range streams {
		st.end(hub.Kicked)
	}
}

// Within reports whether a connection's address, whatever its zone, is in a network. The peer of a socket file is in none.
func Within(network netip.Prefix, host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && network.Contains(addr.Unmap().WithZone(""))
}
