// Package clients contains only tests: the real program, used by independent SSE clients.
//
// Each test builds the program, starts it on a free loopback port, and connects through a proxy that
// simulates network faults. The clients are the EventSource of Chromium, the npm packages eventsource
// and launchdarkly-eventsource, the Go modules tmaxmax/go-sse and launchdarkly/eventsource, and curl.
// All run the same scenarios; a client's peculiarities are described where it is set up.
//
// The package is a module of its own, so that the dependencies of these tests do not become
// Rollcall's. Run it in its directory with
//
//	go test -race
//
// and without a list of packages: Go then prints which client is missing on this machine, and never
// reports a cached result, because the cache does not notice changes of the server's source. The tests
// need Chromium, Node with npm, curl, and Python. Tests of a missing client are skipped; with CI=true they
// fail.
package clients
