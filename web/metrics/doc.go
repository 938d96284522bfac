// Package metrics tells Prometheus what the server has done and holds, as GET /metrics.
package metrics
