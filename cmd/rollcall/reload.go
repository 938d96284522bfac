package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/login"
)

// watchEvery is the interval of checks for changed files. Polling finds changes that notifications miss: renamed
// directories and links, as orchestrators mount them, and network file systems. Tests shorten it.
var watchEvery = 2 * time.Second

// reloader brings a running server's settings up to date: at SIGHUP and when one of the files has changed.
type reloader struct {
	log      *slog.Logger
	server   *web.Server
	now      *serveCmd // the settings in effect
	parse    func() (*serveCmd, map[string]string, error)
	values   map[string]string // of the settings when the server started
	cert     *certificate      // nil without TLS
	verifier *auth.Verifier    // nil without tokens
	tokens   auth.VerifierOptions
	backend  *auth.Backend // nil without one that is asked
	hooked   bool          // the server has webhooks, and can have others
}

// fixed reports whether a setting counts only at the start.
func fixed(name string) bool {
	return !slices.Contains([]string{
		"config", "cors-origin", "channel", "api-key", "api-keys", "jwt-secret", "jwt-public-key", "jwks-url", "jwt-issuer", "jwt-audience", "jwt-leeway",
		"token-cookie", "anonymous", "authorize-url", "authorize-headers", "authorize-cookies", "authorize-rate", "tls-cert", "tls-key", "admin-user", "admin-role", "admin-password", "admin-password-file",
		"admin-url", "oidc-issuer", "oidc-client-id", "oidc-client-secret", "oidc-client-secret-file", "oidc-scope", "oidc-groups-claim", "oidc-role",
	}, name)
}

// run reloads when there is reason to, until ctx ends.
func (r *reloader) run(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	seen := r.now.seen
	last := seen
	for {
		why := "SIGHUP"
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		case <-ticker.C:
			before := last
			if last = fileStates(r.now.watchedFiles()); slices.Equal(last, seen) || !slices.Equal(last, before) {
				continue // nothing new, or something that is still being written
			}
			why = "a file has changed"
		}
		seen = fileStates(r.now.watchedFiles()) // before it is read: changes during the read are found the next time
		if err := r.reload(); err != nil {
			r.log.Error("the settings were not reloaded; the old ones stay in effect", "cause", why, "error", err)
		} else {
			r.log.Info("reloaded", "cause", why) // if other files are named now, it runs once more
		}
	}
}

// reload reads the settings anew and applies them, all or none.
func (r *reloader) reload() error {
	next, values, err := r.parse()
	if err != nil {
		return err
	}
	keepsTLS := r.inherit(next)
	if next.open() && !next.local && !next.Insecure {
		return errOpen
	}
	cert := new(certificate)
	if r.cert != nil && !next.TLSDev {
		if err := cert.load(&next.TLSFlags); err != nil {
			return err
		}
	}
	access, err := r.access(next)
	if err != nil {
		return err
	}
	changes := web.Changes{Access: access.Options, Admins: next.admins, OIDC: next.oidc, CORSOrigins: next.CORSOrigin, Webhooks: next.webhooks, ChannelRules: next.rules}
	if err := r.server.Reload(changes); err != nil {
		access.discard()
		return err
	}
	access.adopt()
	if c := cert.now.Load(); c != nil {
		r.cert.now.Store(c)
	}
	r.warnOfFixed(values, keepsTLS, len(next.webhooks) > 0)
	r.now = next
	return nil
}

// inherit takes over what a reload does not change. It reports whether the settings of TLS are among that: only a running
// server's certificate can change.
func (r *reloader) inherit(next *serveCmd) (keepsTLS bool) {
	next.local, next.Insecure = r.now.local, r.now.Insecure
	if len(next.admins) == 0 && r.now.hint != "" {
		next.admins, next.hint = r.now.admins, r.now.hint // the user that was made at the start
	}
	next.keepHashes(r.now.admins)
	keepsTLS = r.cert == nil || r.now.TLSDev || next.TLSCert == ""
	if keepsTLS {
		next.TLSFlags = r.now.TLSFlags
	}
	return keepsTLS
}

// warnOfFixed logs changes that need a restart.
func (r *reloader) warnOfFixed(values map[string]string, keepsTLS, hasWebhooks bool) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if r.values[name] != values[name] && (fixed(name) || keepsTLS && (name == "tls-cert" || name == "tls-key")) {
			r.log.Warn("this setting has changed and needs a restart", "setting", name)
		}
	}
	if !r.hooked && hasWebhooks {
		r.log.Warn("this setting has changed, and takes a restart", "setting", webhooksKey)
	}
}

// reloadedAccess is the access rules of a reload. A verifier and a backend with the same settings as before stay, with
// their keys and answers.
type reloadedAccess struct {
	*auth.Options
	r                         *reloader
	tokens                    auth.VerifierOptions
	keepsVerifier, keepsAsked bool
}

