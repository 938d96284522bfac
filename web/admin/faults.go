package admin

import (
	"net/http"

	"rollcall/web/reply"
)

// Faults of the admin UI.
var (
	noSuchPage    = reply.NewFault(http.StatusNotFound, "not_found", "The admin UI has no page at this address.")
	adminOff      = reply.NewFault(http.StatusNotFound, "admin_off", "The admin UI is off until an admin is configured; see --admin-user.")
	foreignOrigin = reply.NewFault(http.StatusForbidden, "foreign_origin", "Pages of another origin may not use the admin UI.")
	notAForm      = reply.NewFault(http.StatusUnsupportedMediaType, "not_a_form",
		"The body must be a form: application/x-www-form-urlencoded.")
	invalidForm  = reply.NewFault(http.StatusBadRequest, "invalid_form", "The form could not be read: it is not well-formed.")
	viewerOnly   = reply.NewFault(http.StatusForbidden, "viewer", "Your role is viewer: you may look, but not act. An operator can do this.")
	tooManyPages = reply.NewFault(http.StatusTooManyRequests, "too_many_pages",
		"You have 16 live pages open, the limit for a user. Close some.")
	tooManyPagesInAll = reply.NewFault(http.StatusServiceUnavailable, "too_many_pages",
		"All users together have 64 live pages open, which is the limit. Close some.")
)
