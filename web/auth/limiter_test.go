package auth_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/web/auth"
)

func TestBucketsFillAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := auth.NewLimiter[string](auth.Limits{ConnectsPerSecond: 5, PublishesPerSecond: 0.5, BytesPerSecond: 10_000, FailedAuth: 3})
		for name, c := range map[string]struct {
			take  func(string) (time.Duration, bool)
			burst int
			retry time.Duration
		}{
			"connects":  {l.AllowConnect, 10, 200 * time.Millisecond},
			"publishes": {l.AllowPublish, 1, 2 * time.Second},
			"bytes":     {func(key string) (time.Duration, bool) { return l.AllowBytes(key, 1000) }, 20, 100 * time.Millisecond},
			"failures": {func(key string) (time.Duration, bool) {
				retry, ok := l.AllowAuth(key)
				if ok {
					l.FailedAuth(key)
				}
				return retry, ok
			}, 3, 20 * time.Second},
		} {
			for i := range c.burst {
				if _, ok := c.take("a"); !ok {
					t.Fatalf("%s: number %d is refused", name, i+1)
				}
			}
			retry, ok := c.take("a")
			if ok || (retry-c.retry).Abs() > time.Millisecond {
				t.Errorf("%s: %v, retry in %v, want %v", name, ok, retry, c.retry)
			}
			if _, ok := c.take("b"); !ok {
				t.Errorf("%s: another is refused", name)
			}
			time.Sleep(retry + time.Microsecond)
			if _, ok := c.take("a"); !ok {
				t.Errorf("%s: refused after the time that was told", name)
			}
			if _, ok := c.take("a"); ok {
				t.Errorf("%s: more than one is let through after that", name)
			}
		}
		want := auth.LimiterStats{Connects: 2, Publishes: 2, Bytes: 2, FailedAuth: 2, Known: 2}
		if got := l.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// A body that is larger than a bucket is let through when that is full, and paid
// for afterwards.
func TestLargeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := auth.NewLimiter[string](auth.Limits{BytesPerSecond: 10_000})
		if _, ok := l.AllowBytes("a", 100_000); !ok {
			t.Fatal("refused")
		}
		retry, ok := l.AllowBytes("a", 1)
		if ok || (retry-8*time.Second).Abs() > 10*time.Millisecond {
			t.Errorf("%v, retry in %v", ok, retry)
		}
		if retry, ok := l.AllowBytes("a", 100_000); ok || (retry-10*time.Second).Abs() > 10*time.Millisecond {
			t.Errorf("%v, retry in %v", ok, retry)
		}
		if _, ok := l.AllowBytes("a", 0); !ok {
			t.Error("nothing is refused")
		}
	})
}

func TestNoLimits(t *testing.T) {
	l := auth.NewLimiter[string](auth.Limits{})
	for range 1000 {
		_, a := l.AllowConnect("a")
		_, b := l.AllowPublish("a")
		_, c := l.AllowBytes("a", 1<<30)
		l.FailedAuth("a")
		if _, d := l.AllowAuth("a"); !a || !b || !c || !d || !l.Acquire("a") {
			t.Fatal("something is refused")
		}
	}
	l.Release("a")
	if got := l.Stats(); got != (auth.LimiterStats{}) {
		t.Errorf("%+v", got)
	}
}

// acquire takes connections until one is refused and returns how many it got.
func acquire[K comparable](l *auth.Limiter[K], key K) (n int) {
	for l.Acquire(key) {
		n++
	}
	return n
}

func TestConnections(t *testing.T) {
	l := auth.NewLimiter[string](auth.Limits{Connections: 2})
	if n := acquire(l, "a"); n != 2 || !l.Acquire("b") {
		t.Errorf("it counts to %d, not to two", n)
	}
	l.Release("a")
	if n := acquire(l, "a"); n != 1 {
		t.Errorf("one was given back, %d can be had", n)
	}
	l.Release("nobody")
	l.Release("b")
	l.Release("b") // once too often
	if n := acquire(l, "b"); n != 2 {
		t.Errorf("it counts to %d, not to two", n)
	}
	if got := l.Stats(); got.Connections != 3 {
		t.Errorf("%+v", got)
	}
}

