package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"rollcall/hub/disklog"
	"rollcall/hub/eventlog"
	"rollcall/hub/jetlog"
	"rollcall/hub/jetlog/ingest"
	"rollcall/hub/jetlog/roster"
	"rollcall/web"
)

// EngineFlags are the settings for the event store.
type EngineFlags struct {
	Data         string   `group:"engine" placeholder:"DIR" help:"Keep events, and what the charts of the admin UI show, in this directory, so that they survive a restart. Without it and --nats, events are in memory and end with the server."`
	Sync         string   `group:"engine" default:"always" placeholder:"WHEN" help:"When events reach the disk. always: before a publish is answered. relaxed: a crash of the machine may lose the last two seconds. A crash of only the server loses nothing in either case."`
	NATS         []string `group:"engine" name:"nats" placeholder:"URL" help:"Keep events in the JetStream of this NATS cluster, shared by all servers that use it. May be repeated for more of its machines."`
	NATSCreds    string   `group:"engine" name:"nats-creds" placeholder:"FILE" help:"NATS credentials file."`
	NATSCA       string   `group:"engine" name:"nats-ca" placeholder:"FILE" help:"Trust NATS servers whose certificate is signed by one in this PEM file."`
	NATSCert     string   `group:"engine" name:"nats-cert" placeholder:"FILE" help:"Client certificate for NATS."`
	NATSKey      string   `group:"engine" name:"nats-key" placeholder:"FILE" help:"The private key of that certificate."`
	NATSStream   string   `group:"engine" name:"nats-stream" default:"ROLLCALL" placeholder:"NAME" help:"Name of the JetStream stream; it is created if missing."`
	Ingest       []string `group:"engine" placeholder:"SUBJECT" help:"With --nats: make events of what others publish on this NATS subject, such as orders.>; the subject is the channel. May be repeated. See docs/ingest.md."`
	NATSReplicas int      `group:"engine" name:"nats-replicas" default:"1" placeholder:"N" help:"Number of copies for a new stream: 1, 3 or 5."`
}

// openTimeout limits how long a server waits at its start for NATS and for its copy of the events.
const openTimeout = 2 * time.Minute

func (e *EngineFlags) check(p *problems) {
	oneOf(p, "sync", e.Sync, "always", "relaxed")
	if e.Data != "" && len(e.NATS) > 0 {
		p.add("data", "events are kept either in a directory or in a NATS cluster; remove data or nats")
	}
	if e.Sync == "relaxed" && e.Data == "" {
		p.add("sync", "it needs --data")
	}
	if (e.NATSCert == "") != (e.NATSKey == "") {
		p.add("nats-cert", "nats-cert and nats-key must be set together")
	}
	if e.NATSStream == "" || len(e.NATSStream) > 64 || strings.ContainsAny(e.NATSStream, " .*>/\\\t\r\n") {
		p.add("nats-stream", "%q is not a stream's name; it has 1 to 64 letters, digits, - and _", e.NATSStream)
	}
	if e.NATSReplicas != 1 && e.NATSReplicas != 3 && e.NATSReplicas != 5 {
		p.add("nats-replicas", "%d is out of range; allowed is 1, 3 and 5", e.NATSReplicas)
	}
	if len(e.Ingest) > 0 && len(e.NATS) == 0 {
		p.add("ingest", "it needs --nats")
	}
	if err := ingest.CheckSubjects(e.Ingest); err != nil {
		p.add("ingest", "%v", err)
	}
	if _, err := e.tls(); err != nil {
		p.errs = append(p.errs, err)
	}
	if e.NATSCreds != "" {
		if text, err := os.ReadFile(e.NATSCreds); err != nil {
			p.errs = append(p.errs, fmt.Errorf("--nats-creds: %w", err))
		} else if !bytes.Contains(text, []byte("BEGIN NATS USER JWT")) || !bytes.Contains(text, []byte("BEGIN USER NKEY SEED")) {
			p.add("nats-creds", "%s has no NATS credentials, which are a user's JWT and seed", e.NATSCreds)
		}
	}
}

