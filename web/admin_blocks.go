package web

import (
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
)

// blocks paints /admin/blocks.
func (a *admin) blocks(v *visit) (func() screen, *fault) {
	v.frame.Section = "blocks"
	return func() screen {
		view := templates.BlocksView{AdminFrame: v.frame, ClientID: v.query.Get("clientId"), BaseURL: v.base}
		for _, b := range a.server.blocks.list() {
			if len(view.Rows) == 500 {
				break
			}
			view.Rows = append(view.Rows, blockRow(b))
		}
		return screen{body: templates.Blocks(view), parts: view.Fragments()}
	}, nil
}

func blockRow(b block) templates.BlockRow {
	return templates.BlockRow{
		Key: "block-" + keyOf(b.clientID), ClientID: b.clientID, Href: adminLink("clients", b.clientID),
		Since: b.since, Until: b.until, By: b.by, Refused: grouped(b.refused),
	}
}

// addBlock answers POST /admin/blocks.
func (a *admin) addBlock(c *gin.Context) {
	id := strings.TrimSpace(c.PostForm("clientId"))
	back := adminPath + "/blocks"
	d, ok := blockFor(c)
	switch {
	case id == "" || !isClientID(id):
		a.failed(c, "client.block", id, back, "Name a client; its id has 1 to 255 bytes of UTF-8 and no control characters.")
	case !ok:
		a.failed(c, "client.block", id, back, blockHelp)
	default:
		if err := a.server.keepAway(id, d, sessionOf(c).User); err != nil {
			a.failed(c, "client.block", id, back, err.Error())
			return
		}
		a.done(c, "client.block", id, "for "+lasting(d), back, "Blocked "+short(id, 60)+" for "+lasting(d)+".")
	}
}

// removeBlock answers POST /admin/blocks/remove.
func (a *admin) removeBlock(c *gin.Context) {
	id, back := c.PostForm("clientId"), adminPath+"/blocks"
	if !a.server.letBack(id) {
		a.failed(c, "client.unblock", id, back, "This client is not blocked.")
		return
	}
	a.done(c, "client.unblock", id, "", back, short(id, 60)+" may come back.")
}
