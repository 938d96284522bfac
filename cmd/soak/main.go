package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	span    time.Duration // of the load
	streams int           // over both servers
	binary  string        // the program under test
	csv     string        // file of the samples
	svg     string        // file of the plot
	each    time.Duration // between two samples
	seed    uint64
}

// maxStreams leaves room for the other descriptors of this process, which has one for each stream of HTTP/1.1.
const maxStreams = 30_000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer context.AfterFunc(ctx, stop)() // the second signal ends the process at once
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err == nil {
		err = soak(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.DurationVar(&o.span, "for", time.Hour, "how long the load lasts")
	flags.IntVar(&o.streams, "streams", 5000, "open streams, over both servers")
	flags.StringVar(&o.binary, "server", "bin/rollcall", "the `program` under test")
	flags.StringVar(&o.csv, "csv", "soak.csv", "`file` for the samples")
	flags.StringVar(&o.svg, "svg", "soak.svg", "`file` for the plot")
	flags.DurationVar(&o.each, "each", 5*time.Second, "the time between two samples")
	flags.Uint64Var(&o.seed, "seed", 1, "chooses what each client does")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.streams < 8 || o.streams > maxStreams {
		return o, fmt.Errorf("-streams %d: allowed are 8 to %d", o.streams, maxStreams)
	}
	if o.each <= 0 || o.span < 12*o.each {
		return o, fmt.Errorf("-for %v: allowed are at least twelve samples, one each %v", o.span, o.each)
	}
	return o, nil
}

// soak starts the servers, loads them, samples them and judges the samples.
func soak(ctx context.Context, o options, out io.Writer) error {
	work, err := os.MkdirTemp("", "rollcall-soak-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	hooks, err := startEndpoint()
	if err != nil {
		return err
	}
	defer hooks.close()
	var servers []*server
	for _, kind := range []kind{{name: "clear"}, {name: "TLS", secure: true}} {
		s, err := startServer(ctx, o.binary, work, kind, hooks.url)
		if err != nil {
			return err
		}
		defer s.stop()
		servers = append(servers, s)
	}
	r := &record{began: time.Now()}
	before, err := r.take(servers)
	if err != nil {
		return err
	}
	crowd := startCrowd(ctx, o, servers)
	fmt.Fprintf(out, "%d streams on %d servers for %v, a sample each %v\n", o.streams, len(servers), o.span, o.each)
	err = r.watch(ctx, o, servers, func() { fmt.Fprintln(out, r.line(), crowd.counts.String()) })
	crowd.leave()
	if err != nil {
		return err
	}
	after, err := r.emptied(ctx, servers)
	if err != nil {
		return err
	}
	if err := errors.Join(r.writeCSV(o.csv), r.writeSVG(o.svg)); err != nil {
		return err
	}
	found := judge(r.samples, before, after)
	if hooks.taken.Load() == 0 {
		found = append(found, "no webhook came")
	}
	found = append(found, crowd.counts.faults()...)
	fmt.Fprintf(out, "%s\n%s, %d webhook messages\n", r.table(), crowd.counts.String(), hooks.taken.Load())
	if len(found) > 0 {
		for _, text := range found {
			fmt.Fprintln(out, "not well:", text)
		}
		return errors.New("the servers did not stay as they were")
	}
	fmt.Fprintln(out, "flat: nothing grew once the servers were warm, and nothing was left at the end")
	return nil
}
