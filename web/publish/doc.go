// Package publish makes events of requests: it reads batches and single events, checks who may publish them and how much, appends
// them to the node's log, and counts and traces what became of each request. The API, the compatible faces and the admin UI share it.
package publish
