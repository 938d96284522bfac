// Package publish turns requests into events: it parses batches and single events, checks the caller's
// rights and limits, appends the events to the node's log, and counts and traces the outcome of each
// request. The API, the compatibility APIs and the admin UI share it.
package publish
