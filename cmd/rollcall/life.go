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
	"slices"
	"time"

	"rollcall/hub/disklog"
	"rollcall/web"
)

// life is one server of the process, with its event store. If the store is lost, the life ends, and the next one opens
// another store and serves on the same sockets.
type life struct {
	*serveCmd
	log      *slog.Logger
	terminal io.Writer
	reload   *reloader

	store       eventStore // nil for events in memory
	main, admin net.Listener
	password    string // of the admin user that was made for this run; "" for none
	server      *web.Server
	served      chan error // receives the end of each listener
	closers     []func()   // run at the end, the last one first
}

// run serves until ctx ends or the store is lost, which is errLost. It returns context.DeadlineExceeded if streams or
// requests outlived the shutdown timeout and were cut.
func (l *life) run(ctx context.Context, effective []web.Setting, at *sockets) error {
	defer l.close()
	if err := l.openStore(ctx); err != nil {
		if ctx.Err() == nil {
			return err
		}
		l.log.Info("shutting down", "cause", context.Cause(ctx), "waited", err.Error())
		return nil
	}
	if err := l.listen(ctx, at); err != nil {
		return err
	}
	if err := l.newServer(ctx, effective); err != nil {
		return err
	}
	l.start(ctx)
	l.announce(l.log, l.terminal, l.main.Addr(), l.admin.Addr(), l.password, l.reload.cert)
	if err := l.wait(ctx); err != nil {
		return err
	}
	if err := l.shutdown(ctx); err != nil {
		return err
	}
	if ctx.Err() == nil {
		return errLost
	}
	l.log.Info("bye")
	return nil
}

func (l *life) close() {
	for _, f := range slices.Backward(l.closers) {
		f()
	}
}

// closeAtEnd closes c at the end, and logs why that failed.
func (l *life) closeAtEnd(c io.Closer, failure string) {
	l.closers = append(l.closers, func() {
		if err := c.Close(); err != nil {
			l.log.Error(failure, "error", err)
		}
	})
}

func (l *life) openStore(ctx context.Context) (err error) {
	if l.store, err = l.openEngine(ctx, l.log); err != nil {
		return err
	}
	if l.store != nil {
		l.closeAtEnd(l.store, "the event store was not closed in order")
	}
	return nil
}

// listen opens the listeners, and makes an admin user if the admin UI needs one.
func (l *life) listen(ctx context.Context, at *sockets) (err error) {
	if l.main, l.admin, err = l.listeners(ctx, at, l.reload); err != nil {
		return err
	}
	l.password, err = l.ensureAdmin(l.log, isTerminal(l.terminal), l.admin.Addr())
	return err
}

// newServer makes the server on the store.
func (l *life) newServer(ctx context.Context, effective []web.Setting) error {
	access, err := l.AccessFlags.options(l.log, nil)
	if err != nil {
		return err
	}
	l.reload.verifier = access.Verifier
	l.reload.tokens, _ = l.verifierOptions(nil, nil) // the options above are valid, so these are
	l.reload.backend = access.Backend
	l.closers = append(l.closers, func() {
		l.reload.backend.Close()
		if l.reload.verifier != nil {
			l.reload.verifier.Close()
		}
	})
	options := l.options(l.log, effective, access)
	if l.store != nil {
		options.Engine = l.store
	}
	cluster, shared := l.store.(*engine)
	if shared {
		options.Roster = cluster.roster
	}
	box, err := l.openOutbox(ctx, cluster, l.log)
	if err != nil {
		return err
	}
	if box != nil {
		options.Outbox = box
		if d, ok := l.store.(*directory); ok {
			d.outbox, _ = box.(*disklog.Outbox)
		}
		l.closeAtEnd(box, "the outbox of webhooks was not closed in order")
	}
	if l.server, err = web.New(options); err != nil {
		return err
	}
	if shared {
		cluster.server.Store(l.server)
	}
	endIngest, err := l.openIngest(ctx, cluster, l.server, l.log)
	if err != nil {
		return errors.Join(err, l.server.Close())
	}
	l.closers = append(l.closers, endIngest) // after the streams: those of other servers still need its events
	l.reload.hooked = len(l.webhooks) > 0
	debug.FreeOSMemory() // hashing a password took 19 MiB
	return nil
}

// start serves on the listeners, reloads changed settings and tunes the garbage collector.
func (l *life) start(ctx context.Context) {
	listeners := []func() error{func() error { return l.server.Serve(l.main) }}
	if l.admin != l.main {
		listeners = append(listeners, func() error { return l.server.ServeAdmin(l.admin) })
	}
	l.served = make(chan error, len(listeners))
	for _, serve := range listeners {
		go func() { l.served <- serve() }()
	}
	ctx, cancel := context.WithCancel(ctx)
	reloading := make(chan struct{})
	go tuneGC(ctx, l.server.Streams)
	go func() {
		defer close(reloading)
		if l.reload.parse != nil {
			l.reload.server = l.server
			l.reload.run(ctx)
		}
	}()
	l.closers = append(l.closers, func() { cancel(); <-reloading }) // before verifier and backend are closed
}

// wait waits for the reason to shut down. It fails if a listener ends.
func (l *life) wait(ctx context.Context) error {
	var lost <-chan struct{}
	if l.store != nil {
		lost = l.store.Lost()
	}
	select {
	case err := <-l.served:
		return errors.Join(fmt.Errorf("serving ended: %w", cmp.Or(err, http.ErrServerClosed)), l.server.Close())
	case <-lost:
		l.log.Error("the event store was replaced: all streams begin anew", "reason", l.store.Err())
		l.server.StoreLost()
	case <-ctx.Done():
		l.log.Info("shutting down", "cause", context.Cause(ctx), "timeout", l.ShutdownTimeout.String())
	}
	return nil
}

// shutdown ends the server in order and waits for its listeners, because the next life uses the same sockets.
func (l *life) shutdown(ctx context.Context) error {
	bound, cancel := context.WithTimeout(context.Background(), time.Duration(l.ShutdownTimeout))
	defer cancel()
	err := l.server.Shutdown(bound)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) { // the next life continues
		l.log.Warn("streams or requests were still open after the shutdown timeout and were cut")
		err = nil
	}
	if err != nil {
		return err
	}
	for range cap(l.served) {
		if err := <-l.served; err != nil && !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
	return nil
}
