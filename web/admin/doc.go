// Package admin is the admin UI: pages for people, kept live over SSE, that show every connection and act on it. A page
// is painted on the server as a whole, and again in parts while it is open; an action is a form, checked for its role and its origin,
// and noted in the audit log.
package admin
