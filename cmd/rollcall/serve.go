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
	err := c.serve(ctx, log, k.Stderr, s.effective(k.Model.Children[0].Flags))
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		log.Error("streams or requests were still open when the shutdown timeout passed", "timeout", c.ShutdownTimeout.String())
		return statusStreamsOpen
	}
	log.Error("failed", "error", err)
	return statusFailed
}

// serve is the life of a server. It returns context.DeadlineExceeded where streams or requests outlived the shutdown
// timeout; they have been cut.
func (c *serveCmd) serve(ctx context.Context, log *slog.Logger, terminal io.Writer, effective []web.Setting) error {
	l, err := listen(c.Listen)
	if err != nil {
		return err
	}
	made, err := c.ensureAdmin(l.Addr())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server, err := web.New(c.options(log, effective))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	debug.FreeOSMemory() // hashing a password took 19 MiB
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	go keepHouse(ctx, server.Streams)
	log.Info("listening", "url", openURL(l.Addr()), "version", versionName())
	if made != "" {
		fmt.Fprintf(terminal, "\n  Admin UI  %sadmin\n  User      admin\n  Password  %s\n\n  Made for this run, as no admin user is configured (--admin-user).\n\n", openURL(l.Addr()), made)
	} else if len(c.admins) == 0 {
		log.Warn("the admin UI is off: no admin user is configured, and other machines reach this address; see --admin-user", "address", l.Addr().String())
	}
	if everybodyReaches(l.Addr()) {
		log.Warn("anyone who can reach this address can publish and subscribe: there is no login", "address", l.Addr().String())
	}

	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("serving ended: %w", cmp.Or(err, http.ErrServerClosed)), server.Close())
	case <-ctx.Done():
	}
	log.Info("shutting down", "cause", context.Cause(ctx), "timeout", c.ShutdownTimeout.String())
	bound, cancel := context.WithTimeout(context.Background(), time.Duration(c.ShutdownTimeout))
	defer cancel()
	if err := server.Shutdown(bound); err != nil {
		return err
	}
	if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Info("bye")
	return nil
}

// ensureAdmin sees to it that somebody can use the admin UI where only this machine reaches the address: without an
// admin user it makes one, and returns the password. Elsewhere the admin UI stays off.
func (c *serveCmd) ensureAdmin(addr net.Addr) (password string, err error) {
	if len(c.admins) > 0 || everybodyReaches(addr) {
		return "", nil
	}
	password = newPassword()
	c.hint = "The user is admin; the password was printed on the terminal when the server started."
	c.admins, err = accounts(nil, password, "")
	return password, err
}

// everybodyReaches tells whether other machines may reach the address.
func everybodyReaches(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}
