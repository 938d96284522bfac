package login

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// guess begins an attempt and returns how long to wait.
func guess(l *Limiter, addr, user string) time.Duration {
	_, wait := l.StartAttempt(addr, user)
	return wait
}

// waits guesses again and again, each time as soon as that is allowed.
func waits(l *Limiter, n int, addr, user func(i int) string) []time.Duration {
	var all []time.Duration
	for i := range n {
		_, wait := l.StartAttempt(addr(i), user(i))
		if all = append(all, wait); wait > 0 {
			time.Sleep(wait)
			if _, wait := l.StartAttempt(addr(i), user(i)); wait > 0 {
				panic("it is not allowed when it was said to be")
			}
		}
	}
	return all
}

func same(text string) func(int) string { return func(int) string { return text } }

func numbered(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i) }
}

func TestLimiterWaits(t *testing.T) {
	seconds := func(n ...int) []time.Duration {
		var all []time.Duration
		for _, n := range n {
			all = append(all, time.Duration(n)*time.Second)
		}
		return all
	}
	tests := map[string]struct {
		addr, user func(int) string
		want       []time.Duration
	}{
		"one user, many addresses": {numbered("10.0.0.%d"), same("ann"), seconds(0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60)},
		"one address, many users":  {same("10.0.0.1"), numbered("ann%d"), seconds(0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300)},
		"one of both":              {same("10.0.0.1"), same("ann"), seconds(0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128)},
		"many of both":             {numbered("10.0.0.%d"), numbered("ann%d"), seconds(0, 0, 0, 0, 0, 0, 0, 0)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(test.want, waits(NewLimiter(), len(test.want), test.addr, test.user)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// An early attempt is neither admitted nor lengthens the wait.
func TestLimiterDoesNotCountTheRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		waits(l, 7, same("10.0.0.1"), same("ann"))
		for range 100 {
			if attempt, wait := l.StartAttempt("10.0.0.1", "ann"); attempt != nil || wait != 4*time.Second {
				t.Fatalf("got %v, %v", attempt, wait)
			}
		}
		time.Sleep(4*time.Second - 1)
		if wait := guess(l, "10.0.0.1", "ann"); wait != 1 {
			t.Fatalf("got %v", wait)
		}
		time.Sleep(time.Nanosecond)
		if wait := guess(l, "10.0.0.1", "ann"); wait != 0 {
			t.Fatalf("got %v", wait)
		}
	})
}

// Of guesses made at the same time, no more get in than of those one by one.
func TestLimiterParallelGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		var in atomic.Int32
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() {
				if guess(l, "10.0.0.1", "ann") == 0 {
					in.Add(1)
				}
			})
		}
		calls.Wait()
		if in.Load() != freeFailures {
			t.Errorf("%d guesses got in", in.Load())
		}
	})
}

func TestLimiterForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		waits(l, 8, same("10.0.0.1"), same("ann"))
		time.Sleep(forgetAfter)
		for i := range freeFailures {
			if wait := guess(l, "10.0.0.1", "ann"); wait != 0 {
				t.Fatalf("guess %d: %v", i+1, wait)
			}
		}
		if wait := guess(l, "10.0.0.1", "ann"); wait != time.Second {
			t.Errorf("got %v", wait)
		}
		time.Sleep(forgetAfter)
		guess(l, "10.0.0.2", "bob")
		if len(l.addrs.byKey) != 1 || len(l.users.byKey) != 1 || l.users.order.Len() != 1 {
			t.Errorf("kept are %d addresses and %d users", len(l.addrs.byKey), len(l.users.byKey))
		}
	})
}

func TestLimiterSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		for i := range 50 {
			attempt, wait := l.StartAttempt("10.0.0.1", "ann")
			if wait > 0 {
				t.Fatalf("login %d: %v", i+1, wait)
			}
			attempt.Succeeded()
			attempt.Succeeded()
		}
		if len(l.addrs.byKey)+len(l.users.byKey) != 0 {
			t.Error("something is kept of successes alone")
		}
	})
}

// Logging in with an account of one's own does not help to guess at another.
func TestLimiterSuccessClearsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		guesses := 0
		for range 1000 {
			if attempt, wait := l.StartAttempt("10.0.0.1", "mallory"); wait == 0 {
				attempt.Succeeded()
			}
			if guess(l, "10.0.0.1", "ann") == 0 {
				guesses++
			}
		}
		if guesses != freeFailures {
			t.Errorf("%d guesses got in at once", guesses)
		}
	})
}

