package api

import (
	"net/http"

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
	network, ok := node.ParseNetwork(c.Query("network"))
	if !ok {
		return reply.Invalid("invalid_network", "network", "must be an address or a network, such as 192.0.2.7, 10.1.2.0/24 or 2001:db8::/64")
	}
	if !a.node.LetBack(node.Target{Network: network}) {
		return networkNotBlocked
	}
	c.Status(http.StatusNoContent)
	return nil
}
