// Package metrics exports the server's counters and gauges to Prometheus, as GET /metrics.
package metrics
