// Package web serves Rollcall over HTTP. A [Server] puts its parts together, and is the only one that knows all of them:
//
//	node      one server without HTTP: log, hub, registry, cluster, operators' actions
//	reply     parsing requests, writing answers and errors
//	gate      access: credentials, limits, origins, hosts
//	stream    a request becomes a stream
//	publish   a request becomes events
//	api       subscribe, publish, history, presence, leave, health
//	hooks     webhooks: reports joins and leaves to endpoints
//	compat    the compatibility APIs: members, rooms, a clock, demo pages
//	admin     the pages for operators; login and livepage below it
//	metrics, apidocs, assets, client, totals
//
// Packages import only packages above them in this list, and the faces (api, compat, admin, metrics, apidocs) do not
// import each other. A test checks this. Handler can be mounted in another server; Serve runs one with safe limits.
//
// # A stream's life
//
// A subscribe request is checked, joins the registry, gets its response head, and is attached to the hub, to whose
// shard its connection then belongs. When the shard releases it, the stream leaves the registry. One goroutine, the
// feed, takes the registry's edges, appends them to the presence log and sends them to the streams that asked.
//
// # Access
//
// A request's grant, from package auth, decides what it may do; see gate. Options.Access is
// nil for a server in open mode.
//
// # The API's description
//
// apidocs/openapi.yaml is written by hand and served as it is, and as a page at /docs. Tests
// compare routes, requests, answers, events and error codes with it, so change both together.
//
// # Errors
//
// Every error is {"error":{"code","message","field"}} with a stable code; see
// reply.Fault. Temporary failures of a stream are answered with 200 and a goodbye event
// instead, because a browser's EventSource never reconnects after a 4xx.
package web
