package jetlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// EmbedOptions say how the server in this process stores.
type EmbedOptions struct {
	// SyncRelaxed acknowledges an event once the operating system has it, and syncs the
	// disk every two seconds. A crash of the process then loses nothing, one of the
	// machine up to what came in that time. Otherwise every event is on disk before it
	// is acknowledged.
	SyncRelaxed bool
	// MaxStore is the most bytes of events; 0 means as many as the disk has room for, but
	// for a reserve of 64 MiB, or an eighth of a smaller disk. Where there is no more
	// room than that, appends fail with ErrFull, and go on once there is.
	MaxStore int64
	Log      *slog.Logger
}

const relaxedSync = 2 * time.Second

// embedded is a server in this process and what it has in its directory.
type embedded struct {
	dir    string
	server *server.Server
	lock   *os.File
	fatal  chan string // what the server wants to exit for
	broken atomic.Pointer[error]
	link   *Link
	once   sync.Once
	err    error
}

// Embed starts a server in this process that stores in dir, and links to it. The
// directory is made if the one above it is there. No other process can use it
// meanwhile. Nothing listens.
func Embed(dir string, opts EmbedOptions) (*Link, error) {
	l := newLink(opts.Log)
	e := &embedded{dir: dir, fatal: make(chan string, 1), link: l}
	if err := e.start(dir, opts, l.log); err != nil {
		return nil, fmt.Errorf("event store in %s: %w", dir, errors.Join(err, e.close()))
	}
	l.embedded = e
	if err := l.dial("", append(l.options(""), nats.InProcessServer(e.server))); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return l, nil
}

func (e *embedded) start(dir string, opts EmbedOptions, log *slog.Logger) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return plain(err)
	}
	var err error
	if e.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return plain(err)
	}
	if err := lockFile(e.lock); err != nil {
		return errors.New("another process uses it")
	}
	so := &server.Options{
		ServerName:         "rollcall",
		JetStream:          true,
		StoreDir:           dir,
		JetStreamMaxMemory: 64 << 20, // nothing of ours is stored in memory
		JetStreamMaxStore:  e.maxStore(opts),
		SyncAlways:         !opts.SyncRelaxed,
		SyncInterval:       relaxedSync,
		MaxPayload:         8 << 20,
		DontListen:         true,
		NoSigs:             true,
		NoLog:              true,
	}
	if e.server, err = server.NewServer(so); err != nil {
		return err
	}
	e.server.SetLoggerV2(serverLog{log, e}, false, false, false)
	go e.server.Start()
	for deadline := time.Now().Add(time.Minute); !e.server.ReadyForConnections(100 * time.Millisecond); {
		select {
		case why := <-e.fatal:
			return errors.New(why)
		default:
		}
		if time.Now().After(deadline) {
			return errors.New("the embedded server does not start")
		}
	}
	select {
	case why := <-e.fatal:
		return errors.New(why)
	default:
	}
	if !e.server.JetStreamEnabled() {
		return errors.New("the embedded server could not open its store")
	}
	return nil
}

// reserve is what is left free on the disk: the server needs room for what it writes
// beside events, and stores nothing more once it has found none.
const reserve = 64 << 20

// maxStore returns the server's own limit, 0 for what it reckons is free. Where the
// disk's room is known, that alone counts, and the limit is out of reach.
func (e *embedded) maxStore(opts EmbedOptions) int64 {
	_, total, ok := disk(e.dir)
	if opts.MaxStore > 0 || !ok {
		return opts.MaxStore
	}
	return total
}

// room returns an ErrFull where the disk has no room for events.
func (e *embedded) room() error {
	if free, total, ok := disk(e.dir); ok && free < min(reserve, total/8) {
		return fmt.Errorf("%w: its disk has %d MiB left", ErrFull, free>>20)
	}
	return nil
}

// recovered reports whether the server, which has stopped because the disk was full,
// can be started again.
func (e *embedded) recovered() bool { return errors.Is(e.failure(), ErrFull) && e.room() == nil }

func plain(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", filepath.Base(pe.Path), pe.Err)
	}
	return err
}

// close ends the server and lets others have the directory.
func (e *embedded) close() error {
	e.once.Do(func() {
		if e.server != nil {
			e.server.Shutdown()
			e.server.WaitForShutdown()
		}
		if e.lock != nil {
			e.err = e.lock.Close() // which unlocks it
		}
	})
	return e.err
}

// fail notes that the server stores nothing more. It does not recover by itself, not
// even when there is room again, and does not answer those who publish; see recovered.
func (e *embedded) fail(why string) {
	err := fmt.Errorf("%w: its disk could not be written", ErrUnavailable)
	if strings.Contains(why, syscall.ENOSPC.Error()) || strings.Contains(why, "resources") {
		err = fmt.Errorf("%w: its disk is full", ErrFull)
	}
	if e.broken.CompareAndSwap(nil, &err) {
		e.link.down(err)
	}
}

// failure returns why the server stores nothing more.
func (e *embedded) failure() error {
	if err := e.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// serverLog is the server's logger. What the server means to exit for is reported.
type serverLog struct {
	log *slog.Logger
	e   *embedded
}

func (s serverLog) Noticef(f string, v ...any) { s.log.Debug("nats-server: " + text(f, v)) }
func (s serverLog) Debugf(f string, v ...any)  { s.log.Debug("nats-server: " + text(f, v)) }
func (s serverLog) Tracef(f string, v ...any)  { s.log.Debug("nats-server: " + text(f, v)) }

// Warnf logs a warning. After a kill the server makes its index of a stream anew from the
// events, and warns of that, though nothing is wrong.
func (s serverLog) Warnf(f string, v ...any) {
	what := text(f, v)
	level := slog.LevelWarn
	if strings.Contains(what, "Stream state outdated") || strings.Contains(what, "errored: prior state file") {
		level = slog.LevelInfo
	}
	s.log.Log(context.Background(), level, "nats-server: "+what)
}

func (s serverLog) Errorf(f string, v ...any) {
	what := text(f, v)
	s.log.Error("nats-server: " + what)
	if strings.Contains(what, "critical write error") || strings.Contains(what, "will be DISABLED") {
		s.e.fail(what)
	}
}

func (s serverLog) Fatalf(f string, v ...any) {
	why := text(f, v)
	s.log.Error("nats-server: " + why)
	select {
	case s.e.fatal <- why:
	default:
	}
	s.e.fail(why)
}

func text(f string, v []any) string { return strings.TrimSpace(fmt.Sprintf(f, v...)) }
