package templates

import (
	"strconv"
	"time"
)

// LoginView is the page at /admin/login.
type LoginView struct {
	Version  string
	Username string
	Next     string // path of the page after the login; may be empty
	Error    string
	Notice   string        // "Your session has expired."
	Wait     time.Duration // before the next attempt; 0 for none
	Hint     string        // where to find the password; may be empty

	Passwords              bool   // there are users with a password
	Provider, ProviderHost string // where to log in at a provider, and its name; may be empty
}

// seconds returns a wait in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

func waitText(d time.Duration) string {
	if d >= 2*time.Minute {
		return strconv.Itoa(int((d+time.Minute-1)/time.Minute)) + " minutes"
	}
	if s := seconds(d); s != "1" {
		return s + " seconds"
	}
	return "1 second"
}
