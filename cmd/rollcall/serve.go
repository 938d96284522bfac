package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/alecthomas/kong"
)

// The exit codes of serve; see the package comment.
const (
	statusFailed      exitStatus = 1
	statusStreamsOpen exitStatus = 3
)

// Run serves until ctx ends, then shuts down.
func (c *serveCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	log := newLogger(k.Stderr, c.LogFormat, c.LogLevel)
	slog.SetDefault(log) // for packages outside the project
	if unknown := s.unknownEnv(k.Model); len(unknown) > 0 {
		log.Warn("unknown environment variables are ignored", "names", unknown)
	}
	flush, err := c.startTracing(ctx, log)
	if err != nil {
		log.Error("failed", "error", err)
		return statusFailed
	}
	defer flush()
	var at sockets
	defer at.close()
	defer func() {
		if c.passwordFile != "" {
			_ = os.Remove(c.passwordFile) // the password ends with the run
		}
	}()
	reload := &reloader{log: log, now: c, parse: s.reread, values: valuesOf(k)}
	err = errLost
	for next := c; errors.Is(err, errLost); next = reload.nextLife(c) {
		l := life{serveCmd: next, log: log, terminal: k.Stderr, reload: reload}
		err = l.run(ctx, s.effective(k.Model.Children[0].Flags), &at)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		log.Error("streams or requests were still open when the shutdown timeout passed", "timeout", c.ShutdownTimeout.String())
		return statusStreamsOpen
	}
	if errors.Is(err, errOpen) {
		fmt.Fprintf(k.Stderr, "rollcall: %v.\n", err)
		return statusFailed
	}
	log.Error("failed", "error", err)
	return statusFailed
}

// listeners returns the server's listener and the admin UI's, which may be the same. The first server of a process opens
// their sockets.
func (c *serveCmd) listeners(ctx context.Context, at *sockets, reload *reloader) (main, admin net.Listener, err error) {
	if at.main == nil {
		if at.main, err = listen(c.Listen); err != nil {
			return nil, nil, err
		}
	}
	c.local = !everybodyReaches(at.main.Addr())
	if c.open() && !c.local && !c.Insecure {
		return nil, nil, errOpen
	}
	if c.AdminListen != "" && at.admin == nil {
		if at.admin, err = listen(c.AdminListen); err != nil {
			return nil, nil, err
		}
	}
	if main, err = listenerOn(ctx, at.main); err != nil {
		return nil, nil, err
	}
	if at.admin != nil {
		if admin, err = listenerOn(ctx, at.admin); err != nil {
			return nil, nil, err
		}
	}
	if c.TLSDev || c.TLSCert != "" {
		reload.cert = new(certificate)
		if err := reload.cert.load(&c.TLSFlags); err != nil {
			return nil, nil, err
		}
		main = reload.cert.listen(main, c.NoHTTP2)
		if admin != nil {
			admin = reload.cert.listen(admin, c.NoHTTP2)
		}
	}
	if admin == nil {
		admin = main
	}
	return main, admin, nil
}

// announce prints the server's addresses and warnings about its settings.
func (c *serveCmd) announce(log *slog.Logger, terminal io.Writer, at, adminAt net.Addr, password string, cert *certificate) {
	secure := cert != nil
	log.Info("listening", "url", openURL(at, secure), "version", versionName())
	if c.AdminListen != "" {
		log.Info("the admin UI has its own address", "url", adminURL(adminAt, secure))
	}
	switch {
	case c.open() && !c.local:
		log.Warn("INSECURE: anyone who reaches this address may publish, subscribe and see presence", "address", at.String())
	case c.open():
		log.Info("open to all programs on this machine, as localhost; configure credentials to serve others")
	}
	if c.TLSDev {
		log.Info("using a self-signed certificate for this run", "sha256", cert.fingerprint())
	}
	switch {
	case password != "" && c.passwordFile != "":
		log.Info("a password for the admin UI was generated for this run, because no admin user is configured (--admin-user)",
			"url", openURL(adminAt, secure)+"admin", "user", "admin", "file", c.passwordFile)
	case password != "":
		fmt.Fprintf(terminal, "\n  Admin UI  %s\n  User      admin\n  Password  %s\n\n  Generated for this run, because no admin user is configured (--admin-user).\n\n", adminURL(adminAt, secure), password)
	case len(c.admins) == 0 && c.oidc == nil && everybodyReaches(adminAt):
		log.Warn("the admin UI is off: no admin user is configured, and other machines reach this address; see --admin-user", "address", adminAt.String())
	}
}

// everybodyReaches reports whether other machines may reach the address.
func everybodyReaches(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}
