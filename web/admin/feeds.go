package admin

import (
	"sync"

	"github.com/gin-gonic/gin"

	"rollcall/web/reply"
)

// How many live pages may be open at once, in all and of one user.
const (
	MaxFeeds     = 64
	maxUserFeeds = 16
)

// feeds counts the live pages. Its methods are safe for concurrent use.
type feeds struct {
	mu     sync.Mutex
	open   int
	byUser map[string]int
}

// acquire counts a page of the user, unless there are too many. release ends it.
func (x *feeds) acquire(c *gin.Context, user string) *reply.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f := x.full(c, user); f != nil {
		return f
	}
	if x.byUser == nil {
		x.byUser = make(map[string]int)
	}
	x.open++
	x.byUser[user]++
	return nil
}

func (x *feeds) release(user string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.open--
	if x.byUser[user]--; x.byUser[user] == 0 {
		delete(x.byUser, user)
	}
}

// check returns the fault that acquire would return, and counts nothing.
func (x *feeds) check(c *gin.Context, user string) *reply.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.full(c, user)
}

func (x *feeds) full(c *gin.Context, user string) *reply.Fault {
	switch {
	case x.byUser[user] >= maxUserFeeds:
		c.Header("Retry-After", "10")
		return tooManyPages
	case x.open >= MaxFeeds:
		c.Header("Retry-After", "10")
		return tooManyPagesInAll
	}
	return nil
}

// Count returns how many pages are open.
func (x *feeds) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.open
}
