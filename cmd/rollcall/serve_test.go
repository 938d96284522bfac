package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// serveOnce runs one life of the server, without a reload.
func serveOnce(ctx context.Context, c *serveCmd, log *slog.Logger) error {
	l := life{serveCmd: c, log: log, terminal: io.Discard, reload: new(reloader)}
	return l.run(ctx, nil, new(sockets))
}

// A signal may come before the first request, even before the server accepts.
func TestServeEndsCleanlyWhenToldToAtOnce(t *testing.T) {
	others := goleak.IgnoreCurrent() // NATS servers of tests before end in their own time
	for range 20 {
		c, _, err := parse(t, "", nil, "--listen=127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("told to"))
		var logs bytes.Buffer
		if err := serveOnce(ctx, c, newLogger(&logs, "json", "info")); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(logs.String(), `"cause":"told to"`) {
			t.Errorf("logged\n%s", logs.String())
		}
	}
	goleak.VerifyNone(t, others)
}

func TestServeReportsWhatItCannotListenOn(t *testing.T) {
	others := goleak.IgnoreCurrent()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c, _, err := parse(t, "", nil, "--listen="+taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := serveOnce(t.Context(), c, newLogger(&bytes.Buffer{}, "json", "info")); err == nil {
		t.Error("no error")
	}
	goleak.VerifyNone(t, others)
}
