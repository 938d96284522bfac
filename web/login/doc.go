// Package login manages the accounts and sessions of the admin UI.
//
// [Accounts] are the users: a name, a [Role] and an argon2id hash each. A
// [Limiter] decides whether a password attempt is allowed. [Sessions] are the
// logins after a correct password. The package serves nothing; a login handler
// combines the three:
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
// A hash takes 19 MiB and some tens of milliseconds; the process computes two at a
// time. An unknown name costs the same hash as a known one, so neither the answer nor
// its time reveals which names exist.
//
// # Sessions
//
// The cookie carries a random id, signed and encrypted, and nothing else. The
// session stays on the server, under the SHA-256 of the id, so the memory and the
// file contain no usable id. A login always makes
// a new id. A session ends by logout, after some time without a request, after
// some time altogether, and as soon as its account is gone or has another role
// or hash.
//
// # Concurrency
//
// All methods are safe for concurrent use. No mutex is held while a password is
// hashed or a file is written.
package login
