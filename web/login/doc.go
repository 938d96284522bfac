// Package login knows who may use the admin pages and who is logged in.
//
// [Accounts] are the people: a name, a [Role] and an argon2id hash each. A
// [Limiter] says whether a guess at a password may be made at all. [Sessions] are
// the logins that followed from a right one. The package serves nothing; a login
// handler puts the three together:
//
//	attempt, wait := limiter.StartAttempt(addr, name)
//	if wait > 0 {
//		return // 429 with Retry-After
//	}
//	account, err := accounts.Verify(r.Context(), name, password)
//	if err != nil {
//		return // ErrWrong: say that name or password is wrong, never which
//	}
//	attempt.Succeeded()
//	session, err := sessions.Start(w, r, account, addr)
//
// # Passwords
//
// A hash takes 19 MiB and some tens of milliseconds; two are computed at once in
// the process and others wait. An unknown name costs the same hash as a known
// one, so that neither the answer nor its time tells which names exist.
//
// # Sessions
//
// The cookie carries a random id, signed and encrypted, and nothing else. What is
// known of the session stays on the server, under the SHA-256 of the id: nobody
// who reads the memory or the file finds an id to present. A login always makes
// a new id. A session ends by logout, after some time without a request, after
// some time altogether, and as soon as its account is gone or has another role
// or hash.
//
// # Concurrency
//
// All methods are safe for concurrent use. No mutex is held while a password is
// hashed or a file is written.
package login
