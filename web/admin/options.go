package admin

import (
	"log/slog"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web/hooks"
	"rollcall/web/login"
	"rollcall/web/totals"
)

// Options configure an Admin. Fields named as in [rollcall/web.Options] have the same meaning.
type Options struct {
	Log             *slog.Logger
	Version         string
	Admins          []login.Account
	SSO             *SSO   // the login at a provider; nil for none
	Hint            string // the login page's hint about where the password is
	Keys            string // file of the API keys that operators make; "" for none
	Sessions        string // file that keeps the sessions over a restart; "" keeps them in memory
	Audit           string // file that keeps the audit log over a restart; "" keeps it in memory
	AlarmBook       string // the same for the alarms
	Apart           bool   // the admin UI has a listener of its own, with profiles
	Settings        []Setting
	History         eventlog.Options
	LoopbackOnly    bool
	StallTimeout    time.Duration
	MaxBodyBytes    int64
	MaxPayloadBytes int
	Totals          func() []totals.Total // the limits and their present use
	Hooks           *hooks.Hooks          // nil without webhooks
}

// Setting is a setting in effect, as the admin UI shows it.
type Setting struct {
	Name   string
	Value  string // without secrets
	Source string // where it was set
}

// Pages returns how many live pages are open.
func (a *Admin) Pages() int { return a.feeds.count() }
