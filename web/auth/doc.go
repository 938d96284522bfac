// Package auth authenticates requests and decides what they may do. It depends on
// net/http and the rules of channel names, and on no other part of the server.
//
// An [Authenticator] turns a request into a [Grant]: of an API key, of a
// subscriber's token, of an anonymous client, or of anyone in open mode. The Grant
// answers every question about rights; the request and its credentials are not
// needed any more.
//
// # Credentials
//
// An API [Key] is for backends. It has 200 random bits and is stored only as a
// hash; a line of text, see [ParseKey], lists its rights. A token is a JWT for
// subscribers. A [Verifier] checks it against a shared secret, public keys, or a
// fetched key set.
//
// A [Backend] is asked over HTTP about requests that read without a credential.
//
// An application that embeds the server authenticates its own users with
// [Options].Session.
//
// A request has at most one credential. A wrong credential is an error even if the
// request would be allowed without one.
//
// # Addresses
//
// [TrustedProxies] lists the proxies whose X-Forwarded-For and Forwarded headers
// are used. A [Limiter] limits one address or one identity. [LoopbackHost] detects
// requests to a foreign name that points at this machine.
//
// Errors are sentinels that contain no part of the credential.
package auth
