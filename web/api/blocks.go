package api

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// blockView is a block of a client or of a network as the API shows it.
type blockView struct {
	ClientID string `json:"clientId,omitempty"`
	Network  string `json:"network,omitempty"`
	Until    string `json:"until"`
	By       string `json:"by"`
}

// listBlocks answers GET /presence/blocks: the blocks that hold, the newest first.
func (a *API) listBlocks(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Listing the blocks"); f != nil {
		return f
	}
	views := []blockView{}
	for _, b := range a.node.Blocks.List() {
		view := blockView{ClientID: b.ClientID, Until: eventlog.Stamp(b.Until), By: b.By}
		if b.Network.IsValid() {
			view.Network = b.Target.String()
		}
		views = append(views, view)
	}
	reply.Answer(c, gin.H{"blocks": views})
	return nil
}

// block blocks a client or a network for the time that a request names.
func (a *API) block(of node.Target, text string) *reply.Fault {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > node.MaxBlock {
		return reply.Invalid("invalid_block", "block", "must be a time such as 30s, 10m or 24h, at most 8784h")
	}
	if err := a.node.KeepAway(of, d, "REST API", ""); err != nil {
		return reply.NewFault(http.StatusConflict, "too_many_blocks", err.Error())
	}
	return nil
}

// blockNetwork answers PUT /presence/blocks?network=&block=.
func (a *API) blockNetwork(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Blocking a network"); f != nil {
		return f
	}
	network, f := networkOf(c)
	if f == nil {
		f = a.block(node.Target{Network: network}, c.Query("block"))
	}
	if f == nil {
		c.Status(http.StatusNoContent)
	}
	return f
}

// networkOf returns the network that a request is about.
func networkOf(c *gin.Context) (netip.Prefix, *reply.Fault) {
	network, ok := node.ParseNetwork(c.Query("network"))
	if !ok {
		return network, reply.Invalid("invalid_network", "network", "must be an address or a network, such as 192.0.2.7, 10.1.2.0/24 or 2001:db8::/64")
	}
	return network, nil
}

var notBlocked = reply.NewFault(http.StatusNotFound, "not_blocked", "This client is not blocked.")

// unblock answers DELETE /presence/blocks/{clientId}.
func (a *API) unblock(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Lifting a block"); f != nil {
		return f
	}
	if !a.node.LetBack(node.Target{ClientID: reply.PathParam(c, "clientId")}) {
		return notBlocked
	}
	c.Status(http.StatusNoContent)
	return nil
}

var networkNotBlocked = reply.NewFault(http.StatusNotFound, notBlocked.Code, "This network is not blocked. GET /presence/blocks lists those that are.")

// unblockNetwork answers DELETE /presence/blocks?network=.
func (a *API) unblockNetwork(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Lifting a block"); f != nil {
		return f
	}
	network, f := networkOf(c)
	if f != nil {
		return f
	}
	if !a.node.LetBack(node.Target{Network: network}) {
		return networkNotBlocked
	}
	c.Status(http.StatusNoContent)
	return nil
}
