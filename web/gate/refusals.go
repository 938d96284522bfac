package gate

import "rollcall/web/auth"

// Refusals counts what was refused since the start, by why.
type Refusals struct {
	Credentials   uint64            // that are wrong
	Denied        uint64            // requests for what a grant does not allow
	Address       auth.LimiterStats // over a limit of their address
	Identity      auth.LimiterStats // over a limit of their key or subject
	Subscriptions uint64            // streams over the budget of all subscriptions
	Bodies        uint64            // over what the bodies of all requests may take
	Connections   uint64            // over the limit of all connections
}

// Refusals returns the counts as they are now.
func (k *Gate) Refusals() Refusals {
	l := &k.Limits
	_, _, _, subscriptions := l.Subscriptions.State()
	return Refusals{
		Credentials: k.access.refused.Load(), Denied: k.access.denied.Load(),
		Address: k.access.byAddress.Stats(), Identity: k.access.byIdentity.Stats(),
		Subscriptions: subscriptions,
		Bodies:        l.Publishing.Refused.Load() + l.Subscribing.Refused.Load() + l.Forms.Refused.Load(),
		Connections:   l.Connections.Refused.Load(),
	}
}

// MostStreams returns the most streams that one address and one identity have open.
func (k *Gate) MostStreams() (ofAddress, ofIdentity int) {
	return k.access.byAddress.Most(), k.access.byIdentity.Most()
}
