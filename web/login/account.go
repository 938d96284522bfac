package login

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"

	"rollcall/hub/eventlog"
)

// Role is the set of actions that an account allows.
type Role string

// The roles there are.
const (
	Viewer   Role = "viewer"   // looks
	Operator Role = "operator" // looks and acts
)

// CanAct reports whether the role may change anything.
func (r Role) CanAct() bool { return r == Operator }

func (r Role) check() error {
	if r != Viewer && r != Operator {
		return fmt.Errorf("%q is not a role; allowed are %s and %s", string(r), Viewer, Operator)
	}
	return nil
}

// Account is one that may log in.
type Account struct {
	Name string // 1 to 64 printable ASCII characters without space and colon
	Role Role
	Hash string // see CheckHash

	Title    string            // name of the role if the configuration defines it; "" is that of Role
	Channels eventlog.Patterns // channels that the role is limited to; nil is everything

	// Subject identifies a user of a login provider, whose account is not among Accounts and has no hash. See Admit.
	Subject string
}

// Rights is the role's name.
func (a Account) Rights() string { return cmp.Or(a.Title, string(a.Role)) }

// maxName is the longest name in bytes.
const maxName = 64

func (a Account) check() error {
	notAllowed := func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }
	if a.Name == "" || len(a.Name) > maxName || strings.ContainsFunc(a.Name, notAllowed) {
		return fmt.Errorf("%.80q is not an account name; allowed are 1 to %d printable ASCII characters without spaces and colons", a.Name, maxName)
	}
	if err := a.Role.check(); err != nil {
		return fmt.Errorf("account %s: %w", a.Name, err)
	}
	if err := CheckHash(a.Hash); err != nil {
		return fmt.Errorf("account %s: %w", a.Name, err)
	}
	return nil
}

// sum reports whether an account is still the same. It gives away nothing of the hash. rules are those of the login
// provider, for its users.
func (a Account) sum(rules string) [sha256.Size]byte {
	text := a.Name + ":" + string(a.Role) + ":" + a.Hash
	if a.Title != "" || len(a.Channels) > 0 || a.Subject != "" {
		text += fmt.Sprintf("\x00%q%q%q", a.Title, a.Channels.Texts(), a.Subject)
	}
	if a.Subject != "" {
		text += rules
	}
	return sha256.Sum256([]byte(text))
}