func (r *reloader) access(next *serveCmd) (*reloadedAccess, error) {
	tokens, err := next.verifierOptions(r.log, nil)
	if err != nil {
		return nil, err
	}
	tokens.Log = nil
	options, err := next.AccessFlags.options(r.log, r.verifier)
	if err != nil {
		return nil, err
	}
	a := &reloadedAccess{
		Options: options, r: r, tokens: tokens,
		keepsVerifier: r.verifier != nil && reflect.DeepEqual(tokens, r.tokens),
		keepsAsked:    r.backend != nil && reflect.DeepEqual(next.backendOptions(nil), r.now.backendOptions(nil)),
	}
	if a.keepsVerifier {
		a.Verifier.Close()
		a.Verifier = r.verifier
	}
	if a.keepsAsked {
		a.Backend.Close()
		a.Backend = r.backend
	}
	return a, nil
}

// discard closes the new verifier and backend, after the server has refused them.
func (a *reloadedAccess) discard() {
	if !a.keepsVerifier && a.Verifier != nil {
		a.Verifier.Close()
	}
	if !a.keepsAsked {
		a.Backend.Close()
	}
}

// adopt replaces the old verifier and backend, after the server has accepted the new ones.
func (a *reloadedAccess) adopt() {
	if !a.keepsAsked {
		a.r.backend.Close()
		a.r.backend = a.Backend
	}
	if a.keepsVerifier {
		a.r.verifier.Refresh()
		return
	}
	if a.r.verifier != nil {
		a.r.verifier.Close()
	}
	a.r.verifier, a.r.tokens = a.Verifier, a.tokens
}

// nextLife returns the settings of the server that follows a lost event store: those of the start, with the reloaded
// values of all settings that a reload changes. A removed key stays removed.
func (r *reloader) nextLife(start *serveCmd) *serveCmd {
	next, now := *start, r.now
	next.CORSOrigin, next.TLSFlags, next.seen = now.CORSOrigin, now.TLSFlags, now.seen
	next.admins, next.hint, next.AdminRole = now.admins, now.hint, now.AdminRole
	next.OIDCFlags, next.oidc = now.OIDCFlags, now.oidc
	next.AdminUser, next.AdminPassword, next.AdminPasswordFile = now.AdminUser, now.AdminPassword, now.AdminPasswordFile
	next.APIKey, next.APIKeys = now.APIKey, now.APIKeys
	next.JWTSecret, next.JWTPublicKey, next.JWKSURL = now.JWTSecret, now.JWTPublicKey, now.JWKSURL
	next.JWTIssuer, next.JWTAudience, next.JWTLeeway = now.JWTIssuer, now.JWTAudience, now.JWTLeeway
	next.TokenCookie, next.Anonymous = now.TokenCookie, now.Anonymous
	next.AuthorizeURL, next.AuthorizeRate = now.AuthorizeURL, now.AuthorizeRate
	next.AuthorizeHeaders, next.AuthorizeCookies = now.AuthorizeHeaders, now.AuthorizeCookies
	next.webhooks = now.webhooks
	r.now = &next
	return &next
}

// keepHashes gives the accounts whose password is the same as before the hash that it had, so that their logins stay:
// each hash of a password is another.
func (c *serveCmd) keepHashes(before []login.Account) {
	password := c.AdminPassword
	if c.AdminPasswordFile != "" {
		password, _ = readPasswordFile(c.AdminPasswordFile) // else it does not fit
	}
	if password == "" || strings.HasPrefix(password, hashPrefix) {
		return
	}
	old, err := login.NewAccounts(before)
	if err != nil {
		return
	}
	for i := range c.admins {
		if was, err := old.Verify(context.Background(), c.admins[i].Name, []byte(password)); err == nil {
			c.admins[i].Hash = was.Hash
		}
	}
}

// watchedFiles returns the files that settings name and that may change at run time.
func (c *serveCmd) watchedFiles() []string {
	list := append([]string{c.Config, c.APIKeys, c.AdminKeys, c.AdminPasswordFile, c.OIDCClientSecretFile, c.TLSCert, c.TLSKey}, c.JWTPublicKey...)
	return slices.DeleteFunc(list, func(path string) bool { return path == "" })
}

// fileStates returns one text for each file, which differs when the file has changed.
func fileStates(paths []string) []string {
	states := make([]string, len(paths))
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			states[i] = path
			continue
		}
		states[i] = fmt.Sprint(path, info.ModTime().UnixNano(), info.Size(), identity(info))
	}
	return states
}

// identity distinguishes a file from another one of the same size and time, if the system does.
func identity(info fs.FileInfo) any {
	sys := reflect.Indirect(reflect.ValueOf(info.Sys()))
	if sys.Kind() == reflect.Struct {
		if inode := sys.FieldByName("Ino"); inode.IsValid() {
			return inode.Interface()
		}
	}
	return nil
}
