// Package web serves Rollcall over HTTP. A [Server] puts its parts together, and is the only one that knows all of them:
//
//	node      one server without HTTP: log, hub, registry, cluster, and what an operator does
//	reply     what requests say and what they are answered
//	gate      who may: credentials, limits, origins, hosts
//	stream    a request becomes a stream
//	publish   a request becomes events
//	api       subscribe, publish, history, presence, leave, health
//	hooks     webhooks: tells endpoints what node says of who comes and goes
//	compat    the faces of other systems: members, rooms, a clock, demo pages
//	admin     the pages for operators; login and livepage below it
//	metrics, apidocs, assets, client, totals
//
// Arrows go down this list, and the faces (api, compat, admin, metrics, apidocs) do not import each other. A test holds
// the packages to it. Handler can be mounted in somebody else's server; Serve runs one with safe limits.
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
// A request's grant, of package auth, answers that; see gate. Options.Access is
// nil for a server that is open to everybody.
//
// # The API's description
//
// apidocs/openapi.yaml is written by hand and served as it is, and as a page at /docs. Tests
// hold routes, requests, answers, events and error codes to it: whoever changes one
// changes the other.
//
// # Errors
//
// Every error is {"error":{"code","message","field"}} with a stable code; see
// reply.Fault. What a browser's EventSource must be able to come back from is answered
// with 200 and a goodbye event instead, because it never returns after a 4xx.
package web
