package web

// limits bound what all requests together take. The principle: memory grows with
// what has arrived and what was granted, and every kind of it has a total.
type limits struct {
	publishing    quota // bodies of publishers
	subscribing   quota // bodies of subscribers
	forms         quota // of the admin UI
	connections   connections
	subscriptions subscriptions
}

func (l *limits) set(o *Options) {
	l.publishing.limit = max(publishBytes, 4*o.MaxBodyBytes)
	l.subscribing.limit = max(requestBytes, 4*o.MaxBodyBytes)
	l.forms.limit = max(formsBytes, 4*(3*o.MaxBodyBytes+formBytes))
	l.connections.limit = int64(o.MaxConnections)
	l.subscriptions.limit = o.SubscriptionBudget
}
