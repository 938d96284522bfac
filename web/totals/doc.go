// Package totals bounds what the server holds of each kind, and describes it for metrics and the admin UI.
package totals
