// Package doctor finds out what stands between here and a Rollcall server, and what it does to event streams: whether
// it holds bytes back, compresses them, cuts what is silent, loses positions or speaks HTTP/1.1 alone. It looks as a
// subscriber does, by opening streams, and publishes nothing by default.
//
// [Run] makes the checks and reports each as soon as it is known. A check that is not ok names the lines to change in
// nginx, Caddy, Cloudflare and AWS's load balancer; those that the answers gave away come first.
package doctor
