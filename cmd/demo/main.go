package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rollcall/cmd/demo/traffic"
	"rollcall/web"
)

// shutdownTimeout bounds how long the end may take.
const shutdownTimeout = 5 * time.Second

// maxPeople is about as many as fit into the usual limit of open files.
const maxPeople = 5000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer context.AfterFunc(ctx, stop)() // the second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stdout); errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run serves and plays until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9090", "`address` to listen on")
	people := flags.Int("people", 120, "how many people there are")
	seed := flags.Uint64("seed", 1, "chooses the people and what they like")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *people < 1 || *people > maxPeople {
		return fmt.Errorf("-people %d: allowed are 1 to %d", *people, maxPeople)
	}

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	options, err := serverOptions(log, *listen)
	if err != nil {
		return err
	}
	receiving, err := startEndpoints()
	if err != nil {
		return err
	}
	defer receiving.Close() // after the server, which still sends at its end
	if options.Webhooks, err = receiving.webhooks(); err != nil {
		return err
	}
	server, err := web.New(options)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	url := "http://" + reachable(l.Addr())
	announce(out, url, *people)
	// The crowd disconnects before the server ends, because a server's end should not look like a fault.
	playing, leave := context.WithCancel(ctx)
	defer leave()
	crowd := traffic.Start(playing, url, traffic.Options{People: *people, Seed: *seed, H2C: options.H2C})

	select {
	case err = <-served:
		leave()
		crowd.Wait()
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	crowd.Wait()
	did := crowd.Counts()
	fmt.Fprintf(out, "%d streams, %d events; bye\n", did.Streams, did.Events)
	bound, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return errors.Join(server.Shutdown(bound), <-served)
}

// announce prints the addresses to visit.
func announce(out io.Writer, url string, people int) {
	fmt.Fprintf(out, `Rollcall with %d people, until Ctrl-C:

  %[2]s/admin                 the admin UI: operator demo or viewer guest, password %[3]s
  %[2]s/                      the start page
  %[2]s/presence/clients      who is online
  %[2]s/presence/channels     what is going on where

`, people, url, adminPassword)
}

// reachable is the address by which this machine reaches a listener.
func reachable(addr net.Addr) string {
	tcp := addr.(*net.TCPAddr)
	if tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
	}
	return tcp.String()
}
