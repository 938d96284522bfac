package gate

import "rollcall/web/auth"

// Refusals counts refused requests since the start, by cause.
type Refusals struct {
	Credentials   uint64            // that are wrong
	Denied        uint64            // requests that their grant does not cover
	Address       auth.LimiterStats // over a limit of their address
	Identity      auth.LimiterStats // over a limit of their key or subject
	Subscriptions uint64            // streams over the budget of all subscriptions
	Bodies        uint64            // over the memory limit of all requests' bodies
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
