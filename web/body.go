package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// What the bodies of requests may take.
const (
	firstBytes   = 16 << 10  // reserved for a body before any of it arrives
	uselessBytes = 64 << 10  // of a body that nobody reads
	publishBytes = 256 << 20 // of all bodies of publishers at once; four bodies at the least
	requestBytes = 64 << 20  // of all bodies of subscribers at once; four bodies at the least
	formsBytes   = 64 << 20  // of all forms of the admin UI at once; four of the largest at the least
)

// body is a request's body. Its memory grows with what arrives, not with what the
// request's head announces, and counts against a quota until release.
type body struct {
	bytes.Buffer
	quota *quota
	held  int64
}

var bodies = sync.Pool{New: func() any { return new(body) }}

// newBody returns an empty body; release ends it.
func newBody(q *quota) *body {
	b := bodies.Get().(*body)
	b.quota = q
	return b
}

func (b *body) release() {
	b.quota.give(b.held)
	b.Reset()
	b.held, b.quota = 0, nil
	bodies.Put(b)
}

// errBodies says that the bodies of all requests take what they may.
var errBodies = errors.New("no room for a body")

// counted reads a body and counts what arrives.
type counted struct {
	io.Reader
	body *body
}

func (r counted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if !r.body.quota.take(int64(n)) {
		return 0, errBodies
	}
	r.body.held += int64(n)
	return n, err
}

// read reads a request's body of at most limit bytes.
func (b *body) read(c *gin.Context, limit int64) *fault {
	if f := checkBody(c, limit); f != nil {
		return f
	}
	b.Grow(int(min(max(c.Request.ContentLength, 0), firstBytes)) + bytes.MinRead)
	_, err := b.ReadFrom(counted{http.MaxBytesReader(c.Writer, c.Request.Body, limit), b})
	if errors.Is(err, errBodies) {
		return tooManyBodies(c)
	}
	return bodyFault(err, limit)
}

func tooManyBodies(c *gin.Context) *fault {
	c.Header("Connection", "close")
	return limited(c, time.Second, "too_many_bodies", "The bodies of all requests take as much memory as they may. Try again.")
}

// checkBody checks what a request's head says of its body.
func checkBody(c *gin.Context, limit int64) *fault {
	if enc := c.GetHeader("Content-Encoding"); enc != "" && enc != "identity" {
		return &fault{http.StatusUnsupportedMediaType, "unsupported_encoding", "The body must not be compressed.", ""}
	}
	if c.Request.ContentLength > limit {
		c.Header("Connection", "close")
		return bodyTooLarge(limit)
	}
	return nil
}

// bodyFault says why a body was not read.
func bodyFault(err error, limit int64) *fault {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return bodyTooLarge(limit)
	case err != nil:
		return &fault{http.StatusBadRequest, "incomplete_body", "The body could not be read to its end.", ""}
	}
	return nil
}

func bodyTooLarge(limit int64) *fault {
	return &fault{http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("The body is too large. It may have %d bytes.", limit), ""}
}

// dropBody discards the body of a request that should have none. Otherwise net/http
// waits for it in the midst of the answer, when no time is set for it any more.
func (s *Server) dropBody(c *gin.Context) {
	if c.Request.ContentLength == 0 || c.Request.Method == http.MethodPost {
		return
	}
	if f := checkBody(c, uselessBytes); f != nil {
		refuse(c, f)
		return
	}
	_, err := io.Copy(io.Discard, http.MaxBytesReader(c.Writer, c.Request.Body, uselessBytes))
	if f := bodyFault(err, uselessBytes); f != nil {
		refuse(c, f)
	}
}
