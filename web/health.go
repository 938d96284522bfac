package web

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// healthz says that the process is alive.
func (s *Server) healthz(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// readyz says whether new streams and events are welcome.
func (s *Server) readyz(c *gin.Context) {
	if s.leaving() {
		refuse(c, &fault{http.StatusServiceUnavailable, "draining", "The server takes no new streams: it is draining or shutting down.", ""})
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": "ready"})
}
