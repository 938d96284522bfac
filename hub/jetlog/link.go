package jetlog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// requestTimeout bounds every request to NATS.
const requestTimeout = 2 * time.Second

// patience limits how long a stream that ends before known events may be that of a machine that is catching up.
const patience = 10 * time.Second

// changeTimeout bounds a request that changes a stream, for which a cluster elects a leader.
const changeTimeout = 5 * time.Second

// Link is a node's one connection to NATS, see [Connect]. It connects again by itself, without end.
type Link struct {
	// Static.
	nc            *nats.Conn
	js            jetstream.JetStream
	log           *slog.Logger
	urls          string
	patience      time.Duration // with a machine of the cluster that has not caught up
	changeTimeout time.Duration

	mu      sync.Mutex
	session context.Context // ends when the present connection breaks
	end     context.CancelFunc
	reason  string    // why there is no connection
	warned  time.Time // when that was last logged
	refusal error     // why NATS refused the first attempt, or nil
	refused time.Time // when that was
	contact time.Time // the last answer of any kind
}

// ConnectOptions say how to connect to a cluster.
type ConnectOptions struct {
	Name      string      // shown by the cluster; "" means rollcall
	CredsFile string      // user credentials; "" is none
	TLS       *tls.Config // nil uses the URLs' scheme
	Log       *slog.Logger
}

// Connect links to the cluster at urls, separated by commas. It does not wait for a
// connection; [Open] does.
func Connect(urls string, opts ConnectOptions) (*Link, error) {
	l := newLink(opts.Log)
	options := l.options(opts.Name)
	if opts.CredsFile != "" {
		options = append(options, nats.UserCredentials(opts.CredsFile))
	}
	if opts.TLS != nil {
		options = append(options, nats.Secure(opts.TLS))
	}
	l.urls = urls
	return l, l.dial(urls, options)
}

func newLink(log *slog.Logger) *Link {
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	l := &Link{log: log, patience: patience, changeTimeout: changeTimeout, reason: "not connected yet"}
	l.session, l.end = context.WithCancel(context.Background())
	l.end()
	return l
}

func (l *Link) options(name string) []nats.Option {
	if name == "" {
		name = "rollcall"
	}
	return []nats.Option{
		nats.Name(name),
		nats.Timeout(requestTimeout),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // the cause may be fixed on the other side
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(200*time.Millisecond, 500*time.Millisecond),
		nats.ReconnectBufSize(-1), // messages that can't be sent now fail now
		nats.PingInterval(3 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(l.up),
		nats.ReconnectHandler(l.up),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { l.down(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { l.fail(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			l.log.Warn("nats", "error", err)
			if sub == nil {
				l.fail(err)
			}
		}),
	}
}

func (l *Link) dial(urls string, options []nats.Option) error {
	nc, err := nats.Connect(urls, options...)
	if err != nil {
		return connectError(err)
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(requestTimeout))
	if err != nil {
		nc.Close()
		return fmt.Errorf("connect to NATS: %w", err)
	}
	l.nc, l.js = nc, js
	if nc.IsConnected() {
		l.up(nc)
	}
	return nil
}

func (l *Link) up(nc *nats.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.Err() == nil {
		return
	}
	l.session, l.end = context.WithCancel(context.Background())
	l.reason, l.refusal, l.contact = "", nil, time.Now()
	l.log.Info("connected to NATS", "url", connectedURL(nc))
}

// lostConnection is why there is no connection if nothing else is known.
const lostConnection = "the connection was lost"

func (l *Link) down(err error) {
	reason := lostConnection
	if err != nil && !errors.Is(err, io.EOF) {
		reason += ": " + err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.Err() != nil {
		return
	}
	l.end()
	l.reason = reason
	l.log.Warn("disconnected from NATS", "reason", reason)
}

// fail notes why there is still no connection.
func (l *Link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	no := refusal(err)
	if no != nil {
		err = no
	}
	if l.session.Err() == nil || l.reason == err.Error() {
		return
	}
	l.reason = err.Error()
	if time.Since(l.warned) > warnEvery { // each of several URLs fails in its own way, from another port each time
		l.warned = time.Now()
		l.log.Warn("not connected to NATS", "reason", l.reason)
	}
	if l.refusal == nil && no != nil {
		l.refusal, l.refused = no, time.Now()
	}
}

// warnEvery is how often at most it is logged why there is no connection.
const warnEvery = 10 * time.Second

// refusalPatience is how long a link is refused before that is an error: another
// machine of the cluster may take it.
const refusalPatience = 3 * time.Second

// refusal returns the reason if a connection failed because of the credentials or certificates, rather than the
// network: a retry does not help then. It returns nil for other errors. The client library spells the same refusal in
// two ways, as the server's words and as an error of its own; the latter is returned.
func refusal(err error) error {
	for _, no := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrSecureConnWanted} {
		if errors.Is(err, no) {
			return no
		}
	}
	var cert *tls.CertificateVerificationError
	var alert *net.OpError
	if errors.As(err, &cert) || errors.As(err, &alert) && alert.Op == "remote error" {
		return err
	}
	return nil
}

// state returns a context that ends when the current connection breaks, and why there is none.
func (l *Link) state() (session context.Context, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session, l.reason
}

// heard records an answer.
func (l *Link) heard() {
	l.mu.Lock()
	l.contact = time.Now()
	l.mu.Unlock()
}

// silent returns ErrUnavailable if the connection has been silent for so long that it counts as broken.
func (l *Link) silent() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := time.Since(l.contact); l.reason == "" && since > staleAfter {
		return fmt.Errorf("%w: no message for %v", ErrUnavailable, since.Round(time.Second))
	}
	return nil
}

// wait returns once there is a connection. Errors: ErrRefused; ErrUnavailable.
func (l *Link) wait(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := l.nc.LastError(); err != nil && !l.nc.IsConnected() {
			l.fail(err) // errors before the first connection are reported only here
		}
		l.mu.Lock()
		reason, no, refused := l.reason, l.refusal, l.refused
		l.mu.Unlock()
		if reason == "" && l.nc.IsConnected() {
			return nil
		}
		if no != nil && time.Since(refused) > refusalPatience {
			return fmt.Errorf("%w: %w", ErrRefused, no)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", ErrUnavailable, reason)
		}
	}
}

// during returns a context that ends with ctx, after timeout, or when the present
// connection breaks.
func (l *Link) during(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc, error) {
	session, reason := l.state()
	if reason != "" || !l.nc.IsConnected() {
		if reason == "" {
			reason = lostConnection
		}
		return nil, nil, fmt.Errorf("%w: %s", ErrUnavailable, reason)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	stop := context.AfterFunc(session, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

// Close ends the connection. Close the log first.
func (l *Link) Close() error {
	l.mu.Lock()
	l.end()
	l.reason = "closed"
	l.mu.Unlock()
	if l.nc != nil {
		if l.nc.IsConnected() {
			_ = l.nc.FlushTimeout(requestTimeout) // messages already sent reach the server
		}
		l.nc.Close()
	}
	return nil
}
