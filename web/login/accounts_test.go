package login

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"
)

// account returns an account whose password is its name, cheaply hashed.
func account(name string, role Role) Account {
	return Account{Name: name, Role: role, Hash: cheap(name)}
}

// cheap returns a hash that takes no time.
func cheap(password string) string {
	h := phc{memory: 8, time: 1, threads: 1, salt: []byte("some salt")}
	h.key = argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, 32)
	return h.String()
}

func newAccounts(t *testing.T, accounts ...Account) *Accounts {
	t.Helper()
	a, err := NewAccounts(accounts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRoles(t *testing.T) {
	if Viewer.CanAct() || !Operator.CanAct() || Role("").CanAct() || Role("admin").CanAct() {
		t.Error("the operator, and nobody else, can act")
	}
}

func TestNewAccountsRefuses(t *testing.T) {
	tests := map[string]struct {
		accounts []Account
		says     string
	}{
		"two of a name": {[]Account{account("ann", Viewer), account("bob", Viewer), account("ann", Operator)}, "ann is configured twice"},
		"no name":       {[]Account{account("", Viewer)}, "1 to 64"},
		"long name":     {[]Account{account(strings.Repeat("a", 65), Viewer)}, "1 to 64"},
		"space":         {[]Account{account("an n", Viewer)}, "without spaces and colons"},
		"colon":         {[]Account{account("an:n", Viewer)}, "without spaces and colons"},
		"control":       {[]Account{account("an\x00n", Viewer)}, "printable"},
		"not ASCII":     {[]Account{account("änn", Viewer)}, "printable ASCII"},
		"no role":       {[]Account{account("ann", "")}, `account ann: "" is not a role; allowed are viewer and operator`},
		"other role":    {[]Account{account("ann", "admin")}, `account ann: "admin" is not a role; allowed are viewer and operator`},
		"no hash":       {[]Account{{Name: "ann", Role: Viewer}}, "account ann: the hash does not begin with $argon2id$"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := NewAccounts(test.accounts); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want one that says %q", err, test.says)
			}
			a := newAccounts(t, account("old", Viewer))
			if a.Replace(test.accounts) == nil || a.Empty() {
				t.Error("they have replaced the accounts")
			}
		})
	}
	if _, err := NewAccounts([]Account{account(strings.Repeat("a", 64), Viewer), account("!~", Viewer)}); err != nil {
		t.Error(err)
	}
}

func TestVerify(t *testing.T) {
	a := newAccounts(t, account("ann", Viewer), account("bob", Operator))
	tests := map[string]struct {
		name, password string
		right          bool
	}{
		"right":              {"ann", "ann", true},
		"right too":          {"bob", "bob", true},
		"wrong":              {"ann", "Ann", false},
		"another's":          {"ann", "bob", false},
		"the beginning":      {"ann", "an", false},
		"empty":              {"ann", "", false},
		"too long":           {"ann", strings.Repeat("a", 1025), false},
		"unknown":            {"eve", "ann", false},
		"unknown, another's": {"eve", "bob", false},
		"no name":            {"", "ann", false},
		"other case":         {"Ann", "ann", false},
		"the hash":           {"ann", cheap("ann"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := a.Verify(t.Context(), test.name, []byte(test.password))
			if test.right && (err != nil || !reflect.DeepEqual(got, account(test.name, got.Role))) {
				t.Errorf("got %v, %v", got, err)
			}
			if !test.right && (err != ErrWrong || got.Name != "") {
				t.Errorf("got %v, %v; want ErrWrong alone", got, err)
			}
		})
	}
}

func TestNobodyMayLogIn(t *testing.T) {
	a := newAccounts(t)
	if !a.Empty() {
		t.Error("accounts without any are not empty")
	}
	if _, err := a.Verify(t.Context(), "ann", []byte("ann")); err != ErrWrong {
		t.Errorf("got %v", err)
	}
	if err := a.Replace([]Account{account("ann", Viewer)}); err != nil || a.Empty() {
		t.Errorf("replaced with %v, empty: %v", err, a.Empty())
	}
	if _, err := a.Verify(t.Context(), "ann", []byte("ann")); err != nil {
		t.Errorf("got %v", err)
	}
}

