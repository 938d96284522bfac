package gate

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// CheckHost refuses who reached an open server by a name that is not its own, and
// has browsers that came by TLS insist on it.
func (k *Gate) CheckHost(c *gin.Context) {
	if k.opts.LoopbackOnly && k.Open() && !auth.LoopbackHost(c.Request.Host) {
		reply.Refuse(c, reply.NewFault(http.StatusForbidden, "foreign_host",
			"This server runs without credentials and therefore answers only as localhost. Configure credentials to serve others."))
		return
	}
	k.InsistOnTLS(c)
}

// InsistOnTLS tells browsers that came by TLS to come by nothing else.
func (k *Gate) InsistOnTLS(c *gin.Context) {
	if k.opts.HSTS > 0 && k.From(c.Request).Scheme == "https" {
		c.Header("Strict-Transport-Security", "max-age="+strconv.Itoa(int(k.opts.HSTS.Seconds())))
	}
}
