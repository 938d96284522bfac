package admin

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// blocks paints /admin/blocks.
func (a *Admin) blocks(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "blocks"
	return func() renderedPage {
		view := templates.BlocksView{AdminFrame: v.frame, ClientID: v.query.Get("clientId"), BaseURL: v.base}
		for _, b := range a.node.Blocks.List() {
			if len(view.Rows) == 500 {
				break
			}
			view.Rows = append(view.Rows, blockRow(b))
		}
		return renderedPage{body: templates.Blocks(view), parts: view.Fragments()}
	}, nil
}

func blockRow(b node.Block) templates.BlockRow {
	row := templates.BlockRow{
		Key: "block-" + keyOf(b.ClientID), ClientID: b.ClientID, Href: adminLink("clients", b.ClientID),
		Since: b.Since, Until: b.Until, By: b.By, Reason: b.Reason, Refused: grouped(b.Refused),
	}
	if b.Network.IsValid() {
		row.Network = b.Target.String()
		row.Key, row.Href = "block-network-"+keyOf(row.Network), blockNetworkHref(row.Network)
	}
	return row
}

// block answers POST /admin/clients/{clientId}/block.
func (a *Admin) block(c *gin.Context) {
	id := argOf(c)
	a.blockClient(c, id, adminLink("clients", id), "Blocked")
}

// addBlock answers POST /admin/blocks.
func (a *Admin) addBlock(c *gin.Context) {
	id := strings.TrimSpace(c.PostForm("clientId"))
	back := Path + "/blocks"
	if id == "" || !reply.IsClientID(id) {
		a.failed(c, "client.block", id, back, "A client id is required: 1 to 255 bytes of UTF-8 without control characters.")
		return
	}
	a.blockClient(c, id, back, "Blocked "+reply.Short(id, 60))
}

const (
	blockHelp   = "The time of a block is such as 30s, 10m or 24h, at most 8784h."
	longestText = 200 // of a reason, in characters
)

// blockTimeOf returns how long a form's block is to last. It reports whether that is allowed.
func blockTimeOf(c *gin.Context) (d time.Duration, ok bool) {
	d, err := time.ParseDuration(c.PostForm("for"))
	return d, err == nil && d > 0 && d <= node.MaxBlock
}

// reasonOf returns the reason of a form, or what is wrong with it.
func reasonOf(c *gin.Context) (reason, wrong string) {
	reason = strings.TrimSpace(validUTF8(c.PostForm("reason")))
	if utf8.RuneCountInString(reason) > longestText {
		return "", "The reason may have 200 characters."
	}
	return reason, ""
}

// blockClient blocks a client as a form says, and offers to undo it.
func (a *Admin) blockClient(c *gin.Context, id, back, done string) {
	d, allowed := blockTimeOf(c)
	reason, wrong := reasonOf(c)
	switch {
	case !allowed:
		a.failed(c, "client.block", id, back, blockHelp)
		return
	case wrong != "":
		a.failed(c, "client.block", id, back, wrong)
		return
	}
	_, _, online := a.node.Registry.Client(id)
	if err := a.node.KeepAway(node.Target{ClientID: id}, d, sessionOf(c).User, reason); err != nil {
		a.failed(c, "client.block", id, back, err.Error())
		return
	}
	a.noteAct(c, "block", id, "")
	detail, text := "for "+durationText(d), done+" for "+durationText(d)+"."
	if reason != "" {
		detail += ": " + reason
	}
	if !online {
		text += " No client with this id was online."
	}
	a.audited(c, "client.block", id, "ok", detail)
	sessionOf(c).SetFlash("ok", text)
	sessionOf(c).SetUndo(below(adminLink("clients", id), "unblock"))
	reply.Redirect(c, back)
}

// unblock answers POST /admin/clients/{clientId}/unblock.
func (a *Admin) unblock(c *gin.Context) {
	id := argOf(c)
	back := adminLink("clients", id)
	if !a.node.LetBack(node.Target{ClientID: id}) {
		a.failed(c, "client.unblock", id, back, "This client is not blocked.")
		return
	}
	a.noteAct(c, "unblock", id, "")
	if !a.knows(id) {
		back = Path + "/blocks"
	}
	detail, text := "", "The client may reconnect."
	if c.PostForm("undo") != "" {
		detail, text = "undone", "The block is undone. The client may reconnect."
	}
	a.done(c, "client.unblock", id, detail, back, text)
}

// removeBlock answers POST /admin/blocks/remove.
func (a *Admin) removeBlock(c *gin.Context) {
	if network := cmp.Or(c.PostForm("network"), c.Query("network")); network != "" {
		a.unblockNetwork(c, network)
		return
	}
	id, back := c.PostForm("clientId"), Path+"/blocks"
	if !a.node.LetBack(node.Target{ClientID: id}) {
		a.failed(c, "client.unblock", id, back, "This client is not blocked.")
		return
	}
	a.noteAct(c, "unblock", id, "")
	a.done(c, "client.unblock", id, "", back, reply.Short(id, 60)+" may come back.")
}
