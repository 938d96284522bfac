// Package clients has nothing but tests: Rollcall as it is built for people, with clients that other people wrote.
//
// Each test builds on the real program, started on a free port of the loopback interface, and on a proxy in between that
// does what networks do. The clients are the EventSource of Chromium, the npm packages eventsource and
// launchdarkly-eventsource, the Go modules tmaxmax/go-sse and launchdarkly/eventsource, and curl. All go through the
// same scenarios; what is particular to one of them is said where it is set up.
//
// It is a module of its own so that no dependency of these tests becomes one of Rollcall. Run it in its directory with
//
//	go test -race
//
// and not with a list of packages: then it says which client is missing on this machine, and it never reports a result
// from a cache, which doesn't know of the server's source. Chromium, Node with npm, and curl are wanted; what needs a
// missing one is skipped, unless CI=true, where it fails.
package clients
