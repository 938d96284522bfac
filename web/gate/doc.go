// Package gate says who may do what: where a request comes from, the grant of its credentials, the limits on each address and
// identity and on all together, and which pages' origins may use the server. What it admits to a stream is a lease.
package gate
