package gate

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/web/auth"
	"rollcall/web/reply"
)

// How many refused requests are remembered, among how many of the newest ones like requests count as one, and how long
// their texts may be.
const (
	AttemptsKept  = 500
	likeAttempts  = 16
	attemptText   = 300
	attemptClaims = 1 << 10
)

// Attempt is a request that was refused because of its credentials or for want of them, or several alike.
type Attempt struct {
	Seq      uint64       `json:"seq"` // of the first one
	First    time.Time    `json:"first"`
	Last     time.Time    `json:"last"`
	Count    int          `json:"count"`
	Addr     string       `json:"addr"`
	Method   string       `json:"method"`
	Path     string       `json:"path"` // without the query, which may have a token
	Identity string       `json:"identity,omitempty"`
	Status   int          `json:"status"`
	Code     string       `json:"code"`
	Reason   string       `json:"reason"`
	Token    auth.Decoded `json:"token"` // claims that nobody has checked, cut
}

// Attempts remembers the newest refused requests, without their credentials. The zero value is ready.
type Attempts struct {
	mu   sync.Mutex
	seq  uint64
	list []Attempt // the last refused one at the end, at most AttemptsKept
}

// attempted remembers a request that f refuses, and returns f.
func (k *Gate) attempted(c *gin.Context, who Caller, f *reply.Fault) *reply.Fault {
	short := func(text string, most int) string { return strings.Clone(reply.Short(text, most)) }
	at := Attempt{
		Addr: who.Host(), Method: short(c.Request.Method, 16), Path: short(c.Request.URL.Path, attemptText),
		Status: f.Status, Code: f.Code, Reason: short(f.Message, attemptText), Token: k.access.auth.Decode(c.Request),
	}
	if who.Grant != nil {
		at.Identity = short(who.Identity(), attemptText)
	}
	at.Token.Algorithm, at.Token.KeyID = short(at.Token.Algorithm, 32), short(at.Token.KeyID, 128)
	at.Token.Claims = short(at.Token.Claims, attemptClaims)
	k.Attempts.add(at, time.Now())
	return f
}

func (a *Attempts) add(one Attempt, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one.Last, one.Count = now, 1
	for i := len(a.list) - 1; i >= max(0, len(a.list)-likeAttempts); i-- {
		like := a.list[i]
		one.Seq, one.First, one.Last, one.Count = like.Seq, like.First, like.Last, like.Count
		if one == like {
			a.list = slices.Delete(a.list, i, i+1)
			one.Last, one.Count = now, like.Count+1
			a.list = append(a.list, one)
			return
		}
	}
	a.seq++
	one.Seq, one.First, one.Last, one.Count = a.seq, now, now, 1
	if len(a.list) == AttemptsKept {
		a.list = a.list[1:] // append copies the rest now and then, not each time
	}
	a.list = append(a.list, one)
}

// List returns at most n of the newest attempts that contain text, in any case, the newest first, and the count of all of them.
func (a *Attempts) List(text string, n int) (page []Attempt, total int) {
	text = strings.ToLower(text)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range slices.Backward(a.list) {
		if !at.mentions(text) {
			continue
		}
		if total++; len(page) < n {
			page = append(page, at)
		}
	}
	return page, total
}

func (at *Attempt) mentions(text string) bool {
	for _, s := range []string{at.Addr, at.Method + " " + at.Path, at.Identity, at.Code, at.Reason, at.Token.Algorithm, at.Token.KeyID, at.Token.Claims} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}

// Try returns what a credential would allow, if it is sent as Authorization: Bearer. It is neither stored nor counted.
func (k *Gate) Try(ctx context.Context, text string) (*auth.Grant, error) {
	return k.access.auth.Try(ctx, text)
}
