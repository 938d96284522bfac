package auth

import (
	"errors"
	"fmt"
)

// Why a credential is refused. No error contains a part of the credential.
var (
	ErrAmbiguous = errors.New("more than one credential; a request has at most one")
	ErrKeyInURL  = errors.New("an API key in the query or a cookie; send it as Authorization: Bearer or X-API-Key")
	ErrAPIKey    = errors.New("the API key is unknown")

	ErrSession = errors.New("the session is not valid")

	ErrMalformed = errors.New("the token is not a readable JWT")
	ErrAlgorithm = errors.New("the token is signed with an algorithm that is not accepted here")
	ErrKey       = errors.New("the key that signed the token is not known")
	ErrSignature = errors.New("the token's signature is wrong")
	ErrExpired   = errors.New("the credential has expired")
	ErrNotYet    = errors.New("the token is not valid yet")
	ErrIssuer    = errors.New("the token is from another issuer")
	ErrAudience  = errors.New("the token is for another audience")
	ErrClaims    = errors.New("the token's claims are not valid")

	// Why a backend that is asked refuses.
	ErrLogin      = errors.New("the backend wants a login first")
	ErrNotAllowed = errors.New("the backend does not allow it")

	// ErrKeyLater is a temporary ErrKey: the key set could not be fetched, or was
	// fetched too recently to be fetched again. The request can be retried.
	ErrKeyLater = fmt.Errorf("%w yet; the key set has to be fetched", ErrKey)
)
