package web

import (
	"context"

	"rollcall/hub/eventlog"
	"rollcall/web/auth"
	"rollcall/web/login"
)

// Changes are the settings that can change at runtime; see Options for each.
type Changes struct {
	Access      *auth.Options
	Admins      []login.Account
	OIDC        *OIDC
	CORSOrigins []string
	Webhooks    []Webhook // ignored if the server began without webhooks

	ChannelRules []eventlog.Rule
}

// Reload applies all of the changes from the next request on, or none of them if one is wrong. Streams whose
// credentials are no longer valid end, as do logins of accounts that were removed or have changed.
func (s *Server) Reload(c Changes) error {
	if c.Access == nil {
		c.Access = &auth.Options{Open: true}
	}
	if _, err := login.NewAccounts(c.Admins); err != nil {
		return err
	}
	if s.hooks != nil {
		ctx, cancel := context.WithTimeout(context.Background(), outboxWait)
		defer cancel()
		if err := s.hooks.Replace(ctx, c.Webhooks); err != nil {
			return err
		}
	}
	if err := s.admin.ReloadKeys(); err != nil {
		return err
	}
	if err := s.gate.Replace(c.CORSOrigins, *c.Access); err != nil {
		return err
	}
	_ = s.admin.Accounts.Replace(c.Admins) // they were found good
	s.admin.SetSSO(c.OIDC)
	if log, ok := s.node.Log.(interface{ SetRules([]eventlog.Rule) }); ok {
		s.opts.ChannelRules = c.ChannelRules
		log.SetRules(s.opts.History().Rules)
	}
	s.node.Sweep()
	return nil
}
