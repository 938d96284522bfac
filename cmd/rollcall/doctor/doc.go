// Package doctor checks what proxies in front of a Rollcall server do to event streams: whether they delay bytes,
// compress streams, cut silent ones, lose positions or offer only HTTP/1.1. It opens streams like a subscriber, and
// publishes nothing by default.
//
// Before that it checks the provider of logins to the admin UI, where its settings are given.
//
// [Run] makes the checks and reports each result at once. A check that is not ok lists the lines to change in nginx,
// Caddy, Cloudflare and AWS's load balancer; proxies that were detected come first.
package doctor
