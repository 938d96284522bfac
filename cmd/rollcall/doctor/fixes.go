package doctor

import (
	"net/http"
	"slices"
	"strings"
)

// The names of proxies and services in fixes.
const (
	nginx      = "nginx"
	caddy      = "Caddy"
	cloudflare = "Cloudflare"
	alb        = "AWS ALB"
	rollcall   = "Rollcall"
)

// The kinds of trouble that there are fixes for.
const (
	held       = "held"       // bytes are held back
	compressed = "compressed" // streams are compressed
	idle       = "idle"       // silent streams are cut
	aged       = "aged"       // streams are cut at an age
	old        = "old"        // no HTTP/2
	clear      = "clear"      // no TLS
	headerLost = "headerLost" // Last-Event-ID does not get through
	queryLost  = "queryLost"  // the query does not get through
	redirected = "redirected"
	foreign    = "foreign" // CORS
)

// fixes has the lines for each kind of trouble.
var fixes = map[string][]Fix{
	held: {
		{nginx, "proxy_buffering off;    # in the location of /subscribe and /presence/stream\nand no \"proxy_ignore_headers X-Accel-Buffering\""},
		{caddy, "reverse_proxy 127.0.0.1:9090 {\n\tflush_interval -1\n}"},
		{cloudflare, "Response Buffering off for this path (Enterprise); a Worker must pass the body on as a stream; no \"Cache Everything\" rule"},
		{alb, "targets that are instances or addresses; a Lambda target or an API Gateway (REST) delays the whole answer"},
	},
	compressed: {
		{nginx, "gzip off;               # in the location of /subscribe and /presence/stream; or no text/event-stream in gzip_types\nbrotli off;             # with that module"},
		{caddy, "@plain not path /subscribe* /presence/stream*\nencode @plain zstd gzip"},
		{cloudflare, "Rules > Compression Rules: disable compression for this path; pass \"Cache-Control: no-transform\" on"},
		{alb, "does not compress; in CloudFront in front of it: Compress objects automatically = No"},
	},
	idle: {
		{rollcall, "serve --heartbeat 25s    # or less: shorter than the shortest timeout"},
		{nginx, "proxy_read_timeout 75s;  # more than the heartbeat; the default is 60s"},
		{caddy, "has no such timeout by default: remove \"read_timeout\" from the transport of reverse_proxy"},
		{cloudflare, "its timeout is 100 s and fixed, below Enterprise: keep the heartbeat shorter"},
		{alb, "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=idle_timeout.timeout_seconds,Value=120"},
	},
	aged: {
		{nginx, "has no such limit; look at what is in front of it and behind it"},
		{caddy, "servers {\n\ttimeouts {\n\t\twrite 0\n\t}\n}    # among the global options, where it is set"},
		{cloudflare, "has no such limit; a Worker's own may count"},
		{alb, "has no such limit; Google Cloud's is the backend service timeout: gcloud compute backend-services update NAME --timeout=86400"},
	},
	old: {
		{nginx, "listen 443 ssl;\nhttp2 on;               # before 1.25.1: listen 443 ssl http2;"},
		{caddy, "servers {\n\tprotocols h1 h2 h3\n}    # among the global options; it is the default"},
		{cloudflare, "Speed > Settings > Protocol Optimization: HTTP/2 on"},
		{alb, "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=routing.http2.enabled,Value=true"},
		{rollcall, "serve --tls-cert FILE --tls-key FILE    # has HTTP/2, where nothing is in front"},
	},
	clear: {
		{rollcall, "serve --tls-cert FILE --tls-key FILE"},
		{nginx, "listen 443 ssl;\nhttp2 on;"},
		{caddy, "events.example.org {\n\treverse_proxy 127.0.0.1:9090\n}"},
		{alb, "an HTTPS listener with a certificate"},
	},
	headerLost: {
		{nginx, "no \"proxy_set_header Last-Event-ID\" and no \"proxy_pass_request_headers off\""},
		{caddy, "no \"header_up -Last-Event-ID\" in reverse_proxy"},
		{cloudflare, "no Transform Rule that removes the request header Last-Event-ID"},
		{alb, "passes it on; in CloudFront in front of it: Origin request policy = AllViewer, Cache policy = CachingDisabled"},
	},
	queryLost: {
		{nginx, "proxy_pass http://127.0.0.1:9090$request_uri;    # where proxy_pass has variables; \"rewrite\" without a ? at its end"},
		{caddy, "rewrite * /subscribe?{query}    # where rewrite is used"},
		{cloudflare, "no Transform Rule that rewrites the query"},
		{alb, "passes it on; in CloudFront in front of it: Origin request policy = AllViewer"},
	},
	redirected: {
		{nginx, "location /subscribe { proxy_pass http://127.0.0.1:9090; }    # not \"location /subscribe/\""},
		{caddy, "reverse_proxy /subscribe* 127.0.0.1:9090"},
		{cloudflare, "use the https:// URL, or no \"Always Use HTTPS\" for this path"},
		{alb, "no redirect action in the listener's rule for this path"},
	},
}

// signs are headers that identify proxies: the value contains the text; "" matches any value.
var signs = []struct{ header, text, name string }{
	{"Server", "nginx", nginx}, {"Server", "openresty", nginx}, {"Via", "nginx", nginx},
	{"Server", "Caddy", caddy}, {"Via", "Caddy", caddy},
	{"CF-RAY", "", cloudflare}, {"Server", "cloudflare", cloudflare},
	{"Server", "awselb", alb}, {"X-Amz-Cf-Id", "", "CloudFront"}, {"Via", "CloudFront", "CloudFront"},
	{"Via", "google", "Google Cloud"}, {"X-Envoy-Upstream-Service-Time", "", "Envoy"}, {"Server", "envoy", "Envoy"},
	{"X-Served-By", "cache-", "Fastly"}, {"Fly-Request-Id", "", "Fly.io"}, {"Via", "vegur", "Heroku"}, {"Via", "heroku", "Heroku"},
	{"Server", "Apache", "Apache"}, {"Via", "varnish", "Varnish"}, {"Server", "Traefik", "Traefik"}, {"Server", "IIS", "IIS"},
}

// proxiesIn returns the proxies identified by an answer's headers, or the headers themselves.
func proxiesIn(h http.Header) []string {
	var found []string
	for _, sign := range signs {
		for _, value := range h.Values(sign.header) {
			if strings.Contains(strings.ToLower(value), strings.ToLower(sign.text)) && !slices.Contains(found, sign.name) {
				found = append(found, sign.name)
			}
		}
	}
	if len(found) == 0 && (h.Get("Via") != "" || h.Get("Server") != "") {
		found = append(found, "something that says "+strings.TrimSpace(h.Get("Server")+" "+h.Get("Via")))
	}
	return found
}

// fixesFor returns the fixes for a kind of trouble, those for detected proxies first.
func fixesFor(kind string, known []string) []Fix {
	list := slices.Clone(fixes[kind])
	slices.SortStableFunc(list, func(a, b Fix) int {
		rank := func(f Fix) int {
			if slices.Contains(known, f.For) {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	return list
}
