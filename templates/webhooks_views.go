package templates

import "time"

// WebhookRow is an endpoint.
type WebhookRow struct {
	Key     string
	ID      string // of the endpoint
	URL     string // without secrets
	Tone    string // "ok", "warn" or "bad"
	Text    string // how it is, in a sentence
	Waiting string // messages
	Events  string // that it took
	Dead    string // letters
	LastOK  time.Time
	Waits   bool // for its next attempt
}

// MessageRow is a message that was sent, or a dead letter.
type MessageRow struct {
	Key     string
	ID      string // of the endpoint
	Value   string // the message's number
	Message string // its id
	URL     string
	At      time.Time
	Events  string
	Answer  string
	Tone    string
	Took    string // of an attempt
	Again   bool   // it can be sent again
}

// WebhooksView is the page at /admin/webhooks.
type WebhooksView struct {
	AdminFrame
	Rows     []WebhookRow
	Attempts []MessageRow // newest first
	Letters  []MessageRow // newest first
}

// Fragments are the parts of the page that are kept live.
func (v WebhooksView) Fragments() []Fragment {
	var rows, attempts, letters []Fragment
	for _, r := range v.Rows {
		rows = append(rows, Fragment{ID: r.Key, Body: webhookRow(r, v.CanAct)})
	}
	for _, r := range v.Attempts {
		attempts = append(attempts, Fragment{ID: r.Key, Body: messageRow(r, v.CanAct, "webhook-again", true)})
	}
	for _, r := range v.Letters {
		letters = append(letters, Fragment{ID: r.Key, Body: messageRow(r, v.CanAct, "webhook-revive", false)})
	}
	empty := func(id, text string) Fragment { return Fragment{ID: id, Body: webhooksEmpty(id, text)} }
	return []Fragment{
		{ID: "webhooks-total", Body: countBadge("webhooks-total", len(v.Rows), "there")},
		{ID: "webhooks-rows", Body: webhookRows(v), Items: orEmpty(rows, empty("webhooks-empty", "No webhooks are configured."))},
		{ID: "attempts-rows", Body: attemptRows(v), Items: orEmpty(attempts, empty("attempts-empty", "This server has sent nothing yet."))},
		{ID: "letters-rows", Body: letterRows(v),
			Items: orEmpty(letters, empty("letters-empty", "None. A message that is not taken within ten minutes is kept here."))},
	}
}
