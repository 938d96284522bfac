package auth_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/web/auth"
)

// fakeBackend answers questions within a bubble of synctest, which has no network.
type fakeBackend struct {
	takes  time.Duration // to answer
	hold   chan struct{} // answers wait for it to be closed; nil: they don't
	status int
	body   string
	header http.Header

	asked, now, most atomic.Int64
	mu               sync.Mutex
	times            []time.Time
}

func (f *fakeBackend) RoundTrip(r *http.Request) (*http.Response, error) {
	f.asked.Add(1)
	for now := f.now.Add(1); ; {
		if most := f.most.Load(); now <= most || f.most.CompareAndSwap(most, now) {
			break
		}
	}
	defer f.now.Add(-1)
	f.mu.Lock()
	f.times = append(f.times, time.Now())
	f.mu.Unlock()
	select {
	case <-f.hold:
	case <-time.After(f.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: f.status, Header: f.header, Body: io.NopCloser(strings.NewReader(f.body)), Request: r}, nil
}

// about is the question about a session.
func about(b *auth.Backend, session string) *auth.Question {
	r := httptest.NewRequest("GET", "/subscribe", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: session})
	return b.Question(r, []string{"news"}, "", "192.0.2.1")
}

func paced(t testing.TB, f *fakeBackend, rate int, log *slog.Logger) *auth.Backend {
	t.Helper()
	b, err := auth.NewBackend(auth.BackendOptions{
		URL: "http://backend/authorize", Cookies: []string{"session"}, Rate: rate, Client: &http.Client{Transport: f}, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An answer counts as long as its Cache-Control says, within bounds; five seconds without one. Refusals count as well.
func TestBackendRemembersAnswers(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) string { return fmt.Sprintf(`,"expires":%d`, time.Now().Add(d).Unix()) }
	for _, tt := range []struct {
		name, control string
		expires       time.Duration
		status        int
		counts        time.Duration
	}{
		{"usual", "", 0, 200, 5 * time.Second},
		{"max-age", "private, max-age=30", 0, 200, 30 * time.Second},
		{"quoted", `max-age="7"`, 0, 200, 7 * time.Second},
		{"upper case", "Max-Age=7", 0, 200, 7 * time.Second},
		{"bounded", "max-age=86400", 0, 200, 5 * time.Minute},
		{"zero", "max-age=0", 0, 200, 0},
		{"no-store", "no-store", 0, 200, 0},
		{"no-store beside max-age", "max-age=30, no-store", 0, 200, 0},
		{"no-cache", "no-cache", 0, 200, 0},
		{"no number", "max-age=soon", 0, 200, 0},
		{"negative", "max-age=-1", 0, 200, 0},
		{"expires first", "max-age=30", 10 * time.Second, 200, 10 * time.Second},
		{"expires later", "max-age=30", time.Hour, 200, 30 * time.Second},
		{"401", "max-age=30", 0, 401, 30 * time.Second},
		{"403", "", 0, 403, 5 * time.Second},
		{"500", "max-age=30", 0, 500, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeBackend{status: tt.status, body: `{"clientId":"ann"}`, header: http.Header{}}
			if tt.control != "" {
				f.header.Set("Cache-Control", tt.control)
			}
			if tt.expires > 0 {
				f.body = `{"clientId":"ann"` + in(tt.expires) + `}`
			}
			b := paced(t, f, 0, nil)
			defer b.Close()
			ask := func(session string) error {
				q := about(b, session)
				_, known, err := b.Remembers(q)
				if !known {
					_, err = b.Ask(t.Context(), q)
				}
				return err
			}
			first := ask("s1")
			for left := tt.counts; left > 0; left -= time.Second {
				if err := ask("s1"); err != first || f.asked.Load() != 1 {
					t.Fatalf("%s: %v before its time, the answer is %v after %d questions", tt.name, left, err, f.asked.Load())
				}
				time.Sleep(time.Second)
			}
			if _ = ask("s1"); f.asked.Load() != 2 {
				t.Errorf("%s: after %v the answer still counts", tt.name, tt.counts)
			}
			if _ = ask("s2"); f.asked.Load() != 3 {
				t.Errorf("%s: the answer to another question counts", tt.name)
			}
		})
	}
}

// Concurrent equal questions share one request.
func TestBackendOneQuestionForMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeBackend{status: 200, body: `{"clientId":"ann"}`, hold: make(chan struct{}), takes: time.Hour, header: http.Header{"Cache-Control": {"no-store"}}}
		b := paced(t, f, 0, nil)
		defer b.Close()
		var good atomic.Int64
		for i := range 1000 {
			go func() {
				if g, err := b.Ask(t.Context(), about(b, fmt.Sprint("s", i%2))); err == nil && g.ClientID == "ann" {
					good.Add(1)
				}
			}()
		}
		synctest.Wait()
		if n := f.asked.Load(); n != 2 {
			t.Errorf("%d questions for two", n)
		}
		close(f.hold)
		synctest.Wait()
		if good.Load() != 1000 {
			t.Errorf("%d were let in", good.Load())
		}
	})
}

