package reply

import "log/slog"

// Pages sends pages.
type Pages struct{ log *slog.Logger }

// NewPages returns what sends pages, and logs those that can't be made.
func NewPages(log *slog.Logger) *Pages { return &Pages{log} }
