package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tab is an EventSource in a page. It belongs to one goroutine.
type tab struct {
	crowd     *Crowd
	person    *person
	transport *http.Transport // nil: HTTP/1
	chance    chance
	nth       int // of its person's tabs

	retry      time.Duration
	position   string // the last event ID
	remembered string // the position of the page before the reload
}

// Why a tab ends its connection.
var (
	errReload = errors.New("the page is loaded anew")
	errDrop   = errors.New("the connection is lost")
)

// run keeps a stream open until ctx ends or the server turns the tab away.
func (t *tab) run(ctx context.Context) {
	if t.nth > 0 && !pause(ctx, t.chance.between(0, time.Duration(t.nth)*4*time.Second)) {
		return
	}
	for again := false; ; again = true {
		why := t.follow(ctx, again)
		wait := t.retry
		switch {
		case errors.Is(why, errRefused):
			return
		case errors.Is(why, errReload):
			wait = t.chance.between(200*time.Millisecond, 1500*time.Millisecond)
			t.remembered, t.position = t.position, ""
			t.retry = 3 * time.Second
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// errRefused ends an EventSource for good.
var errRefused = errors.New("the server turned the tab away")

// follow opens a connection and reads it to its end, whose cause it returns.
func (t *tab) follow(ctx context.Context, again bool) error {
	if t.person.reload > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Second+t.chance.about(t.person.reload), errReload)
		defer cancel()
	}
	if t.person.drop > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Second+t.chance.about(t.person.drop), errDrop)
		defer cancel()
	}
	status, body, err := t.open(ctx)
	if err != nil {
		return ending(ctx, err)
	}
	defer body.Close()
	if status != http.StatusOK {
		return errRefused
	}
	t.crowd.streams.Add(1)
	if again {
		t.crowd.returns.Add(1)
	}
	if t.remembered != "" {
		t.crowd.reloads.Add(1)
		t.remembered = ""
	}
	var r io.Reader = body
	if t.person.slow {
		r = &slowReader{ctx, r, t.chance}
	}
	return ending(ctx, t.read(r))
}

// ending returns the cause of ctx's end, if it has ended, or else err.
func ending(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// moods change over time, as the presence info shows.
var moods = []string{"active", "active", "active", "away", "busy"}

// target is the path that the tab asks for.
func (t *tab) target() string {
	p := t.person
	q := url.Values{"channels": {strings.Join(p.channels, ",")}}
	if p.id != "" {
		q.Set("clientId", p.id)
		info := map[string]string{"name": p.name}
		if p.team != "" {
			info["team"], info["plan"], info["status"] = p.team, p.plan, pick(t.chance, moods)
		}
		text, _ := json.Marshal(info)
		q.Set("info", string(text))
	}
	if p.wants != "" {
		q.Set("presence", p.wants)
	}
	if t.remembered != "" {
		q.Set("lastEventId", t.remembered)
	}
	return "/subscribe?" + q.Encode()
}
