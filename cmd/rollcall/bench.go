package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"rollcall/cmd/rollcall/bench"
)

// benchCmd loads a server with streams and events and reports the cost.
type benchCmd struct {
	SubscribeURL []string `name:"subscribe-url" sep:"none" placeholder:"URL" help:"The URL of a stream, for GET. May be repeated: streams are spread over all URLs. {channel} stands for the stream's channels joined by commas, {stream} for its number. The default is Rollcall on 127.0.0.1:9090."`
	PublishURL   string   `name:"publish-url" placeholder:"URL" help:"The URL for publishing, by POST. {channel} stands for the channel. The default is Rollcall on 127.0.0.1:9090."`
	PublishBody  string   `placeholder:"TEMPLATE" help:"The body of the POST, with {payload}, {channel}, {type}, or {events}: a list of --publish-batch events. The default is Rollcall's."`
	PublishEvent string   `placeholder:"TEMPLATE" help:"One element of {events}, with {payload}, {channel}, {type}. The default is Rollcall's."`
	Header       []string `sep:"none" placeholder:"NAME:VALUE" help:"Send this header with every request. May be repeated."`

	InsecureTLS          bool `name:"insecure-tls" help:"Accept any certificate, such as that of \"serve --tls-dev\"."`
	H2                   bool `name:"h2" help:"Open streams over HTTP/2: with TLS for https, else with prior knowledge."`
	StreamsPerConnection int  `placeholder:"N" default:"1" help:"With --h2: streams on each connection."`

	Streams           int    `placeholder:"N" short:"n" default:"1000" help:"Streams to open. With 0, only publishing is measured."`
	Channels          int    `placeholder:"N" short:"m" default:"1" help:"Channels. Streams and events are spread over them evenly."`
	ChannelsPerStream int    `placeholder:"N" default:"0" help:"Channels per stream. 0: one, or three with --resume."`
	ChannelPrefix     string `placeholder:"NAME" default:"bench" help:"The prefix of channel names, before the run and a number."`
	Type              string `placeholder:"NAME" default:"message" help:"The event type, for {type}."`
	Payload           int    `placeholder:"BYTES" default:"100" help:"Size of a payload in bytes; at least 49."`
	Slow              int    `placeholder:"N" default:"0" help:"The number of streams that never read."`

	Rate         float64  `placeholder:"EVENTS" short:"r" default:"20" help:"Events per second, over all channels together."`
	Duration     Duration `placeholder:"DURATION" short:"d" default:"10s" help:"How long to measure."`
	Warmup       Duration `placeholder:"DURATION" default:"2s" help:"The length of the warm-up, which is not measured. 0: none."`
	Burst        int      `placeholder:"N" short:"b" default:"0" help:"Publish this many events back to back, instead of at a rate."`
	Bursts       int      `placeholder:"N" default:"1" help:"The number of bursts; each starts when the one before has arrived."`
	PublishBatch int      `placeholder:"N" default:"1" help:"Events in one POST."`
	Publishers   int      `placeholder:"N" default:"1" help:"Connections that publish at the same time, each to its own channels."`

	Idle   bool `help:"Publish nothing: measure only connecting and memory."`
	Resume bool `help:"Drop all streams, publish, reconnect all with Last-Event-ID and check that nothing is lost or repeated."`
	Drops  int  `placeholder:"N" default:"0" help:"With --resume: first, drop all streams N times for two seconds each, while --rate events per second are published."`
	Missed int  `placeholder:"N" default:"100" help:"With --resume: events per channel while the streams are disconnected."`
	Live   int  `placeholder:"N" default:"10" help:"With --resume: streams that stay connected and follow live traffic at --rate."`

	PID      []int    `name:"pid" placeholder:"PID" help:"The server's process, to measure its CPU and memory with those of its children. May be repeated. Linux only."`
	Settle   Duration `placeholder:"DURATION" default:"3s" help:"How long open streams stay idle before memory is read. 0: no wait."`
	Patience Duration `placeholder:"DURATION" default:"10s" help:"Give up after this long without any delivery."`
	Window   int      `placeholder:"N" default:"0" help:"Streams being connected at the same time. 0: 100, or 2000 with --resume."`
	Readers  int      `placeholder:"N" default:"1" help:"Threads that read streams. Linux only."`
	Portable bool     `help:"Read each stream with its own goroutine, even if epoll is available."`

	JSON  bool `name:"json" help:"Print the result as JSON instead of a table."`
	Quiet bool `short:"q" help:"No progress on stderr."`
}

// Examples is printed below the command's help.
func (c *benchCmd) Examples() string {
	return `
Examples:
  rollcall bench --pid $(pidof rollcall)                       20 events/s to 1000 streams
  rollcall bench -n 10000 --idle --settle 10s --pid $PID       memory of an idle stream
  rollcall bench -n 10000 --idle --h2 --streams-per-connection 100 --pid $PID
                                                               the same on 100 connections of HTTP/2
  rollcall bench --burst 300 --pid $PID                        300 events back to back
  rollcall bench -n 10000 -m 5000 -r 10000 --publish-batch 100 many small channels
  rollcall bench -n 10000 -m 300 --resume --publish-batch 100  everybody reconnects at once
  rollcall bench --subscribe-url 'http://127.0.0.1:8080/sub/{channel}' \
    --publish-url 'http://127.0.0.1:8080/pub/{channel}' --publish-body '{payload}'
                                                               another server (nginx with Nchan)

Exit code 1 when a stream did not open or an event was lost, repeated or out of order.`
}

// Run loads the server until it is done or ctx ends, and prints the result in either case.
func (c *benchCmd) Run(ctx context.Context, k *kong.Kong) error {
	options := c.options()
	if !c.Quiet {
		options.Progress = k.Stderr
	}
	result, err := bench.Run(ctx, options)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(k.Stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(result)
	} else {
		err = result.WriteTable(k.Stdout)
	}
	if err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return result.Err()
}

// options are the flags in the words of package bench.
func (c *benchCmd) options() bench.Options {
	o := bench.Options{
		SubscribeURLs: c.SubscribeURL, PublishURL: c.PublishURL, PublishBody: c.PublishBody, PublishEvent: c.PublishEvent,
		InsecureTLS: c.InsecureTLS, HTTP2: c.H2, StreamsPerConnection: c.StreamsPerConnection,
		Headers: c.Header, ChannelPrefix: c.ChannelPrefix, EventType: c.Type,
		Mode: bench.Paced, Streams: c.Streams, Channels: c.Channels, ChannelsPerStream: c.ChannelsPerStream,
		Slow: c.Slow, PayloadBytes: c.Payload,
		Rate: c.Rate, Duration: time.Duration(c.Duration), Warmup: time.Duration(c.Warmup),
		Burst: c.Burst, Bursts: c.Bursts, Batch: c.PublishBatch, Publishers: c.Publishers,
		Drops: c.Drops, Missed: c.Missed, Live: c.Live,
		Settle: time.Duration(c.Settle), Patience: time.Duration(c.Patience), Window: c.Window, Readers: c.Readers,
		PIDs: c.PID, Portable: c.Portable,
	}
	switch {
	case c.Resume:
		o.Mode = bench.Resume
	case c.Idle:
		o.Mode = bench.Idle
	case c.Burst > 0:
		o.Mode = bench.Burst
	}
	return o
}