// work is what one hash costs.
type work struct {
	Time, Memory uint32
	Threads      uint8
	Salt, Size   int
}

// An unknown name costs the very same work as a known one.
func TestUnknownNamesCostTheSame(t *testing.T) {
	h, err := HashPassword([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	cheapOne := account("bob", Viewer)
	for name, test := range map[string]struct {
		accounts []Account
		want     []work
	}{
		"none":      {nil, []work{{2, 19 * 1024, 1, 16, 32}}},
		"one":       {[]Account{{Name: "ann", Role: Viewer, Hash: h}}, []work{{2, 19 * 1024, 1, 16, 32}}},
		"two costs": {[]Account{{Name: "ann", Role: Viewer, Hash: h}, cheapOne}, []work{{2, 19 * 1024, 1, 16, 32}, {1, 8, 1, 9, 32}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccounts(t, test.accounts...)
			var done []work
			a.derive = func(_, salt []byte, time, memory uint32, threads uint8, size uint32) []byte {
				done = append(done, work{time, memory, threads, len(salt), int(size)})
				return make([]byte, size)
			}
			for _, user := range []string{"ann", "eve", "mallory", "", strings.Repeat("x", 1000)} {
				done = nil
				for range 3 {
					if _, err := a.Verify(t.Context(), user, []byte("guess")); err != ErrWrong {
						t.Errorf("%.10q: %v", user, err)
					}
				}
				if len(done) != 3 || done[0] != done[1] || done[1] != done[2] || !slices.Contains(test.want, done[0]) {
					t.Errorf("%.10q costs %v; want three times the same of %v", user, done, test.want)
				}
			}
		})
	}
}

// A stub that agrees with everything must not let an unknown name in.
func TestUnknownNameNeverMatches(t *testing.T) {
	a := newAccounts(t, account("ann", Operator))
	key := a.all.Load()
	a.derive = func([]byte, []byte, uint32, uint32, uint8, uint32) []byte { return (*key)[0].phc.key }
	if _, err := a.Verify(t.Context(), "eve", []byte("guess")); err != ErrWrong {
		t.Errorf("got %v", err)
	}
	empty := newAccounts(t)
	empty.derive = func(_, _ []byte, _, _ uint32, _ uint8, size uint32) []byte { return make([]byte, size) }
	if _, err := empty.Verify(t.Context(), "eve", []byte("guess")); err != ErrWrong {
		t.Errorf("got %v", err)
	}
}

func TestTwoHashesAtOnce(t *testing.T) {
	a := newAccounts(t, account("ann", Viewer))
	b := newAccounts(t, account("ann", Viewer))
	entered, release := make(chan struct{}, 10), make(chan struct{})
	var now, most atomic.Int32
	derive := a.derive
	hook := func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		entered <- struct{}{}
		<-release
		defer now.Add(-1)
		return derive(password, salt, time, memory, threads, size)
	}
	a.derive, b.derive = hook, hook
	var calls sync.WaitGroup
	for i := range 10 {
		calls.Go(func() {
			if _, err := []*Accounts{a, b}[i%2].Verify(t.Context(), "ann", []byte("ann")); err != nil {
				t.Error(err)
			}
		})
	}
	<-entered
	<-entered
	// Both slots are taken: an attempt without time does not get one.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Verify(ctx, "ann", []byte("ann")); !errors.Is(err, context.Canceled) {
		t.Errorf("with its context ended, got %v", err)
	}
	close(release)
	calls.Wait()
	if most.Load() != 2 {
		t.Errorf("%d hashes at once", most.Load())
	}
}

func TestReplaceWhileVerifying(t *testing.T) {
	a := newAccounts(t, account("ann", Viewer))
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for range 20 {
				if got, err := a.Verify(t.Context(), "ann", []byte("ann")); err != nil && err != ErrWrong || err == nil && got.Name != "ann" {
					t.Errorf("got %v, %v", got, err)
				}
			}
		})
	}
	for range 50 {
		if err := errors.Join(a.Replace(nil), a.Replace([]Account{account("ann", Operator), account("abe", Viewer)})); err != nil {
			t.Error(err)
		}
	}
	calls.Wait()
	got, err := a.Verify(t.Context(), "ann", []byte("ann"))
	if diff := cmp.Diff(account("ann", Operator), got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
