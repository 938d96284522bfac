// Package admin is the admin UI: pages that show every connection live over SSE and let operators act. The server
// renders a page as a whole, and its changed parts while it is open. An action is a form; its role and origin are
// checked, and the audit log records it.
package admin
