package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"rollcall/web"
)

// The exit codes of serve; see the package comment.
const (
	statusFailed      exitStatus = 1
	statusStreamsOpen exitStatus = 3
)

// Run serves until ctx ends, then shuts down.
func (c *serveCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	log := newLogger(k.Stderr, c.LogFormat, c.LogLevel)
	slog.SetDefault(log) // for what packages outside the project print
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
	for life := c; errors.Is(err, errLost); life = reload.nextLife(c) {
		err = life.serve(ctx, log, k.Stderr, s.effective(k.Model.Children[0].Flags), reload, &at)
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

// serve is the life of a server. It returns context.DeadlineExceeded where streams or requests outlived the shutdown
// timeout; they have been cut.
func (c *serveCmd) serve(ctx context.Context, log *slog.Logger, terminal io.Writer, effective []web.Setting, reload *reloader, at *sockets) error {
	store, err := c.openEngine(ctx, log)
	if err != nil && ctx.Err() != nil { // told to end while it waited
		log.Info("shutting down", "cause", context.Cause(ctx), "waited", err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	var lost <-chan struct{}
	if store != nil {
		lost = store.Lost()
		defer func() {
			if err := store.Close(); err != nil {
				log.Error("the event store was not closed in order", "error", err)
			}
		}()
	}
	l, adminListener, err := c.listeners(ctx, at, reload)
	if err != nil {
		return err
	}
	password, err := c.ensureAdmin(log, isTerminal(terminal), adminListener.Addr())
	if err != nil {
		return err
	}
	access, err := c.AccessFlags.options(log, nil)
	if err != nil {
		return err
	}
	reload.verifier = access.Verifier
	reload.tokens, _ = c.verifierOptions(nil, nil) // they were found good
	reload.backend = access.Backend
	defer func() {
		reload.backend.Close()
		if reload.verifier != nil {
			reload.verifier.Close()
		}
	}()
	options := c.options(log, effective, access)
	if store != nil {
		options.Engine = store
	}
	cluster, shared := store.(*engine)
	if shared {
		options.Roster = cluster.roster
	}
	box, err := c.openOutbox(ctx, cluster, log)
	if err != nil {
		return err
	}
	if box != nil {
		options.Outbox = box
		defer func() {
			if err := box.Close(); err != nil {
				log.Error("the outbox of webhooks was not closed in order", "error", err)
			}
		}()
	}
	server, err := web.New(options)
	if err != nil {
		return err
	}
	if shared {
		cluster.server.Store(server)
	}
	reload.hooked = len(c.webhooks) > 0
	debug.FreeOSMemory() // hashing a password took 19 MiB
	served, serving := make(chan error, 2), 1
	go func() { served <- server.Serve(l) }()
	if adminListener != l {
		serving++
		go func() { served <- server.ServeAdmin(adminListener) }()
	}
	house, leave := context.WithCancel(ctx)
	tidy := make(chan struct{})
	go tuneGC(house, server.Streams)
	go func() {
		defer close(tidy)
		if reload.parse != nil {
			reload.server = server
			reload.run(house)
		}
	}()
	defer func() { leave(); <-tidy }() // before verifier and backend are closed
	c.announce(log, terminal, l.Addr(), adminListener.Addr(), password, reload.cert)

	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("serving ended: %w", cmp.Or(err, http.ErrServerClosed)), server.Close())
	case <-lost:
		log.Error("the event store was replaced: all streams begin anew", "reason", store.Err())
		server.StoreLost()
	case <-ctx.Done():
		log.Info("shutting down", "cause", context.Cause(ctx), "timeout", c.ShutdownTimeout.String())
	}
	bound, cancel := context.WithTimeout(context.Background(), time.Duration(c.ShutdownTimeout))
	defer cancel()
	err = server.Shutdown(bound)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) { // the store was lost: the next server takes over
		log.Warn("streams or requests were still open after the shutdown timeout and were cut")
		err = nil
	}
	if err != nil {
		return err
	}
	for range serving { // the next server uses the same sockets
		if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
	if ctx.Err() == nil {
		return errLost
	}
	log.Info("bye")
	return nil
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
	if main, err = lend(ctx, at.main); err != nil {
		return nil, nil, err
	}
	if at.admin != nil {
		if admin, err = lend(ctx, at.admin); err != nil {
			return nil, nil, err
		}
	}
	if c.TLSDev || c.TLSCert != "" {
		reload.cert = new(certificate)
		if err := reload.cert.load(&c.TLSFlags); err != nil {
			return nil, nil, err
		}
		main = reload.cert.listen(main)
		if admin != nil {
			admin = reload.cert.listen(admin)
		}
	}
	if admin == nil {
		admin = main
	}
	return main, admin, nil
}

// announce says where the server is, and what is to be known about it.
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
	case len(c.admins) == 0 && everybodyReaches(adminAt):
		log.Warn("the admin UI is off: no admin user is configured, and other machines reach this address; see --admin-user", "address", adminAt.String())
	}
}

// ensureAdmin sees to it that somebody can use the admin UI where only this machine reaches the address: without an
// admin user it makes one, and returns the password. Elsewhere the admin UI stays off. Where nobody reads the terminal, what
// is written there is a log that others may read and that is kept: the password is written to a file instead.
func (c *serveCmd) ensureAdmin(log *slog.Logger, terminal bool, addr net.Addr) (password string, err error) {
	if len(c.admins) > 0 || everybodyReaches(addr) {
		return "", nil
	}
	password = newPassword()
	c.hint = "The user is admin; the password was printed on the terminal when the server started."
	if !terminal {
		if c.passwordFile, err = writePassword(password); err != nil {
			c.hint = ""
			log.Warn("the admin UI is off: no admin user is configured (--admin-user), and the generated password could not be written", "error", err)
			return "", nil
		}
		c.hint = "The user is admin; the server's log names the file with the password."
	}
	c.admins, err = accounts(nil, password, "")
	return password, err
}

// writePassword writes the password to a new file that its owner alone may read.
func writePassword(password string) (path string, err error) {
	file, err := os.CreateTemp("", "rollcall-admin-password-*")
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintln(file, password)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// everybodyReaches reports whether other machines may reach the address.
func everybodyReaches(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}
