// Package totals describes what the server holds of each kind that is bounded, for metrics and the admin UI.
package totals
