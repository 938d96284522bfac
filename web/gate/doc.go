// Package gate controls access: the address of a request, the grant of its credentials, the limits per address, per
// identity and in total, and the allowed origins of pages. An admitted stream holds a lease.
package gate
