package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/web/auth"
)

// TestBackendKeepsToItsAnswers: whatever the backend answers, and whenever, a request is let in only by a valid answer to its own
// question that still counts, and the backend is asked only if there is none.
func TestBackendKeepsToItsAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 40).Draw(r, "steps")
		var wrong error
		synctest.Test(t, func(t *testing.T) { wrong = playSteps(t, steps) })
		if wrong != nil {
			r.Fatal(wrong)
		}
	})
}

// step is a question, and what the backend would answer to it.
type step struct {
	pause   time.Duration // before it
	session string
	status  int
	body    string // %s is the client
	age     int    // of Cache-Control
}

func drawStep(r *rapid.T) step {
	return step{
		time.Duration(rapid.IntRange(0, 20_000).Draw(r, "pause")) * time.Millisecond,
		fmt.Sprint("s", rapid.IntRange(0, 3).Draw(r, "session")),
		rapid.SampledFrom([]int{200, 200, 200, 401, 403, 500, 302, 204}).Draw(r, "status"),
		rapid.SampledFrom([]string{`{"clientId":"%s"}`, `{"clientId":"%s"}`, `["%s"]`, `{"clientId":"%s"`, `{"clientId":["%s"]}`}).Draw(r, "body"),
		rapid.IntRange(-1, 15).Draw(r, "max-age"),
	}
}

func playSteps(t *testing.T, steps []step) error {
	f := &fakeBackend{takes: time.Millisecond, header: http.Header{}}
	b := paced(t, f, 0, nil)
	defer b.Close()
	type answer struct {
		client string // "" for a refusal
		until  time.Time
	}
	model := map[string]answer{}
	for n, s := range steps {
		time.Sleep(s.pause)
		client := fmt.Sprint(s.session, " ", n)
		f.status, f.body = s.status, fmt.Sprintf(s.body, client)
		f.header.Set("Cache-Control", fmt.Sprint("max-age=", s.age))

		q := about(b, s.session)
		before, begun := f.asked.Load(), time.Now()
		g, remembered, err := b.Remembers(q)
		if !remembered {
			g, err = b.Ask(t.Context(), q)
		}
		want, counts := model[s.session]
		counts = counts && begun.Before(want.until)
		if asked := f.asked.Load() > before; asked == counts {
			return fmt.Errorf("step %d: asked is %t, and an answer counts is %t", n, asked, counts)
		}
		valid := s.status == 200 && s.body == `{"clientId":"%s"}` || s.status == 401 || s.status == 403
		if !counts {
			want = answer{}
			if s.status == 200 {
				want.client = client
			}
			if delete(model, s.session); valid && s.age > 0 {
				want.until = time.Now().Add(time.Duration(s.age) * time.Second)
				model[s.session] = want
			}
		}
		var failed *auth.BackendError
		switch {
		case !counts && !valid:
			if g != nil || !errors.As(err, &failed) {
				return fmt.Errorf("step %d: %d %s gives %+v, %v", n, f.status, f.body, g, err)
			}
		case want.client == "":
			if g != nil || !errors.Is(err, auth.ErrLogin) && !errors.Is(err, auth.ErrNotAllowed) {
				return fmt.Errorf("step %d: a refusal gives %+v, %v", n, g, err)
			}
		case err != nil || g.ClientID != want.client:
			return fmt.Errorf("step %d: %+v, %v, want %q", n, g, err, want.client)
		}
	}
	return nil
}
