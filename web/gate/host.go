package gate

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// CheckHost refuses requests to an open server under a foreign name, and sends HSTS
// to browsers that use TLS.
func (k *Gate) CheckHost(c *gin.Context) {
	health := c.Request.Host == "" && (c.FullPath() == "/healthz" || c.FullPath() == "/readyz") // proxies' health checks send no Host
	if !health && k.opts.LoopbackOnly && k.Open() && !auth.LoopbackHost(c.Request.Host) {
		reply.Refuse(c, reply.NewFault(http.StatusForbidden, "foreign_host",
			"This server runs without credentials and therefore answers only as localhost. Configure credentials to serve others."))
		return
	}
	k.InsistOnTLS(c)
}

// InsistOnTLS sends HSTS to browsers that use TLS.
func (k *Gate) InsistOnTLS(c *gin.Context) {
	if k.opts.HSTS > 0 && k.From(c.Request).Scheme == "https" {
		c.Header("Strict-Transport-Security", "max-age="+strconv.Itoa(int(k.opts.HSTS.Seconds())))
	}
}
