package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of an answer.
const (
	maxAnswer   = 64 << 10        // bytes
	usualMaxAge = 5 * time.Second // without Cache-Control
	mostMaxAge  = 5 * time.Minute
)

// admission is the body of an answer. Other names in it are ignored.
type admission struct {
	ClientID string         `json:"clientId"`
	Channels claimedRead    `json:"channels"`
	Info     jsontext.Value `json:"info"`
	Expires  *numericDate   `json:"expires"`
}

// claimedRead are the patterns of an answer.
type claimedRead struct {
	Subscribe []string `json:"subscribe"`
}

// answer is the outcome of a question.
type answer struct {
	grant *Grant
	err   error     // ErrLogin, ErrNotAllowed or a *BackendError
	until time.Time // end of its validity for other requests
	cost  int       // in bytes of remembered answers
}

// readAnswer reads the backend's response. An error is the end of a sentence that begins with "the answer".
func readAnswer(status int, header http.Header, body []byte, now time.Time) (answer, error) {
	a := answer{cost: answerCost + len(body), until: now.Add(maxAge(header))}
	switch {
	case status == http.StatusUnauthorized:
		a.err = ErrLogin
		return a, nil
	case status == http.StatusForbidden:
		a.err = ErrNotAllowed
		return a, nil
	case status >= 300 && status < 400:
		return a, fmt.Errorf("has the status %d; redirects are not followed", status)
	case status != http.StatusOK:
		return a, fmt.Errorf("has the status %d; it must be 200, 401 or 403", status)
	case len(body) > maxAnswer:
		return a, fmt.Errorf("is larger than %d bytes", maxAnswer)
	}
	g, err := grantOf(body, now)
	if err != nil {
		return a, err
	}
	if a.grant = g; !g.Expires.IsZero() && g.Expires.Before(a.until) {
		a.until = g.Expires
	}
	return a, nil
}

// grantOf returns the grant of an answer's body.
func grantOf(body []byte, now time.Time) (*Grant, error) {
	var said admission
	var wrong *strict.SemanticError
	err := strict.Unmarshal(body, &said)
	switch kind := jsontext.Value(body).Kind(); {
	case err != nil && !errors.As(err, &wrong):
		return nil, errors.New("is not valid JSON")
	case kind != '{':
		return nil, errors.New("is not a JSON object")
	case err != nil:
		return nil, fmt.Errorf("is not as it should be at %s", wrong.JSONPointer)
	}
	info, err := compactInfo(said.Info)
	if err != nil {
		return nil, fmt.Errorf("is not as it should be: info %w", err)
	}
	g := &Grant{Kind: Asked, Info: info, Ambient: true}
	if said.ClientID != "" {
		if err := checkSubject(said.ClientID); err != nil {
			return nil, fmt.Errorf("is not as it should be: clientId %w", err)
		}
		g.Name, g.ClientID, g.identity = said.ClientID, said.ClientID, "backend:"+said.ClientID
	}
	if g.subscribe, err = claimedPatterns("subscribe", said.Channels.Subscribe); err != nil {
		return nil, fmt.Errorf("is not as it should be: %s", strings.TrimPrefix(err.Error(), ErrClaims.Error()+": "))
	}
	g.history, g.presence = g.subscribe, g.subscribe
	if said.Expires != nil {
		if g.Expires = said.Expires.Time; g.Expired(now) {
			return nil, errors.New("has expired: expires, in seconds since 1970, is in the past")
		}
	}
	return g, nil
}

// maxAge returns the lifetime that Cache-Control gives an answer, within bounds.
func maxAge(header http.Header) time.Duration {
	age := usualMaxAge
	for _, line := range header["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
			switch name {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
				if err != nil {
					return 0
				}
				age = min(time.Duration(seconds)*time.Second, mostMaxAge)
			}
		}
	}
	return age
}