// Ten thousand clients that come back at once ask at a bounded rate and concurrency. The rest is turned away, each with its
// own time to come back, and all are in within the time that the rate takes and little more.
func TestBackendStorm(t *testing.T) {
	t.Parallel()
	const rate = 500
	for takes, clients := range map[time.Duration]int{100 * time.Millisecond: 10_000, 300 * time.Millisecond: 1500} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeBackend{status: 200, body: `{"clientId":"ann"}`, takes: takes}
			b := paced(t, f, rate, nil)
			defer b.Close()
			begun := time.Now()
			var wg sync.WaitGroup
			var turned, tries atomic.Int64
			for i := range clients {
				wg.Go(func() {
					for first := true; ; first = false {
						tries.Add(1)
						_, err := b.Ask(t.Context(), about(b, fmt.Sprint("s", i)))
						if err == nil {
							return
						}
						var failed *auth.BackendError
						if !errors.As(err, &failed) || !failed.Busy || failed.Retry < time.Second || failed.Retry > time.Second+auth.UsualAskPace.Most() {
							t.Errorf("client %d: %v", i, err)
							return
						}
						if first {
							turned.Add(1)
						}
						time.Sleep(failed.Retry)
					}
				})
			}
			wg.Wait()
			took := time.Since(begun)
			if f.asked.Load() != int64(clients) || turned.Load() < int64(clients/5) || b.Stats().Busy == 0 {
				t.Errorf("%d questions, %d turned away at first", f.asked.Load(), turned.Load())
			}
			if most := f.most.Load(); most > auth.Places {
				t.Errorf("%d questions at once", most)
			}
			for i := range f.times { // in any second
				if j := i + rate + rate/10 + 1; j < len(f.times) && f.times[j].Sub(f.times[i]) < time.Second {
					t.Fatalf("%d questions within %v", j-i, f.times[j].Sub(f.times[i]))
				}
			}
			capacity := min(rate, float64(auth.Places)/takes.Seconds())
			if needs := float64(clients) / capacity; took.Seconds() > 3*needs+10 {
				t.Errorf("all are in after %v; the backend could have had them in %.0f s", took, needs)
			}
			t.Logf("answers take %v: all in after %v, %d tries", takes, took, tries.Load())
		})
	}
}

// A backend that hangs holds no more requests than there are places, each no longer than it must.
func TestBackendStormOnOneThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := &fakeBackend{takes: time.Hour}
		b := paced(t, f, 500, slog.New(slog.NewTextHandler(&log, nil)))
		defer b.Close()
		begun := time.Now()
		var wg sync.WaitGroup
		for i := range 3000 {
			wg.Go(func() {
				var failed *auth.BackendError
				if _, err := b.Ask(t.Context(), about(b, fmt.Sprint("s", i))); !errors.As(err, &failed) {
					t.Errorf("client %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		p := auth.UsualAskPace
		if took := time.Since(begun); took > p.Wait()+p.Timeout() {
			t.Errorf("the last one was refused after %v", took)
		}
		if f.most.Load() > auth.Places || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%d questions at once; log %s", f.most.Load(), log.String())
		}
		time.Sleep(10 * time.Second)
		_, _ = b.Ask(t.Context(), about(b, "later"))
		if strings.Count(log.String(), "\n") != 2 {
			t.Errorf("ten seconds later the log is %s", log.String())
		}
	})
}

// What is remembered has a total.
func TestBackendRemembersWithinATotal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text := `{"clientId":"ann"` + strings.Repeat(" ", 60<<10) + `}`
		f := &fakeBackend{status: 200, body: text, header: http.Header{"Cache-Control": {"max-age=300"}}}
		b := paced(t, f, auth.MaxAskRate, nil)
		defer b.Close()
		for i := range 2 * auth.MaxRemembered / len(text) {
			q := about(b, fmt.Sprint("s", i))
			if _, err := b.Ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if held := b.Stats().Held; held > auth.MaxRemembered {
				t.Fatalf("%d bytes are remembered after %d answers", held, i)
			}
			if _, known, _ := b.Remembers(q); !known {
				t.Fatalf("the newest answer of %d is not known", i)
			}
		}
		if held := b.Stats().Held; held < auth.MaxRemembered/2 {
			t.Errorf("only %d bytes are remembered", held)
		}
	})
}
