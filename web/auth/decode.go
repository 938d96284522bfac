package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// Decoded is what can be read in a token, for people. It proves nothing: the signature is not part of it, and was not
// checked.
type Decoded struct {
	Algorithm string `json:"algorithm,omitempty"`
	KeyID     string `json:"keyId,omitempty"`
	Claims    string `json:"claims,omitempty"` // compact JSON; "" for a text that is no token
}

// Decode reads a token without checking it.
func Decode(text string) (d Decoded) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return d
	}
	var header struct{ Alg, Kid string }
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || json.Unmarshal(head, &header) != nil || header.Alg == "" {
		return d
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims bytes.Buffer
	if err != nil || !bytes.HasPrefix(body, []byte("{")) || json.Compact(&claims, body) != nil {
		return d
	}
	return Decoded{header.Alg, header.Kid, claims.String()}
}

// Decode reads the token of a request without checking it.
func (a *Authenticator) Decode(r *http.Request) Decoded {
	c, err := credentialOf(r, a.rules.Load().cookie)
	if err != nil {
		return Decoded{}
	}
	return Decode(c.text)
}
