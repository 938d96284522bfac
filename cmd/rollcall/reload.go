package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"
	"time"

	"rollcall/web"
	"rollcall/web/auth"
)

// watchEvery is how often the files that settings name are looked at. Looking finds what notifications miss: renamed
// directories and links, as orchestrators mount them, and network file systems.
const watchEvery = 2 * time.Second

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
}

// fixed tells whether a setting counts only at the start.
func fixed(name string) bool {
	return !slices.Contains([]string{
		"config", "cors-origin", "api-key", "api-keys", "jwt-secret", "jwt-public-key", "jwks-url", "jwt-issuer", "jwt-audience", "jwt-leeway",
		"token-cookie", "anonymous", "tls-cert", "tls-key", "admin-user", "admin-password", "admin-password-file",
	}, name)
}

// run reloads when there is reason to, until ctx ends.
func (r *reloader) run(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	seen := look(r.now.files())
	for {
		why := "SIGHUP"
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		case <-ticker.C:
			if slices.Equal(look(r.now.files()), seen) {
				continue
			}
			why = "a file has changed"
		}
		seen = look(r.now.files()) // before it is read: what changes meanwhile is found the next time
		if err := r.reload(); err != nil {
			r.log.Error("the settings were not reloaded; those from before stay in effect", "cause", why, "error", err)
		} else {
			r.log.Info("reloaded", "cause", why)
			seen = look(r.now.files())
		}
	}
}

// reload reads the settings anew and puts them into effect, all or none.
func (r *reloader) reload() error {
	next, values, err := r.parse()
	if err != nil {
		return err
	}
	if next.open() != r.now.open() && next.open() && !r.now.local {
		return errOpen
	}
	if len(next.admins) == 0 {
		next.admins = r.now.admins // the one that was made at the start
	}
	next.local = r.now.local
	cert := new(certificate)
	if r.cert != nil && !r.now.TLSDev {
		if err := cert.load(&next.TLSFlags); err != nil {
			return err
		}
	}
	settings, err := next.verifierOptions(r.log, nil)
	if err != nil {
		return err
	}
	settings.Log = nil
	keep := r.verifier != nil && reflect.DeepEqual(settings, r.tokens)
	access, err := next.AccessFlags.options(r.log, r.verifier)
	if err != nil {
		return err
	}
	made := access.Verifier
	if keep {
		made.Close()
		access.Verifier = r.verifier
	}
	if err := r.server.Reload(web.Changes{Access: access, Admins: next.admins, CORSOrigins: next.CORSOrigin}); err != nil {
		if !keep && made != nil {
			made.Close()
		}
		return err
	}
	if keep {
		r.verifier.Refresh()
	} else {
		if r.verifier != nil {
			r.verifier.Close()
		}
		r.verifier, r.tokens = made, settings
	}
	if c := cert.now.Load(); c != nil {
		r.cert.now.Store(c)
	}
	for name, value := range values {
		if r.values[name] != value && fixed(name) {
			r.log.Warn("this setting has changed, and takes a restart", "setting", name)
		}
	}
	r.now = next
	return nil
}

// files are those that the settings name and that may change at run time.
func (c *serveCmd) files() []string {
	list := append([]string{c.Config, c.APIKeys, c.AdminPasswordFile, c.TLSCert, c.TLSKey}, c.JWTPublicKey...)
	return slices.DeleteFunc(list, func(path string) bool { return path == "" })
}

// look returns what tells one state of the files from another.
func look(paths []string) []string {
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

// identity tells a file from another of the same size and time, where the system does.
func identity(info fs.FileInfo) any {
	sys := reflect.Indirect(reflect.ValueOf(info.Sys()))
	if sys.Kind() == reflect.Struct {
		if inode := sys.FieldByName("Ino"); inode.IsValid() {
			return inode.Interface()
		}
	}
	return nil
}
