package admin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/hooks"
	"rollcall/web/reply"
)

// What the page shows of each endpoint, and how often it reads dead letters, which may be on another machine.
const (
	lettersShown  = 20
	attemptsShown = 40
	lettersEvery  = 5 * time.Second
	lettersWait   = 2 * time.Second
)

// webhooks paints /admin/webhooks.
func (a *Admin) webhooks(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "server"
	var letters []templates.MessageRow
	var read time.Time
	return func() renderedPage {
		view := templates.WebhooksView{AdminFrame: v.frame}
		h := a.opts.Hooks
		if h == nil {
			return renderedPage{body: templates.Webhooks(view), parts: view.Fragments()}
		}
		list := h.Endpoints()
		if time.Since(read) > lettersEvery {
			letters, read = a.deadLetters(list), time.Now()
		}
		view.Letters = letters
		for i := range list {
			view.Rows = append(view.Rows, webhookRow(&list[i]))
			for j, at := range h.Attempts(list[i].ID) {
				view.Attempts = append(view.Attempts, attemptRow(&list[i], &at, j))
			}
		}
		slices.SortStableFunc(view.Attempts, func(x, y templates.MessageRow) int { return y.At.Compare(x.At) })
		view.Attempts = view.Attempts[:min(len(view.Attempts), attemptsShown)]
		return renderedPage{body: templates.Webhooks(view), parts: view.Fragments()}
	}, nil
}

func webhookRow(st *hooks.Status) templates.WebhookRow {
	row := templates.WebhookRow{
		Key: "webhook-" + st.ID, ID: st.ID, URL: st.URL, Tone: "ok", Text: "Takes what it is sent.", Waiting: grouped(st.Waiting),
		Events: grouped(st.Delivered), Dead: grouped(st.Dead), LastOK: st.LastOK, Waits: !st.NextAt.IsZero(),
	}
	switch {
	case st.Failing > 0:
		row.Tone, row.Text = "bad", "Fails: "+st.LastErr+"."
	case !st.Held:
		row.Text = "Another server sends to it."
	case st.Lost > 0:
		row.Tone, row.Text = "warn", "Messages were dropped, as too many waited."
	case st.Dead > 0:
		row.Tone = "warn"
	case st.Attempts == 0:
		row.Text = "Nothing was sent yet."
	}
	return row
}

func attemptRow(st *hooks.Status, at *hooks.Attempt, n int) templates.MessageRow {
	took, unit := shortDuration(at.Took)
	row := templates.MessageRow{
		Key: fmt.Sprintf("attempt-%s-%d-%d", st.ID, at.At.UnixNano(), n), ID: st.ID, Value: strconv.FormatUint(at.Seq, 10), Message: at.ID, URL: st.URL,
		At: at.At, Events: grouped(at.Events), Answer: strconv.Itoa(at.Status), Tone: "ok", Took: took + " " + unit, Again: at.Seq > 0 && at.Body != nil,
	}
	if !at.OK() {
		row.Answer, row.Tone = strings.TrimPrefix(at.Err, "it answered "), "bad"
	}
	return row
}

// deadLetters returns the newest dead deadLetters of all endpoints.
func (a *Admin) deadLetters(list []hooks.Status) []templates.MessageRow {
	ctx, cancel := context.WithTimeout(context.Background(), lettersWait)
	defer cancel()
	var rows []templates.MessageRow
	for _, st := range list {
		letters, err := a.opts.Hooks.Letters(ctx, st.ID, lettersShown)
		if err != nil {
			a.opts.Log.Debug("the dead letters can't be read", "error", err)
		}
		for _, l := range letters {
			rows = append(rows, templates.MessageRow{
				Key: fmt.Sprintf("letter-%s-%d", st.ID, l.Seq), ID: st.ID, Value: strconv.FormatUint(l.Seq, 10), Message: l.ID, URL: st.URL,
				At: l.Buried, Events: grouped(l.Events), Answer: strings.TrimPrefix(l.Reason, "it answered "), Tone: "bad", Again: true,
			})
		}
	}
	slices.SortStableFunc(rows, func(x, y templates.MessageRow) int { return y.At.Compare(x.At) })
	return rows
}

// actOnWebhook applies an action to a form's endpoint and message, and reports the endpoint's answer.
func (a *Admin) actOnWebhook(c *gin.Context, action string, do func(h *hooks.Hooks, id string, seq uint64) (hooks.Answer, bool, error)) {
	id, back := c.PostForm("endpoint"), Path+"/webhooks"
	var number string
	if message := c.PostForm("message"); message != "" {
		id, number, _ = strings.Cut(message, " ")
	}
	seq, _ := strconv.ParseUint(number, 10, 64) // 0 is no message
	known, answer, err := false, hooks.Answer{}, error(nil)
	if a.opts.Hooks != nil {
		answer, known, err = do(a.opts.Hooks, id, seq)
	}
	switch {
	case err != nil:
		a.failed(c, action, id, back, "What webhooks have yet to be told can't be read now.")
	case !known:
		a.failed(c, action, id, back, "There is no such endpoint or message any more.")
	case !answer.OK():
		a.failed(c, action, id, back, "The endpoint did not take it: "+answer.Err+".")
	default:
		text := "The endpoint is tried at once."
		if answer.Status > 0 {
			text = fmt.Sprintf("The endpoint answered %d after %v.", answer.Status, cmp.Or(answer.Took.Round(time.Millisecond), time.Millisecond))
		}
		a.done(c, action, id, "", back, text)
	}
}

// webhookActions answers POST /admin/webhooks/….
func (a *Admin) webhookActions(act func(path, action string, do gin.HandlerFunc)) {
	on := func(name string, do func(ctx context.Context, h *hooks.Hooks, id string, seq uint64) (hooks.Answer, bool, error)) {
		act("/webhooks/"+name, "webhook."+name, func(c *gin.Context) {
			a.actOnWebhook(c, "webhook."+name, func(h *hooks.Hooks, id string, seq uint64) (hooks.Answer, bool, error) {
				return do(c.Request.Context(), h, id, seq)
			})
		})
	}
	on("test", func(ctx context.Context, h *hooks.Hooks, id string, _ uint64) (hooks.Answer, bool, error) {
		answer, known := h.Test(ctx, id)
		return answer, known, nil
	})
	on("retry", func(_ context.Context, h *hooks.Hooks, id string, _ uint64) (hooks.Answer, bool, error) {
		return hooks.Answer{}, h.Retry(id), nil
	})
	on("again", func(ctx context.Context, h *hooks.Hooks, id string, seq uint64) (hooks.Answer, bool, error) {
		answer, known := h.SendAgain(ctx, id, seq)
		return answer, known, nil
	})
	on("revive", func(ctx context.Context, h *hooks.Hooks, id string, seq uint64) (hooks.Answer, bool, error) {
		return h.Revive(ctx, id, seq)
	})
}
