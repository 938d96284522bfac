package hooks

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"rollcall/web/auth"
)

// Endpoint is a receiver of webhooks.
type Endpoint struct {
	URL          string
	Secrets      []string      // whsec_…; every message is signed with each of them
	Types        []string      // nil for all but those of alarms
	Channels     auth.Patterns // only events of these channels, and those without a channel; nil for all
	AllowPrivate bool          // it may have a private address, and http
}

// secretPrefix is the prefix of secrets.
const secretPrefix = "whsec_"

// Check returns what is wrong with an endpoint, or nil. The error begins with the name of the field.
func (e *Endpoint) Check() error {
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("url must be like https://app.example.org/hooks")
	case u.Scheme == "http" && !e.AllowPrivate:
		return errors.New("url must begin with https://; http:// is for endpoints with allow-private")
	case u.Fragment != "":
		return errors.New("url must have no fragment")
	case len(e.Secrets) == 0:
		return errors.New("secret is missing; make one with: echo whsec_$(head -c 32 /dev/urandom | base64)")
	case len(e.Secrets) > maxSecrets:
		return fmt.Errorf("secret is a list of %d; it may have %d", len(e.Secrets), maxSecrets)
	}
	for _, secret := range e.Secrets {
		text, ok := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < 24 || len(key) > 64 {
			return errors.New("secret must be whsec_ and 24 to 64 bytes in base64")
		}
	}
	for _, kind := range e.Types {
		if !slices.Contains(Types, kind) {
			return fmt.Errorf("types has %q; known are %s", kind, strings.Join(Types, ", "))
		}
	}
	return nil
}

// maxSecrets bounds the secrets of an endpoint.
const maxSecrets = 4

// id names an endpoint, independent of its secrets and filters.
func (e *Endpoint) id() string {
	sum := sha256.Sum256([]byte(e.URL))
	return hex.EncodeToString(sum[:8])
}

// Shown is the endpoint's URL without a password and without the values of its query.
func (e *Endpoint) Shown() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.Redacted()
}

// wants reports whether an event matches the endpoint's filters.
func (e *Endpoint) wants(ev *Event) bool {
	if !slices.Contains(e.Types, ev.Type) && (len(e.Types) > 0 || ev.isAlarm()) {
		return false
	}
	return len(e.Channels) == 0 || ev.ChannelName == "" || e.Channels.Matches(ev.ChannelName)
}

// of returns the events that match the endpoint's filters.
func (e *Endpoint) of(events []Event) []Event {
	var list []Event
	for i := range events {
		if e.wants(&events[i]) {
			list = append(list, events[i])
		}
	}
	return list
}
