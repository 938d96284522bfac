package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/web/auth"
)

// transport answers in place of a network, in faked time.
type transport func(*http.Request) (string, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := f(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func TestWhenKeySetsAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text atomic.Pointer[string] // nil: down
		var fetches atomic.Int64
		var slow atomic.Bool
		pace := auth.UsualPace
		v, err := auth.NewVerifier(auth.VerifierOptions{JWKSURL: "https://id.example.org/keys", Client: &http.Client{
			Transport: transport(func(r *http.Request) (string, error) {
				fetches.Add(1)
				if slow.Load() {
					<-r.Context().Done()
					return "", r.Context().Err()
				}
				if text.Load() == nil {
					return "", errors.New("down")
				}
				return *text.Load(), nil
			}),
		}})
		if err != nil {
			t.Fatal(err) // an endpoint that is down is no error
		}
		defer v.Close()
		step := func(name string, d time.Duration, want int64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if n := fetches.Load(); n != want {
				t.Errorf("%s: %d fetches, want %d", name, n, want)
			}
		}
		token := sign(t, edKey(), claim{"sub": "u", "exp": time.Now().Add(48 * time.Hour).Unix()}, by("a"))
		step("at the start", 0, 1)
		refused(t, v, "down", token, auth.ErrKeyLater) // asks again
		step("a token asks", 0, 2)
		for range 100 {
			refused(t, v, "down", token, auth.ErrKeyLater)
		}
		step("more tokens ask", 0, 2)
		text.Store(new(jwks(jwk("a", edKey().Public()))))
		step("a retry", pace.Retry(), 3)
		taken(t, v, "up", token)
		step("nothing to do", pace.Refresh()*8/10, 3)
		step("a refresh", pace.Refresh()*3/10, 4)

		text.Store(new(jwks()))
		step("revoked", pace.Refresh()*11/10, 5)
		refused(t, v, "revoked", token, auth.ErrKey)
		step("a token asked", 0, 6)

		slow.Store(true)
		begun := time.Now()
		time.Sleep(pace.Between())
		refused(t, v, "slow", token, auth.ErrKeyLater)
		if waited := time.Since(begun) - pace.Between(); waited != 5*time.Second {
			t.Errorf("a slow endpoint was waited for for %v", waited)
		}
		if state, _ := v.JWKS(); !errors.Is(state.Err, context.DeadlineExceeded) || state.Fetches != 7 {
			t.Errorf("%+v", state)
		}
	})
}

// An hour of unknown keys, a token a second.
func TestLongUnknownKidFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetches atomic.Int64
		v, err := auth.NewVerifier(auth.VerifierOptions{JWKSURL: "https://id.example.org/keys", Client: &http.Client{
			Transport: transport(func(*http.Request) (string, error) { fetches.Add(1); return jwks(), nil }),
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		for i := range 3600 {
			refused(t, v, "unknown", sign(t, edKey(), claim{"sub": "u"}, by(fmt.Sprint(i))), auth.ErrKey)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := fetches.Load(); n > 3600/10+3600/(5*60)*2 {
			t.Errorf("%d fetches in an hour", n)
		}
	})
}
