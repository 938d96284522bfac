package gate

import (
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"rollcall/web/reply"
)

// DropBody discards the body of a request that should have none. Otherwise net/http would wait for it during the
// answer, when it has no timeout any more.
func (k *Gate) DropBody(c *gin.Context) {
	switch method := c.Request.Method; {
	case c.Request.ContentLength == 0, method == http.MethodPost, c.FullPath() != "" && reads(method):
		return
	}
	if f := reply.CheckBody(c, reply.UselessBytes); f != nil {
		reply.Refuse(c, f)
		return
	}
	_, err := io.Copy(io.Discard, http.MaxBytesReader(c.Writer, c.Request.Body, reply.UselessBytes))
	if f := reply.BodyFault(err, reply.UselessBytes); f != nil {
		reply.Refuse(c, f)
	}
}

// reads reports whether the handlers of a method read the body.
func reads(method string) bool { return method == reply.MethodQuery || method == http.MethodPut }