// An attacker with many addresses neither fills the memory nor causes a connection to be forgotten.
func TestMemoryIsBounded(t *testing.T) {
	l := auth.NewLimiter[int](auth.Limits{ConnectsPerSecond: 1, Connections: 1})
	l.Acquire(-1)
	for i := range 3 * auth.MaxIdle {
		l.AllowConnect(i)
	}
	if known := l.Stats().Known; known > auth.MaxIdle+1 || known < auth.MaxIdle/2 {
		t.Errorf("%d are known", known)
	}
	if l.Acquire(-1) {
		t.Error("a connection was forgotten")
	}
}

// A frequent user is not forgotten in favour of others.
func TestTheOldestIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := auth.NewLimiter[int](auth.Limits{ConnectsPerSecond: 0.5})
		for i := range 3 * auth.MaxIdle {
			if _, ok := l.AllowConnect(-1); ok != (i == 0) {
				t.Fatalf("number %d: %v", i, ok)
			}
			l.AllowConnect(i)
		}
	})
}

func TestAddressKey(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::", "::1": "::",
	} {
		if got := auth.AddressKey(netip.MustParseAddr(addr)); got != netip.MustParseAddr(want) {
			t.Errorf("%s is limited as %s, want %s", addr, got, want)
		}
	}
	if auth.AddressKey(netip.Addr{}).IsValid() {
		t.Error("no address became one")
	}
}

func TestLimitingDoesNotAllocate(t *testing.T) {
	limits := auth.Limits{ConnectsPerSecond: 1, PublishesPerSecond: 1, BytesPerSecond: 1, Connections: 5, FailedAuth: 1}
	addrs, names := auth.NewLimiter[netip.Addr](limits), auth.NewLimiter[string](limits)
	addr, name := netip.MustParseAddr("2001:db8::1"), fmt.Sprint("token:", 1)
	if n := testing.AllocsPerRun(100, func() {
		key := auth.AddressKey(addr)
		addrs.AllowConnect(key)
		addrs.AllowAuth(key)
		addrs.FailedAuth(key)
		names.AllowPublish(name)
		names.AllowBytes(name, 100)
		if names.Acquire(name) {
			names.Release(name)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The limiter against the plainest model of connections.
func TestConnectionsAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 3).Draw(t, "most")
		l := auth.NewLimiter[int](auth.Limits{Connections: most, ConnectsPerSecond: 1})
		open := map[int]int{}
		t.Repeat(map[string]func(*rapid.T){
			"acquire": func(t *rapid.T) {
				key := rapid.IntRange(0, 5).Draw(t, "key")
				ok := l.Acquire(key)
				if ok != (open[key] < most) {
					t.Fatalf("%d with %d open: %v", key, open[key], ok)
				}
				if ok {
					open[key]++
				}
			},
			"release": func(t *rapid.T) {
				key := rapid.IntRange(0, 5).Draw(t, "key")
				l.Release(key)
				open[key] = max(0, open[key]-1)
			},
			"other": func(t *rapid.T) { l.AllowConnect(rapid.IntRange(0, 5).Draw(t, "key")) },
		})
	})
}

func TestLimiterUnderLoad(t *testing.T) {
	l := auth.NewLimiter[int](auth.Limits{Connections: 3, ConnectsPerSecond: 1000, FailedAuth: 10})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				key := i % 7
				if l.Acquire(key) {
					l.AllowConnect(key)
					l.Release(key)
				}
				l.FailedAuth(key)
				l.AllowAuth(key)
				l.Stats()
			}
		})
	}
	wg.Wait()
	for key := range 7 {
		if n := acquire(l, key); n != 3 {
			t.Errorf("%d has room for %d connections, want 3", key, n)
		}
	}
}
