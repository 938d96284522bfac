package reply

import "log/slog"

// Pages sends pages.
type Pages struct{ log *slog.Logger }

// NewPages returns a Pages that logs rendering errors.
func NewPages(log *slog.Logger) *Pages { return &Pages{log} }
