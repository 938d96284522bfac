package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/reply"
)

// blockView is a block as the API shows it.
type blockView struct {
	ClientID string `json:"clientId"`
	Until    string `json:"until"`
	By       string `json:"by"`
}

// listBlocks answers GET /presence/blocks: the blocks that hold, the newest first.
func (a *API) listBlocks(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Listing the blocked clients"); f != nil {
		return f
	}
	views := []blockView{}
	for _, b := range a.node.Blocks.List() {
		views = append(views, blockView{b.ClientID, eventlog.Stamp(b.Until), b.By})
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
	if !a.node.LetBack(reply.PathParam(c, "clientId")) {
		return notBlocked
	}
	c.Status(http.StatusNoContent)
	return nil
}
