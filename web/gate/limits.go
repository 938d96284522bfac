package gate

import (
	"cmp"

	"rollcall/web/reply"
	"rollcall/web/totals"
)

// FormBytes limits a form whose fields are names.
const FormBytes = 16 << 10

// Limits bound the memory of all requests together. The principle: memory grows with the bytes received and the leases
// granted, and each kind of it has a total.
type Limits struct {
	Publishing    totals.Quota // bodies of publishers
	Subscribing   totals.Quota // bodies of subscribers
	Forms         totals.Quota // of the admin UI
	Connections   Connections
	Subscriptions Subscriptions
}

func (l *Limits) set(o *Options) {
	l.Publishing.Limit = max(reply.PublishBytes, 4*o.MaxBodyBytes)
	l.Subscribing.Limit = max(reply.RequestBytes, 4*o.MaxBodyBytes)
	l.Forms.Limit = max(reply.FormsBytes, 4*(3*o.MaxBodyBytes+FormBytes))
	l.Connections.Limit = int64(o.MaxConnections)
	l.Subscriptions.Limit = cmp.Or(o.SubscriptionBudget, subscriptionBytes)
}
