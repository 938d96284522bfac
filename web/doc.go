// Package web serves Rollcall over HTTP: it turns requests into the words of hub
// and presence, and back.
//
// A [Server] owns one log, the hub that delivers it, the presence registry and a
// second, small hub for the presence stream. Handler can be mounted in somebody
// else's server; Serve runs one with safe limits.
//
// # A stream's life
//
// A subscribe request is checked, joins the registry, gets its response head, and
// is attached to the hub, to whose shard its connection then belongs. When the
// shard lets go of it, for whatever reason, the stream leaves the registry. The
// registry's edges are taken by one goroutine, the feed, which appends them to the
// presence log and tells the streams that asked.
//
// # Who may do what
//
// A request's grant, of package auth, answers that; see access. Options.Access is
// nil for a server that is open to everybody.
//
// # The admin UI
//
// Pages for operators below /admin, with logins of their own; see admin. A page is
// painted as a view, again and again while somebody watches.
//
// # The API's description
//
// openapi.yaml is written by hand and served as it is, and as a page at /docs. Tests
// hold routes, requests, answers, events and error codes to it: whoever changes one
// changes the other.
//
// # Errors
//
// Every error is {"error":{"code","message","field"}} with a stable code; see
// fault. What a browser's EventSource must be able to come back from is answered
// with 200 and a goodbye event instead, because it never returns after a 4xx.
package web
