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
	if state := s.engineState(); !state.Ready {
		refuse(c, &fault{http.StatusServiceUnavailable, "store_unavailable", "The event store can't be used: " + state.Reason + ".", ""})
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": "ready"})
}
