package auth

import (
	"net/http"
	"net/url"
	"strings"
)

// carrier is the part of a request that carried a credential; values are combined as bits.
type carrier uint8

const (
	inAuthorization carrier = 1 << iota
	inKeyHeader
	inQuery
	inCookie
)

// TokenParameter is the query parameter that holds a token, for an EventSource,
// which can send no headers. It must never be logged.
const TokenParameter = "access_token"

// credential is a request's credential.
type credential struct {
	text string  // "": nothing
	from carrier // everywhere it stood
}

// credentialOf finds a request's credential. Schemes other than Bearer are ignored; they may be for a proxy in front.
func credentialOf(r *http.Request, cookie string) (credential, error) {
	var c credential
	for _, value := range r.Header["Authorization"] {
		scheme, text, _ := strings.Cut(value, " ")
		if strings.EqualFold(scheme, "Bearer") {
			if err := c.add(strings.TrimLeft(text, " "), inAuthorization); err != nil {
				return c, err
			}
		}
	}
	for _, text := range r.Header["X-Api-Key"] {
		if err := c.add(text, inKeyHeader); err != nil {
			return c, err
		}
	}
	if r.URL.RawQuery != "" {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil && strings.Contains(r.URL.RawQuery, TokenParameter) {
			return c, ErrMalformed // an unreadable header may hold one
		}
		for _, text := range query[TokenParameter] {
			if err := c.add(text, inQuery); err != nil {
				return c, err
			}
		}
	}
	if cookie != "" {
		for _, found := range r.CookiesNamed(cookie) {
			if found.Value == "" {
				continue // how some clear a cookie
			}
			if err := c.add(found.Value, inCookie); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// add notes a credential. The same one may stand in several places.
func (c *credential) add(text string, from carrier) error {
	switch {
	case text == "":
		return ErrMalformed
	case c.text != "" && c.text != text:
		return ErrAmbiguous
	}
	c.text, c.from = text, c.from|from
	return nil
}
