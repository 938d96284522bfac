package jetlog

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/nats-io/nats.go"
)

// Redacted returns a URL for display: without a password, and without a user that has no password, which NATS takes
// for a token.
func Redacted(u *url.URL) string {
	shown := *u
	if u.User != nil {
		if _, has := u.User.Password(); !has {
			shown.User = url.User("xxxxx")
		}
	}
	return shown.Redacted()
}

// connectedURL returns the connection's URL for display.
func connectedURL(nc *nats.Conn) string {
	u, err := url.Parse(nc.ConnectedUrl())
	if err != nil {
		return ""
	}
	return Redacted(u)
}

// connectError says why there is no connection, without the URL, which may contain a password.
func connectError(err error) error {
	var malformed *url.Error
	if errors.As(err, &malformed) {
		err = fmt.Errorf("a URL is malformed: %w", malformed.Err)
	}
	return fmt.Errorf("connect to NATS: %w", err)
}
