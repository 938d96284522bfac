package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
	err := c.serve(ctx, log)
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
func (c *serveCmd) serve(ctx context.Context, log *slog.Logger) error {
	server, err := web.New(c.options(log))
	if err != nil {
		return err
	}
	l, err := listen(c.Listen)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	go keepHouse(ctx, server.Streams)
	log.Info("listening", "url", openURL(l.Addr()), "version", versionName())
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

// everybodyReaches tells whether other machines may reach the address.
func everybodyReaches(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}
