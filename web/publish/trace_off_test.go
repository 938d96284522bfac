package publish

import (
	"net/http"
	"net/http/httptest"
	"rollcall/web/node"
	"testing"

	"github.com/gin-gonic/gin"
)

// What would be traced costs no allocation while nothing is.
func TestTraceOffAllocs(t *testing.T) {
	off := &Publisher{node: new(node.Node)}
	r := httptest.NewRequest(http.MethodPost, "/publish", nil)
	r.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = r
	if n := testing.AllocsPerRun(100, func() {
		off.beginSpan(c)
		off.endSpan(c, nil)
	}); n > 0 || c.Request != r {
		t.Errorf("%v allocations for a request", n)
	}
}