// A success ends the wait that its own booking began, not that of another's failure since.
func TestLimiterSuccessBetweenFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		waits(l, 6, same("10.0.0.1"), numbered("a%d"))
		time.Sleep(2 * time.Second)
		slow, wait := l.StartAttempt("10.0.0.1", "slow")
		if wait != 0 {
			t.Fatal(wait)
		}
		time.Sleep(4 * time.Second)
		if wait := guess(l, "10.0.0.1", "ann"); wait != 0 {
			t.Fatal(wait)
		}
		slow.Succeeded()
		if wait := guess(l, "10.0.0.1", "ann"); wait != 4*time.Second {
			t.Errorf("after a failure, got %v", wait)
		}
		time.Sleep(4 * time.Second)
		right, _ := l.StartAttempt("10.0.0.1", "bob")
		right.Succeeded()
		if wait := guess(l, "10.0.0.1", "eve"); wait != 0 {
			t.Errorf("after a success, got %v", wait)
		}
	})
}

func TestLimiterIsBounded(t *testing.T) {
	l := NewLimiter()
	for i := range maxKeys + 500 {
		guess(l, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), fmt.Sprintf("%d", i))
		if i == 5000 {
			guess(l, "10.0.0.0", "again") // is not the oldest any more
		}
	}
	for name, f := range map[string]failures{"addresses": l.addrs, "users": l.users} {
		if len(f.byKey) != maxKeys || f.order.Len() != maxKeys {
			t.Errorf("%d %s, %d in order", len(f.byKey), name, f.order.Len())
		}
	}
	if l.addrs.byKey["10.0.0.0"] == nil || l.addrs.byKey["10.0.0.1"] != nil {
		t.Error("it is not the oldest that goes")
	}
	guess(l, strings.Repeat("x", 1<<20), strings.Repeat("y", 1<<20))
	if last := l.users.order.Back().Value.(*failing); len(last.key) > 100 {
		t.Errorf("a key of %d bytes is kept", len(last.key))
	}
}

func TestLimiterAddresses(t *testing.T) {
	tests := map[string]string{
		"192.0.2.1":                   "192.0.2.1",
		"192.0.2.1:443":               "192.0.2.1",
		"::ffff:192.0.2.1":            "192.0.2.1",
		"[::ffff:192.0.2.1]:443":      "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":        "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::1]:443":  "2001:db8:1:2::/64",
		"2001:db8:1:3::":              "2001:db8:1:3::/64",
		"fe80::1%eth0":                "fe80::/64",
		"::1":                         "loopback",
		"127.0.0.9:80":                "loopback",
		"":                            "",
		"@":                           "@",
		"no address":                  "no address",
		"192.0.2.256":                 "192.0.2.256",
		strings.Repeat("not one", 20): strings.Repeat("not one", 20)[:65],
	}
	for addr, want := range tests {
		if got := addrKey(addr); got != want {
			t.Errorf("%q counts as %q, want %q", addr, got, want)
		}
	}
}

// Others' guesses at a user's password do not delay the user at an address of an earlier login, nor on the server's
// own machine. Elsewhere they do.
func TestLimiterLetsInFromFamiliarAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		attempt, _ := l.StartAttempt("10.0.0.1:1234", "ann")
		attempt.Succeeded()
		waits(l, 20, numbered("10.9.0.%d"), same("ann"))
		for _, addr := range []string{"10.0.0.1", "127.0.0.1", "::1"} {
			attempt, wait := l.StartAttempt(addr, "ann")
			if wait > 0 {
				t.Fatalf("%s: ann must wait %v", addr, wait)
			}
			attempt.Succeeded()
		}
		if wait := guess(l, "10.0.0.2", "ann"); wait <= 0 {
			t.Error("somebody at a foreign address may guess")
		}
		if wait := guess(l, "10.0.0.1", "bob"); wait > 0 {
			t.Errorf("bob, at whom nobody guessed, must wait %v", wait)
		}
		// A familiar address may guess no more than any other.
		for i := range 2 * freeFailures {
			if wait := guess(l, "10.0.0.1", "ann"); (wait > 0) != (i >= freeFailures-1) {
				t.Fatalf("guess %d must wait %v", i+1, wait)
			}
		}
	})
}

// No more addresses are remembered than a user needs; the latest stay.
func TestLimiterForgetsFamiliarAddresses(t *testing.T) {
	l := NewLimiter()
	for i := range 3 * maxFamiliar {
		attempt, _ := l.StartAttempt(fmt.Sprintf("10.0.0.%d", i), "ann")
		attempt.Succeeded()
	}
	if got := l.familiar["ann"]; len(got) != maxFamiliar || got[maxFamiliar-1] != fmt.Sprintf("10.0.0.%d", 3*maxFamiliar-1) {
		t.Errorf("familiar are %v", got)
	}
}
