// Package api is the HTTP API: subscribe, publish, history, presence, leave and health.
package api
