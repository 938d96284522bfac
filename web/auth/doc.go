// Package auth decides who a request is and what it may do. It knows net/http
// and the rules of channel names, and nothing else of the server.
//
// An [Authenticator] turns a request into a [Grant]: an API key, a subscriber's
// token, somebody anonymous, or, where nothing is configured and only the machine
// itself is served, everybody. The Grant answers every question about rights; who
// has it needs neither the request nor its credentials any more.
//
// # Credentials
//
// An API [Key] is for backends. Its text has 200 bits of chance and is kept only
// as a hash; a line of text, see [ParseKey], says what it may do. A token is a JWT
// for subscribers. A [Verifier] checks it against a shared secret, public keys, or
// a key set that is fetched.
//
// An application that the server is part of knows its users itself: it says who a
// request is with [Options].Session.
//
// A request has at most one credential, and one that is wrong is an error even
// where a request without any would be served.
//
// # Where a request comes from
//
// [TrustedProxies] says whose X-Forwarded-For and Forwarded headers count. A
// [Limiter] bounds what one address or one identity may take. [LoopbackHost] tells
// apart a request to the machine itself from one that a foreign page's name led
// here.
//
// Errors are sentinels that hold nothing of the credential.
package auth