// tls returns the TLS settings for NATS, nil for those of its URLs.
func (e *EngineFlags) tls() (*tls.Config, error) {
	if e.NATSCA == "" && e.NATSCert == "" {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.NATSCA != "" {
		text, err := os.ReadFile(e.NATSCA)
		if err != nil {
			return nil, fmt.Errorf("--nats-ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--nats-ca: %s has no certificate", e.NATSCA)
		}
	}
	if e.NATSCert != "" {
		pair, err := tls.LoadX509KeyPair(e.NATSCert, e.NATSKey)
		if err != nil {
			return nil, fmt.Errorf("--nats-cert: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// eventStore is a log that is kept elsewhere than in memory, as the server uses it.
type eventStore interface {
	web.Engine

	// Lost is closed when the log has ended because its store ended or began anew; Err says why.
	Lost() <-chan struct{}
	Err() error
}

// engine is a log on JetStream as the server uses it.
type engine struct {
	*jetlog.Log
	outage
	link   *jetlog.Link
	roster *roster.Roster
	server atomic.Pointer[web.Server]
	ingest atomic.Pointer[ingest.Ingest] // nil without subjects
	name   string
}

// directory is a log in a directory as the server uses it.
type directory struct {
	*disklog.Log
	outage
	name   string
	outbox *disklog.Outbox // nil without webhooks
}

// Backup copies the log and the outbox, see [disklog.Log.Backup].
func (d *directory) Backup(ctx context.Context) (files fs.FS, release func(), err error) {
	return d.Log.Backup(ctx, d.outbox)
}

// Lost returns nil: a directory has no other writers.
func (*directory) Lost() <-chan struct{} { return nil }

// Err returns nil, as the log is never lost.
func (*directory) Err() error { return nil }

// State returns the event store's state.
func (d *directory) State() web.EngineState {
	s := d.Status()
	ready := s.Reason == ""
	return web.EngineState{Name: d.name, Ready: ready, Reason: s.Reason, Since: d.since(ready, time.Now()), Bytes: s.Bytes}
}

// outage remembers since when a store can't be used.
type outage struct{ began atomic.Pointer[time.Time] }

// since returns when the outage began, the zero time if there is none. now is the time of the check.
func (o *outage) since(ready bool, now time.Time) time.Time {
	if ready {
		o.began.Store(nil)
		return time.Time{}
	}
	o.began.CompareAndSwap(nil, &now)
	if began := o.began.Load(); began != nil {
		return *began
	}
	return now
}

// openEngine opens the configured engine, nil for the one in memory. It waits for NATS until ctx ends, at most
// openTimeout.
func (c *serveCmd) openEngine(ctx context.Context, log *slog.Logger) (eventStore, error) {
	var store eventStore
	var name string
	switch {
	case c.Data != "":
		d, err := c.openDirectory(log)
		if err != nil {
			return nil, err
		}
		store, name = d, d.name
	case len(c.NATS) > 0:
		e, err := c.openCluster(ctx, log)
		if err != nil {
			return nil, err
		}
		store, name = e, e.name
	default:
		return nil, nil
	}
	log.Info("the event store is open", "engine", name, "position", store.Head().String())
	return store, nil
}

func (c *serveCmd) openDirectory(log *slog.Logger) (*directory, error) {
	d := &directory{name: "files in " + c.Data + ", on the disk before a publish is answered"}
	relaxed := c.Sync == "relaxed"
	if relaxed {
		d.name = "files in " + c.Data + ", relaxed: a crash of the machine may lose two seconds"
		log.Warn("relaxed: a crash of the machine may lose the last two seconds", "setting", "sync")
	}
	var err error
	d.Log, err = disklog.Open(c.Data, disklog.Options{Relaxed: relaxed, Keep: c.history(), Log: log})
	return d, err
}

func (c *serveCmd) openCluster(ctx context.Context, log *slog.Logger) (*engine, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	e := &engine{name: "JetStream at NATS, stream " + c.NATSStream}
	conf, _ := c.EngineFlags.tls() // was found good
	var err error
	e.link, err = jetlog.Connect(strings.Join(c.NATS, ","), jetlog.ConnectOptions{Name: "rollcall " + c.Node, CredsFile: c.NATSCreds, TLS: conf, Log: log})
	if err != nil {
		return nil, err
	}
	if err := e.open(ctx, c, log); err != nil {
		return nil, fmt.Errorf("the event store could not be opened: %v", errors.Join(err, e.Close())) // ctx's own error has another meaning above
	}
	return e, nil
}

// open opens the log, and the roster of a cluster. A cluster that is not ready yet is asked again until ctx ends.
func (e *engine) open(ctx context.Context, c *serveCmd, log *slog.Logger) (err error) {
	history := c.history()
	for {
		err = nil
		if e.Log == nil {
			var l *jetlog.Log
			if l, err = jetlog.Open(ctx, e.link, jetlog.Options{
				Stream: c.NATSStream, Replicas: c.NATSReplicas, Events: int64(history.Events), Age: history.Age, Mirror: history,
			}); err == nil {
				e.Log = l
			}
		}
		if err == nil {
			e.roster, err = roster.Open(ctx, e.link.Conn(), roster.Options{
				Stream: c.NATSStream + "_ROSTER", Prefix: "rollcall-roster-" + c.NATSStream, Node: cmp.Or(c.Node, hostName()), Replicas: c.NATSReplicas,
				Info: e.info, Log: log,
			})
		}
		passing := errors.Is(err, jetlog.ErrUnavailable) || errors.Is(err, jetlog.ErrLost) || errors.Is(err, roster.ErrUnavailable) ||
			errors.Is(err, context.DeadlineExceeded)
		if err == nil || !passing || ctx.Err() != nil {
			return err
		}
		log.Warn("the event store is not ready; retrying", "reason", err)
		select {
		case <-time.After(openAgain):
		case <-ctx.Done():
			return err
		}
	}
}

// openAgain is the time between two attempts to open the event store.
const openAgain = time.Second

// Close takes the server off the roster and closes the log and the link.
func (e *engine) Close() error {
	var err error
	if e.roster != nil {
		err = e.roster.Close()
	}
	if e.Log != nil {
		err = errors.Join(err, e.Log.Close())
	}
	return errors.Join(err, e.link.Close())
}

// info describes this server to the others.
func (e *engine) info() []byte {
	streams, draining, alarms := 0, false, 0
	if s := e.server.Load(); s != nil {
		streams, draining, alarms = s.Streams(), s.Draining(), s.Alarms()
	}
	return fmt.Appendf(nil, `{"version":%q,"streams":%d,"lag":%d,"draining":%t,"alarms":%d}`, versionName(), streams, e.Status().Lag, draining, alarms)
}

// hostName is how a server is called that has no name of its own.
func hostName() string {
	name, _ := os.Hostname()
	return name
}

// State returns the event store's state.
func (e *engine) State() web.EngineState { return e.state(e.Status()) }

func (e *engine) state(s jetlog.Status) web.EngineState {
	ready := s.Reason == ""
	// With a full stream NATS still answers.
	state := web.EngineState{Name: e.name, Ready: ready, Reason: s.Reason, Lag: s.Lag, Since: e.since(ready, s.Heard)}
	if i := e.ingest.Load(); i != nil {
		st := web.IngestState(i.Stats())
		state.Ingest = &st
	}
	return state
}

// history returns the retention of the events in memory.
func (c *serveCmd) history() eventlog.Options {
	return (&web.Options{
		HistoryEvents: c.HistoryEvents, HistoryBytes: int(c.HistoryBytes), HistoryAge: cmp.Or(time.Duration(c.HistoryAge), -1), HistoryBudget: int64(c.HistoryBudget),
		ChannelRules: c.rules, NoCompat: !c.Compat,
	}).History()
}

// errLost ends a server whose event store was replaced. The next server's streams announce the gap.
var errLost = errors.New("the event store was replaced")
