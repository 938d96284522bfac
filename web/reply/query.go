package reply

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// LimitParam returns the query's limit, at least 1; larger values are cut to most.
func LimitParam(c *gin.Context, usual, most int) (int, *Fault) {
	return CountParam(c, "limit", usual, most)
}

// CountParam is LimitParam for a parameter of another name.
func CountParam(c *gin.Context, name string, usual, most int) (int, *Fault) {
	text := c.Query(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, Invalid("invalid_limit", name, "must be a whole number from 1 to %d", most)
	}
	return min(n, most), nil
}

// PathParam returns a part of the path as it was meant: Gin's own unescaping is
// that of queries, which takes "+" for a space.
func PathParam(c *gin.Context, name string) string {
	value, _ := url.PathUnescape(c.Param(name)) // net/url has checked it
	return value
}

// Limits on a subscriber's own data, in bytes.
const (
	MaxClientID = 255
	MaxInfo     = 1 << 10
)

// ParseQuery returns the request's query, which Gin would take bad parts of for missing.
func ParseQuery(c *gin.Context) (url.Values, *Fault) {
	q, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, NewFault(http.StatusBadRequest, "invalid_query", "The query is not well-formed; write % as %25, ; as %3B.")
	}
	return q, nil
}

// IsClientID reports whether a client may have this id.
func IsClientID(id string) bool {
	return len(id) <= MaxClientID && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}
