package web

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// healthz says that the process is alive.
func (s *Server) healthz(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// readyz says whether new streams and events are welcome. Anybody may ask, so it does not name
// the reason, which may hold addresses and paths.
func (s *Server) readyz(c *gin.Context) {
	if why, leaving := s.leaving(); leaving {
		refuse(c, &fault{http.StatusServiceUnavailable, "draining", "The server takes no new streams. " + why.Text, ""})
		return
	}
	if !s.engineState().Ready {
		refuse(c, &fault{http.StatusServiceUnavailable, "store_unavailable", "The event store can't be used. The admin UI says why.", ""})
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": "ready"})
}
