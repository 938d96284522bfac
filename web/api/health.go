package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/web/reply"
)

// healthz reports that the process is alive.
func (a *API) healthz(c *gin.Context) { c.PureJSON(http.StatusOK, gin.H{"status": "ok"}) }

// readyz reports whether new streams and events are welcome. Anybody may ask, so it does not name
// the reason, which may hold addresses and paths.
func (a *API) readyz(c *gin.Context) *reply.Fault {
	if why, leaving := a.node.Leaving(); leaving {
		return reply.NewFault(http.StatusServiceUnavailable, "draining", "The server accepts no new streams. "+why.Text)
	}
	if !a.node.EngineState().Ready {
		return reply.NewFault(http.StatusServiceUnavailable, "store_unavailable", "The event store can't be used. See the admin UI for the reason.")
	}
	c.PureJSON(http.StatusOK, gin.H{"status": "ready"})
	return nil
}
