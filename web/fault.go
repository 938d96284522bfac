package web

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// fault is an answer that says what is wrong. The code is stable; the message is
// a safe sentence for people.
type fault struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

func (f *fault) Error() string { return f.Message }

// invalid is a 400 about one field of the request; message follows the field's name.
func invalid(code, field, format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, code, field + " " + fmt.Sprintf(format, args...), field}
}

// refusal is where the context of a request keeps the fault that ended it.
const refusal = "refusal"

// refuse ends the request with f.
func refuse(c *gin.Context, f *fault) {
	c.Set(refusal, f)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	c.AbortWithStatusJSON(f.status, gin.H{"error": f})
}

// recovery turns a panic into a 500 that tells nothing, and logs it.
func recovery(log *slog.Logger) gin.HandlerFunc {
	return gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, err any) {
		log.Error("panic in a handler", "path", c.FullPath(), "panic", fmt.Sprint(err))
		if c.Writer.Written() {
			c.Abort()
			return
		}
		refuse(c, &fault{http.StatusInternalServerError, "internal", "The server could not do this.", ""})
	})
}
