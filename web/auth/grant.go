package auth

import (
	"slices"
	"time"
)

// Kind is the kind of a request's credential.
type Kind uint8

// The kinds of a [Grant].
const (
	Anonymous Kind = iota // not at all
	Token                 // with a subscriber's token
	APIKey                // with a backend's key
	Open                  // it need not: everybody on this machine may do everything
	InApp                 // to the application around the server; see [Session]
	Asked                 // not to the server, but the backend was asked; see [Backend]
)

func (k Kind) String() string {
	return [...]string{"anonymous", "token", "key", "open", "session", "backend"}[k]
}

// Grant is the identity of a request and its rights. It is shared and never changes.
type Grant struct {
	Kind Kind
	// Name is the key's name, the token's subject or the user. Names of different kinds may
	// be equal; see Identity.
	Name string
	// ClientID is the only clientId that a stream may have, or "". See MayChooseClientID.
	ClientID string
	Info     []byte    // replaces the requested info in presence: compact JSON or nil
	Expires  time.Time // when the Grant ends, leeway included; zero: never
	// Ambient is set if the browser sent the credential by itself, in a cookie. Requests that change something then
	// need an origin check.
	Ambient bool

	identity                              string
	publish, subscribe, history, presence Patterns
	full, admin                           bool
	key                                   *Key // of kind APIKey
}

// NoChannels reports whether this is a token, or a backend's answer, that names no channels at all: its maker forgot them.
func (g *Grant) NoChannels() bool {
	return (g.Kind == Token || g.Kind == Asked) && len(g.subscribe) == 0 && len(g.publish) == 0
}

// MayPublish reports whether events may be appended to the channel.
func (g *Grant) MayPublish(channel string) bool { return g.publish.Matches(channel) }

// MayPublishToClients reports whether the caller may send events to any single client: if it may publish to every
// channel.
func (g *Grant) MayPublishToClients() bool { return g.publish.Everything() }

// MaySubscribe reports whether a stream may have the channel, or all channels of a pattern.
func (g *Grant) MaySubscribe(channel string) bool { return g.subscribe.Covers(channel) }

// MaySubscribeSome reports whether a stream may have any channel at all.
func (g *Grant) MaySubscribeSome() bool { return len(g.subscribe) > 0 }

// MaySeeSome reports whether the members of any channel may be seen.
func (g *Grant) MaySeeSome() bool { return g.full || len(g.presence) > 0 }

// MayReadHistory reports whether kept events of the channel may be read, the last
// one too.
func (g *Grant) MayReadHistory(channel string) bool { return g.history.Matches(channel) }

// MaySeePresence reports whether the members of the channel, or of all channels of a pattern, may be seen.
func (g *Grant) MaySeePresence(channel string) bool { return g.presence.Covers(channel) }

// Allowed returns the channels that the caller may subscribe to, publish to, read kept events of, and see the members of.
func (g *Grant) Allowed() (subscribe, publish, history, presence Patterns) {
	return g.subscribe, g.publish, g.history, g.presence
}

// FullPresence reports whether lists of all clients may be seen, including clients
// on no channel. Only a key permits that.
func (g *Grant) FullPresence() bool { return g.full }

// Admin reports whether the caller may see clients' addresses and user agents and end streams. It says nothing about
// channels.
func (g *Grant) Admin() bool { return g.admin }

// MayChooseClientID reports whether a stream may choose its clientId. A token determines it; anonymous callers, who
// could impersonate a token's subject, get one from the server.
func (g *Grant) MayChooseClientID() bool { return g.Kind == APIKey || g.Kind == Open }

// Identity is the key of limits and logs: the key's name or the token's subject, "" for anonymous callers.
func (g *Grant) Identity() string { return g.identity }

// Expired reports whether the Grant has ended.
func (g *Grant) Expired(now time.Time) bool { return !g.Expires.IsZero() && !now.Before(g.Expires) }

// anonymous returns the grant of a request without credentials: it may read the channels of the patterns.
func anonymous(may Patterns) *Grant {
	may = slices.Clone(may)
	return &Grant{subscribe: may, history: may, presence: may}
}

// open is everything.
var open = &Grant{
	Kind: Open, publish: everything, subscribe: everything, history: everything, presence: everything,
	full: true, admin: true,
}
