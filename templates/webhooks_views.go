package templates

import (
	"time"

	"github.com/a-h/templ"
)

// WebhookRow is an endpoint.
type WebhookRow struct {
	Key     string
	ID      string // of the endpoint
	URL     string // without secrets
	Tone    string // "ok", "warn" or "bad"
	Text    string // its state, in a sentence
	Waiting string // messages
	Events  string // accepted events
	Dead    string // letters
	LastOK  time.Time
	Waits   bool // it waits for its next attempt
}

// MessageRow is a sent message, or a dead letter.
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
	Took    string // duration of an attempt
	Again   bool   // it can be sent again
}

// WebhooksView is the page at /admin/webhooks.
type WebhooksView struct {
	AdminFrame
	Rows     []WebhookRow
	Attempts []MessageRow // newest first
	Letters  []MessageRow // newest first
}

// Fragments returns the live parts of the page.
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
	return []Fragment{
		{ID: "webhooks-total", Body: v.total()},
		{ID: "webhooks-rows", Body: webhookRows(v), Items: orEmpty(rows, Fragment{ID: "webhooks-empty", Body: v.noRows()})},
		{ID: "attempts-rows", Body: attemptRows(v), Items: orEmpty(attempts, Fragment{ID: "attempts-empty", Body: v.noAttempts()})},
		{ID: "letters-rows", Body: letterRows(v), Items: orEmpty(letters, Fragment{ID: "letters-empty", Body: v.noLetters()})},
	}
}

func (v WebhooksView) total() templ.Component {
	return countBadge("webhooks-total", len(v.Rows), "configured")
}

func (v WebhooksView) noRows() templ.Component {
	return webhooksEmpty("webhooks-empty", v.columns(6), "No webhooks are configured.")
}

func (v WebhooksView) noAttempts() templ.Component {
	return webhooksEmpty("attempts-empty", v.columns(6), "This server has sent nothing yet.")
}

func (v WebhooksView) noLetters() templ.Component {
	return webhooksEmpty("letters-empty", v.columns(5), "None. A message that no attempt delivered within ten minutes is kept here.")
}

// columns returns the number of columns of a table with this many facts: one more if it has actions.
func (v WebhooksView) columns(facts int) int {
	if v.CanAct {
		return facts + 1
	}
	return facts
}
