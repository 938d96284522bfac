package admin

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/node"
)

func (a *Admin) drainView() templates.DrainView {
	why, ended := a.node.Ending()
	v := templates.DrainView{Rate: "50", Left: grouped(a.node.Streams()), Final: ended}
	if rate := a.node.Drainer.At(); rate > 0 {
		v.Draining, v.Rate = true, strconv.Itoa(rate)
		v.Text = "Ending " + grouped(rate) + " streams a second. New ones are refused, and /readyz answers 503."
	}
	if v.Final {
		v.Draining, v.Text = true, why.Text
	}
	return v
}

// drain answers POST /admin/server/drain.
func (a *Admin) drain(c *gin.Context) {
	back := Path + "/server"
	rate, err := strconv.Atoi(c.PostForm("rate"))
	if err != nil || rate < 1 || rate > node.MaxDrainRate {
		a.failed(c, "server.drain", "", back, drainHelp)
		return
	}
	a.node.Drainer.Start(rate)
	a.done(c, "server.drain", "", grouped(rate)+" a second", back, "Draining: "+grouped(rate)+" streams a second.")
}

// stopDrain answers POST /admin/server/drain/stop.
func (a *Admin) stopDrain(c *gin.Context) {
	back := Path + "/server"
	if !a.node.Drainer.Stop() {
		a.failed(c, "server.drain.stop", "", back, "The server is not being drained.")
		return
	}
	a.done(c, "server.drain.stop", "", "", back, "New streams are accepted again.")
}

var drainHelp = "The rate must be a whole number from 1 to " + grouped(node.MaxDrainRate) + "."
