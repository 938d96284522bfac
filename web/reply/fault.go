package reply

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// Limited is the answer to requests over a rate limit.
func Limited(c *gin.Context, retry time.Duration, code, text string) *Fault {
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(max(retry, time.Second).Seconds()))))
	return NewFault(http.StatusTooManyRequests, code, text)
}

// Fault is an error answer. The code is stable; the message is a sentence without secrets.
type Fault struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

func (f *Fault) Error() string { return f.Message }

// NewFault returns a fault that is about no field.
func NewFault(status int, code, message string) *Fault {
	return &Fault{Status: status, Code: code, Message: message}
}

// Invalid is a 400 about one field of the request; message follows the field's name.
func Invalid(code, field, format string, args ...any) *Fault {
	return &Fault{Status: http.StatusBadRequest, Code: code, Message: field + " " + fmt.Sprintf(format, args...), Field: field}
}

// Handler serves requests with next, and answers with its fault, if any.
func Handler(next func(*gin.Context) *Fault) gin.HandlerFunc {
	return func(c *gin.Context) {
		if f := next(c); f != nil {
			Refuse(c, f)
		}
	}
}

// Refuse ends the request with f.
func Refuse(c *gin.Context, f *Fault) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Abort()
	c.PureJSON(f.Status, gin.H{"error": f})
}

// Recovery turns a panic into a 500 without details, and logs it.
func Recovery(log *slog.Logger) gin.HandlerFunc {
	return gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, err any) {
		log.Error("panic in a handler", "path", c.FullPath(), "panic", fmt.Sprint(err))
		if c.Writer.Written() {
			c.Abort()
			return
		}
		Refuse(c, NewFault(http.StatusInternalServerError, "internal", "The server failed to handle this request."))
	})
}
