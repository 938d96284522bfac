package main

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// flushTimeout is how long the end waits for a collector to take the last spans.
const flushTimeout = 3 * time.Second

// checkEndpoint notes a problem unless endpoint is the URL of a collector.
func checkEndpoint(p *problems, endpoint string) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		p.add("otlp-endpoint", "%q is not a collector's URL; write for example http://127.0.0.1:4318, and credentials in OTEL_EXPORTER_OTLP_HEADERS", endpoint)
	}
}

// startTracing exports the server's spans to the endpoint; without one it does nothing. OpenTelemetry's own variables,
// which its library reads, configure the rest. stop sends the last spans.
func (c *serveCmd) startTracing(ctx context.Context, log *slog.Logger) (stop func(), err error) {
	if c.OTLPEndpoint == "" {
		return func() {}, nil
	}
	at, err := url.Parse(c.OTLPEndpoint)
	if err != nil {
		return nil, err
	}
	if strings.Trim(at.Path, "/") == "" {
		at.Path = "/v1/traces"
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces were not sent", "error", err) }))
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(at.String()))
	if err != nil {
		return nil, err
	}
	who, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "rollcall"),
		attribute.String("service.version", versionName()),
		attribute.String("service.instance.id", cmp.Or(c.Node, hostName())),
	), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(who))
	c.traces = provider
	return func() {
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := provider.Shutdown(bound); err != nil {
			log.Warn("the last traces were not sent", "error", err)
		}
	}, nil
}
