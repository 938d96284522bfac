package admin

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// networkPath is the page that shows whom a block of a network is about, before it happens.
const networkPath = Path + "/blocks/network"

// Networks with shorter prefixes are blocked only when that is confirmed: 65,536 IPv4 addresses, and the IPv6 network of
// a whole provider.
const (
	widestIPv4 = 16
	widestIPv6 = 32
)

const networkHelp = "An address or a network is required, such as 192.0.2.7, 10.1.2.0/24 or 2001:db8::/64."

// blockNetworkHref returns the page that blocks a network.
func blockNetworkHref(network string) string { return networkPath + "?network=" + queryEscape(network) }

// within is what a network has: its clients, and their connections from it.
type within struct {
	clients []networkClient // by id
	conns   int
	servers map[string]bool
}

type networkClient struct {
	id    string
	conns int
	rank  int // 1 for a client whose id the server gave
}

func (a *Admin) within(network netip.Prefix) within {
	w := within{servers: make(map[string]bool)}
	a.node.Registry.Each(func(r presence.Ref) {
		conns := 0
		for _, c := range r.Connections() {
			if node.Within(network, c.RemoteAddr) {
				w.servers[c.Node] = true
				conns++
			}
		}
		if conns > 0 {
			w.clients = append(w.clients, networkClient{r.ID(), conns, rankOf(r.Connections())})
			w.conns += conns
		}
	})
	slices.SortFunc(w.clients, func(x, y networkClient) int { return cmp.Or(cmp.Compare(x.rank, y.rank), natural(x.id, y.id)) })
	return w
}

// rows are the first clients.
func (w *within) rows(a *Admin) (rows []templates.MemberRow) {
	for _, one := range w.clients[:min(len(w.clients), selectedShown)] {
		row := templates.MemberRow{Key: "marked-" + keyOf(one.id), ClientID: one.id, Info: plural(one.conns, "connection"), Href: adminLink("clients", one.id)}
		if c, _, online := a.node.Registry.Client(one.id); online {
			row.Name, _ = described(c.Info)
		}
		rows = append(rows, row)
	}
	return rows
}

// size says how many connections, clients and servers there are.
func (w *within) size() string {
	text := plural(w.conns, "connection") + " of " + plural(len(w.clients), "client")
	if len(w.servers) > 1 {
		text += " on " + plural(len(w.servers), "server")
	}
	return text
}

// dangers says why a block of a network needs a confirmation. from is the operator's own address.
func (a *Admin) dangers(network netip.Prefix, w *within, from netip.Addr) (list []string) {
	if network.Contains(from) {
		list = append(list, "Your own address, "+from.String()+", is in it. The admin UI stays open to you; streams and requests of the API are refused.")
	}
	if widest := map[bool]int{true: widestIPv4, false: widestIPv6}[network.Addr().Is4()]; network.Bits() < widest {
		list = append(list, "It is wider than /"+grouped(widest)+", so it may have clients that you don't mean.")
	}
	if _, all, _, _ := a.node.Registry.Totals(); w.conns == all && all > 1 {
		list = append(list, "All open connections come from it. It may be the address of a proxy: see --trusted-proxy.")
	}
	return list
}

// network paints /admin/blocks/network.
func (a *Admin) network(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section, v.frame.Live = "blocks", ""
	view := templates.NetworkView{AdminFrame: v.frame, Network: strings.TrimSpace(v.query.Get("network"))}
	network, ok := node.ParseNetwork(view.Network)
	if !ok {
		if view.Network != "" {
			view.Error = networkHelp
		}
		return func() renderedPage { return renderedPage{body: templates.Network(view)} }, nil
	}
	w := a.within(network)
	view.Network, view.Found = node.NetworkText(network), true
	view.Size, view.Rows = w.size(), w.rows(a)
	view.More = len(w.clients) - len(view.Rows)
	view.Clients = clientsWith("", termText("addr", view.Network))
	view.Dangers = a.dangers(network, &w, v.from)
	return func() renderedPage { return renderedPage{body: templates.Network(view)} }, nil
}

// blockNetwork answers POST /admin/blocks/network.
func (a *Admin) blockNetwork(c *gin.Context) {
	const action = "network.block"
	given := strings.TrimSpace(c.PostForm("network"))
	network, ok := node.ParseNetwork(given)
	back := blockNetworkHref(given)
	if !ok {
		a.failed(c, action, given, back, networkHelp)
		return
	}
	name := node.NetworkText(network)
	d, allowed := blockTimeOf(c)
	reason, wrong := reasonOf(c)
	w := a.within(network)
	dangers := a.dangers(network, &w, a.gate.From(c.Request).Addr)
	switch {
	case !allowed:
		a.failed(c, action, name, back, blockHelp)
		return
	case wrong != "":
		a.failed(c, action, name, back, wrong)
		return
	case len(dangers) > 0 && c.PostForm("confirm") == "":
		a.failed(c, action, name, back, "Not blocked, as that was not confirmed. "+dangers[0])
		return
	}
	if err := a.node.KeepAway(node.Target{Network: network}, d, sessionOf(c).User, reason); err != nil {
		a.failed(c, action, name, back, err.Error())
		return
	}
	for _, one := range w.clients[:min(len(w.clients), mostSelected)] {
		a.noteAct(c, "kick", one.id, "")
	}
	detail := "for " + durationText(d) + ", " + w.size()
	if reason != "" {
		detail += ": " + reason
	}
	a.audited(c, action, name, "ok", detail)
	sessionOf(c).SetFlash("ok", "Blocked "+name+" for "+durationText(d)+", which had "+w.size()+".")
	sessionOf(c).SetUndo(Path + "/blocks/remove?network=" + queryEscape(name))
	reply.Redirect(c, Path+"/blocks")
}

// unblockNetwork ends the block of a network.
func (a *Admin) unblockNetwork(c *gin.Context, given string) {
	const action, back = "network.unblock", Path + "/blocks"
	network, ok := node.ParseNetwork(given)
	if !ok || !a.node.LetBack(node.Target{Network: network}) {
		a.failed(c, action, given, back, "This network is not blocked.")
		return
	}
	detail := ""
	if c.PostForm("undo") != "" {
		detail = "undone"
	}
	name := node.NetworkText(network)
	a.done(c, action, name, detail, back, name+" may connect again.")
}
