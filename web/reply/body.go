package reply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/web/totals"
)

// Memory limits of requests' bodies.
const (
	firstBytes   = 16 << 10  // reserved for a body before any of it arrives
	UselessBytes = 64 << 10  // of a body that nobody reads
	PublishBytes = 256 << 20 // of all bodies of publishers at once; four bodies at the least
	RequestBytes = 64 << 20  // of all bodies of subscribers at once; four bodies at the least
	FormsBytes   = 64 << 20  // of all forms of the admin UI at once; four of the largest at the least
)

// Body is a request's body. Its memory grows with the bytes received, not with the announced length, and counts
// against a quota until Release.
type Body struct {
	bytes.Buffer
	quota *totals.Quota
	held  int64
}

var bodies = sync.Pool{New: func() any { return new(Body) }}

// NewBody returns an empty body; release ends it.
func NewBody(q *totals.Quota) *Body {
	b := bodies.Get().(*Body)
	b.quota = q
	return b
}

func (b *Body) Release() {
	b.quota.Give(b.held)
	b.Reset()
	b.held, b.quota = 0, nil
	bodies.Put(b)
}

// ErrBodies means that the memory limit of all bodies is reached.
var ErrBodies = errors.New("no memory left for a body")

// Counting returns r; bytes read from it count as the body.
func (b *Body) Counting(r io.Reader) io.Reader { return counted{r, b} }

// counted reads a body and counts its bytes.
type counted struct {
	io.Reader
	body *Body
}

func (r counted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if !r.body.quota.Take(int64(n)) {
		return 0, ErrBodies
	}
	r.body.held += int64(n)
	return n, err
}

// Fill reads a request's body of at most limit bytes.
func (b *Body) Fill(c *gin.Context, limit int64) *Fault {
	if f := CheckBody(c, limit); f != nil {
		return f
	}
	b.Grow(int(min(max(c.Request.ContentLength, 0), firstBytes)) + bytes.MinRead)
	_, err := b.ReadFrom(counted{http.MaxBytesReader(c.Writer, c.Request.Body, limit), b})
	if errors.Is(err, ErrBodies) {
		return TooManyBodies(c)
	}
	return BodyFault(err, limit)
}

func TooManyBodies(c *gin.Context) *Fault {
	c.Header("Connection", "close")
	return Limited(c, time.Second, "too_many_bodies", "The bodies of all requests have reached their memory limit. Try again.")
}

// CheckBody checks the headers that describe a request's body.
func CheckBody(c *gin.Context, limit int64) *Fault {
	if enc := c.GetHeader("Content-Encoding"); enc != "" && enc != "identity" {
		return NewFault(http.StatusUnsupportedMediaType, "unsupported_encoding", "The body must not be compressed.")
	}
	if c.Request.ContentLength > limit {
		c.Header("Connection", "close")
		return bodyTooLarge(limit)
	}
	return nil
}

// BodyFault returns the fault for a body that could not be read.
func BodyFault(err error, limit int64) *Fault {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return bodyTooLarge(limit)
	case err != nil:
		return NewFault(http.StatusBadRequest, "incomplete_body", "The body could not be read completely.")
	}
	return nil
}

func bodyTooLarge(limit int64) *Fault {
	return NewFault(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("The body is too large. It may have %d bytes.", limit))
}
