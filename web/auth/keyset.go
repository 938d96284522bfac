package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// Bounds on a key set.
const (
	maxJWKS     = 256 << 10 // bytes
	maxJWKSKeys = 100
)

// publicKeys is a key set. It never changes.
type publicKeys struct {
	named map[string][]jwt.VerificationKey // by algorithm and kid
	alone map[string][]jwt.VerificationKey // by algorithm
	count int
}

// find returns the keys for an algorithm with the given name. Without a name, it
// must be clear which one is meant.
func (s *publicKeys) find(alg, kid string) []jwt.VerificationKey {
	if kid != "" {
		return s.named[alg+" "+kid]
	}
	if keys := s.alone[alg]; len(keys) == 1 {
		return keys
	}
	return nil
}

// parseJWKS reads a key set. Keys that are not for checking tokens here are passed
// over: encryption keys, other algorithms, weak ones, and any that hold a secret,
// which would no longer be one. An empty set is one: all keys were revoked.
func parseJWKS(text []byte) (*publicKeys, error) {
	if len(text) > maxJWKS {
		return nil, fmt.Errorf("the key set has more than %d bytes", maxJWKS)
	}
	var list struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &list); err != nil || list.Keys == nil {
		return nil, errors.New("the answer is not a key set")
	}
	if len(list.Keys) > maxJWKSKeys {
		return nil, fmt.Errorf("the key set has %d keys; allowed are %d", len(list.Keys), maxJWKSKeys)
	}
	s := &publicKeys{named: map[string][]jwt.VerificationKey{}, alone: map[string][]jwt.VerificationKey{}}
	for _, raw := range list.Keys {
		var about jwkset.JWKMarshal
		if json.Unmarshal(raw, &about) != nil || about.D != "" || about.K != "" {
			continue
		}
		jwk, err := jwkset.NewJWKFromMarshal(about, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			continue
		}
		alg, err := algorithmOf(jwk.Key())
		if err != nil || about.ALG != "" && about.ALG.String() != alg || about.USE != "" && about.USE != jwkset.UseSig ||
			about.KEYOPS != nil && !slices.Contains(about.KEYOPS, jwkset.KeyOpsVerify) {
			continue
		}
		s.count++
		s.alone[alg] = append(s.alone[alg], jwk.Key())
		if about.KID != "" {
			s.named[alg+" "+about.KID] = append(s.named[alg+" "+about.KID], jwk.Key())
		}
	}
	if s.count == 0 && len(list.Keys) > 0 {
		return nil, errors.New("none of the keys in the set can be used")
	}
	return s, nil
}
