package reply

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// AnswerAs is [Answer] with another status.
func AnswerAs(c *gin.Context, status int, body any) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	c.PureJSON(status, body)
}

// Answer sends JSON that is true now and should not be kept.
func Answer(c *gin.Context, body any) { AnswerAs(c, http.StatusOK, body) }

// AnswerText is answer for JSON that is written already. Like all answers it ends with a line end, for terminals.
func AnswerText(c *gin.Context, body []byte) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	body = append(body, '\n')
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Data(http.StatusOK, "application/json; charset=utf-8", body)
}
