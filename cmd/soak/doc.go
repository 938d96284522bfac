// Command soak runs two real servers under churn for as long as you like, and says whether they stay as they
// are: memory, goroutines and file descriptors must not grow once the servers are warm.
//
// One server keeps events in memory and speaks in clear, the other keeps them in a directory and speaks TLS; half
// of each server's streams are HTTP/1.1, the other half HTTP/2. Clients join, leave, drop, pause, resume and stall,
// under names and on channels that are ever new; publishers publish, watchers follow presence, an operator's pages
// are open, and an endpoint takes the webhooks. Every few seconds the servers are sampled from outside. At the end all
// clients leave, and everything they held must have been given back.
//
// The samples are written as CSV and as an SVG plot. See -help for the flags.
package main
