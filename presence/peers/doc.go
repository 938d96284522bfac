// Package peers has the types with which servers exchange presence. Package hub/jetlog/roster sends them over NATS; a
// program that embeds a single server needs no NATS client for these types.
package peers
