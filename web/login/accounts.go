package login

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// ErrWrong is the answer to an unknown name and to a wrong password alike.
var ErrWrong = errors.New("name or password is wrong")

// hashing has a place for each password that may be hashed at once.
var hashing = make(chan struct{}, 2)

// Accounts are the users of the admin UI. Make them with NewAccounts.
type Accounts struct {
	seed   maphash.Seed // static
	derive func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte

	all      atomic.Pointer[[]hashedAccount] // by name; never changed in place
	admitted atomic.Pointer[string]          // the rules of the login provider; nil without one

	mu       sync.Mutex // guards everything below
	watchers []func()
}

// hashedAccount is a validated account with its parsed hash.
type hashedAccount struct {
	Account
	phc phc
	sum [sha256.Size]byte
}

// NewAccounts returns accounts with different names. The list may be empty; see Empty.
func NewAccounts(accounts []Account) (*Accounts, error) {
	a := &Accounts{seed: maphash.MakeSeed(), derive: argon2.IDKey}
	return a, a.Replace(accounts)
}

// Replace replaces all accounts, or none of them if one is wrong. Before it returns, the sessions of accounts that
// were removed, or have another role or hash, have ended.
func (a *Accounts) Replace(accounts []Account) error {
	all := make([]hashedAccount, 0, len(accounts))
	for _, account := range accounts {
		if err := account.check(); err != nil {
			return err
		}
		h, err := parseHash(account.Hash)
		if err != nil {
			return err
		}
		all = append(all, hashedAccount{account, h, account.sum("")})
	}
	slices.SortFunc(all, func(x, y hashedAccount) int { return cmp.Compare(x.Name, y.Name) })
	for i := 1; i < len(all); i++ {
		if all[i].Name == all[i-1].Name {
			return fmt.Errorf("the account %s is configured twice", all[i].Name)
		}
	}
	a.all.Store(&all)
	a.tell()
	return nil
}

// Admit admits users of a login provider, whose rights follow from rules; "" admits none. Before it returns, the
// sessions that began under other rules have ended.
func (a *Accounts) Admit(rules string) {
	if rules == "" {
		a.admitted.Store(nil)
	} else {
		a.admitted.Store(&rules)
	}
	a.tell()
}

// tell calls the watchers.
func (a *Accounts) tell() {
	a.mu.Lock()
	watchers := slices.Clone(a.watchers)
	a.mu.Unlock()
	for _, watcher := range watchers {
		watcher()
	}
}

// Empty reports whether nobody can log in.
func (a *Accounts) Empty() bool { return !a.HasPasswords() && a.admitted.Load() == nil }

// HasPasswords reports whether there are accounts with a password.
func (a *Accounts) HasPasswords() bool { return len(*a.all.Load()) > 0 }

// Verify returns the account of that name if the password is its own, and ErrWrong
// if not. It may wait for other calls; then it ends with ctx and its error. A
// guess is to be booked with Limiter.Begin before.
func (a *Accounts) Verify(ctx context.Context, name string, password []byte) (Account, error) {
	if len(password) == 0 || len(password) > maxPassword {
		return Account{}, ErrWrong // the error does not reveal whether the name exists
	}
	all := *a.all.Load()
	at, found := find(all, name)
	against := phc{memory: newMemory, time: newTime, threads: newThreads, salt: make([]byte, newSalt), key: make([]byte, newKey)}
	if found {
		against = all[at].phc
	} else if len(all) > 0 {
		// Some account's hash, always the same one: if hashes differ in cost, an unknown name behaves like a known
		// one.
		against = all[maphash.String(a.seed, name)%uint64(len(all))].phc
	}
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return Account{}, ctx.Err()
	}
	key := a.derive(password, against.salt, against.time, against.memory, against.threads, uint32(len(against.key)))
	<-hashing
	if same := subtle.ConstantTimeCompare(key, against.key) == 1; !same || !found {
		return Account{}, ErrWrong
	}
	return all[at].Account, nil
}

// find returns the index of the account with that name.
func find(all []hashedAccount, name string) (at int, found bool) {
	return slices.BinarySearchFunc(all, name, func(k hashedAccount, name string) int { return cmp.Compare(k.Name, name) })
}

// current reports whether a session's account still is the very same.
func (a *Accounts) current(s *Session) bool {
	if s.Subject != "" {
		rules := a.admitted.Load()
		return rules != nil && s.Account.sum(*rules) == s.sum
	}
	all := *a.all.Load()
	at, found := find(all, s.User)
	return found && all[at].sum == s.sum
}

// sumOf returns the sum of an account under the rules of now.
func (a *Accounts) sumOf(account Account) [sha256.Size]byte {
	if rules := a.admitted.Load(); rules != nil {
		return account.sum(*rules)
	}
	return account.sum("")
}

// restore gives a stored session the rights of its account.
func (a *Accounts) restore(s *Session) {
	all := *a.all.Load()
	if at, found := find(all, s.User); found && s.Subject == "" && all[at].sum == s.sum {
		s.Account = all[at].Account
		s.Hash = ""
	}
}

// watch has f called after each Replace.
func (a *Accounts) watch(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watchers = append(a.watchers, f)
}
