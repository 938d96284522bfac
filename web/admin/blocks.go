package admin

import (
	"strings"

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
	return templates.BlockRow{
		Key: "block-" + keyOf(b.ClientID), ClientID: b.ClientID, Href: adminLink("clients", b.ClientID),
		Since: b.Since, Until: b.Until, By: b.By, Refused: grouped(b.Refused),
	}
}

// addBlock answers POST /admin/blocks.
func (a *Admin) addBlock(c *gin.Context) {
	id := strings.TrimSpace(c.PostForm("clientId"))
	back := Path + "/blocks"
	d, ok := blockFor(c)
	switch {
	case id == "" || !reply.IsClientID(id):
		a.failed(c, "client.block", id, back, "A client id is required: 1 to 255 bytes of UTF-8 without control characters.")
	case !ok:
		a.failed(c, "client.block", id, back, blockHelp)
	default:
		if err := a.node.KeepAway(id, d, sessionOf(c).User); err != nil {
			a.failed(c, "client.block", id, back, err.Error())
			return
		}
		a.noteAct(c, "block", id, "")
		a.done(c, "client.block", id, "for "+durationText(d), back, "Blocked "+reply.Short(id, 60)+" for "+durationText(d)+".")
	}
}

// removeBlock answers POST /admin/blocks/remove.
func (a *Admin) removeBlock(c *gin.Context) {
	id, back := c.PostForm("clientId"), Path+"/blocks"
	if !a.node.LetBack(id) {
		a.failed(c, "client.unblock", id, back, "This client is not blocked.")
		return
	}
	a.noteAct(c, "unblock", id, "")
	a.done(c, "client.unblock", id, "", back, reply.Short(id, 60)+" may come back.")
}
