// Package peers has what servers tell each other of the presence on them, whatever carries it. The package
// hub/jetlog/roster carries it over NATS; a program that embeds a server alone needs no NATS client for these types.
package peers
