package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/auth"
	"rollcall/web/reply"
)

const tokenPath = Path + "/token"

// tokenWait is how long a tried token may wait for its key to be fetched.
const tokenWait = 5 * time.Second

// tokenPage paints /admin/token.
func (a *Admin) tokenPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "audit"
	return func() renderedPage {
		return renderedPage{body: templates.TryToken(templates.TokenView{AdminFrame: v.frame, Verdict: v.verdict})}
	}, nil
}

// tryToken answers POST /admin/token with what the form's token allows. The token is neither stored nor logged.
func (a *Admin) tryToken(c *gin.Context) {
	text := strings.TrimSpace(c.PostForm("token"))
	ctx, cancel := context.WithTimeout(c.Request.Context(), tokenWait)
	defer cancel()
	verdict := a.verdict(ctx, text)
	detail := "accepted"
	if verdict.Problem != "" {
		detail = "not accepted: " + verdict.Problem
	}
	a.audited(c, "token.try", verdict.Name, "ok", detail)
	a.showScreen(c, sessionOf(c), http.StatusOK, a.tokenPage, func(v *pageRequest) { v.verdict = verdict })
}

// verdict says whether the server accepts a token or key, and what it allows.
func (a *Admin) verdict(ctx context.Context, text string) *templates.Verdict {
	if text == "" {
		return &templates.Verdict{Problem: "A token or an API key is required."}
	}
	if a.gate.Open() {
		return &templates.Verdict{Problem: "This server is open: it ignores credentials, and everybody may do everything."}
	}
	token := auth.Decode(text)
	v := &templates.Verdict{Algorithm: token.Algorithm, KeyID: token.KeyID, Claims: indented([]byte(token.Claims))}
	grant, err := a.gate.Try(ctx, text)
	switch {
	case errors.Is(err, auth.ErrKeyLater):
		v.Problem = "The keys for tokens could not be fetched now. Try again."
	case err != nil:
		v.Problem = sentence(err.Error())
	case grant.Kind == auth.Anonymous:
		v.Problem = "The backend of --authorize-url judges this credential."
	default:
		v.Kind, v.Name, v.ClientID, v.Info = grant.Kind.String(), grant.Name, grant.ClientID, string(grant.Info)
		v.Expires, v.Admin, v.NoChannels = grant.Expires, grant.Admin(), grant.NoChannels()
		subscribe, publish, history, presence := grant.Allowed()
		for _, may := range []templates.Allowed{
			{What: "Subscribe", Channels: subscribe.String()}, {What: "Publish", Channels: publish.String()},
			{What: "Read kept events", Channels: history.String()}, {What: "See members", Channels: presence.String()},
		} {
			may.Channels = reply.Short(may.Channels, 2000)
			v.Allowed = append(v.Allowed, may)
		}
		if b, blocked := a.node.Blocks.Of(grant.ClientID); blocked && grant.ClientID != "" {
			v.Problem = "The client " + grant.ClientID + " is blocked until " + b.Until.UTC().Format("2006-01-02 15:04:05 UTC") + "."
		}
	}
	return v
}

// sentence makes a sentence of an error.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
