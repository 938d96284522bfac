package jetlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/hub/eventlog"
)

// Metadata of a stream.
const (
	metaVersion = "rollcall-version" // of how messages are written
	metaEpoch   = "rollcall-epoch"
	metaBase    = "rollcall-base" // where the stream ended when the epoch was asked for; 0 if it has no former epoch
)

const version = "1"

// incarnation is one epoch of the stream: from its creation, or a change of epoch, to the next.
type incarnation struct {
	names
	base    uint64 // the epoch's first sequence number, less one; 0 if the stream has no former epoch
	created time.Time
	config  jetstream.StreamConfig
}

// leastEvents is the least that a stream keeps of a channel: a single batch must not displace events that no node
// could read in time.
const leastEvents = 2 * MaxBatch

func (o *Options) events() int64 {
	if o.Events < 0 {
		return -1
	}
	return max(o.Events, leastEvents)
}

func (o *Options) config(epoch string) jetstream.StreamConfig {
	age := cmp.Or(o.Age, time.Hour)
	if age < 0 {
		age = 0
	}
	duplicates := eventlog.DedupeWindow
	if age > 0 {
		duplicates = min(duplicates, age)
	}
	return jetstream.StreamConfig{
		Name:               o.Stream,
		Description:        "Events of Rollcall",
		Subjects:           []string{names{o.Prefix, epoch}.all()},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardOld,
		MaxMsgsPerSubject:  o.events(),
		MaxAge:             age,
		MaxBytes:           cmp.Or(max(o.Bytes, -1), -1),
		Replicas:           cmp.Or(o.Replicas, 1),
		Duplicates:         duplicates,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{metaVersion: version, metaEpoch: epoch, metaBase: "0"},
	}
}

// check compares an existing stream with the options.
func (o *Options) check(got jetstream.StreamConfig) error {
	want := o.config(got.Metadata[metaEpoch])
	m := &Mismatch{Stream: o.Stream}
	differs := func(field string, got, want any) {
		if got != want {
			m.Fields = append(m.Fields, fmt.Sprintf("%s is %v, want %v", field, got, want))
		}
	}
	if got.Metadata[metaEpoch] == "" {
		m.Fields = append(m.Fields, "metadata has no "+metaEpoch+": it is not a stream of Rollcall")
		return m
	}
	differs("metadata "+metaVersion, got.Metadata[metaVersion], version)
	differs("subjects", fmt.Sprint(got.Subjects), fmt.Sprint(want.Subjects))
	differs("storage", got.Storage, want.Storage)
	differs("retention", got.Retention, want.Retention)
	differs("discard", got.Discard, want.Discard)
	differs("no_ack", got.NoAck, false)
	differs("sealed", got.Sealed, false)
	differs("mirror", got.Mirror != nil, false)
	differs("sources", len(got.Sources), 0)
	differs("subject_transform", got.SubjectTransform != nil, false)
	differs("allow_direct", got.AllowDirect, true)
	differs("allow_atomic", got.AllowAtomicPublish, true)
	if got.Duplicates < want.Duplicates {
		differs("duplicate_window", got.Duplicates, want.Duplicates)
	}
	if o.Replicas != 0 {
		differs("num_replicas", got.Replicas, want.Replicas)
	}
	if o.Events != 0 {
		differs("max_msgs_per_subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	}
	if o.Age != 0 {
		differs("max_age", got.MaxAge, want.MaxAge)
	}
	if o.Bytes != 0 {
		differs("max_bytes", got.MaxBytes, want.MaxBytes)
	}
	if len(m.Fields) > 0 {
		return m
	}
	return nil
}

// ensure finds or creates the stream, and gives it a new epoch if its numbers went back.
func (l *Link) ensure(ctx context.Context, o *Options, m *mark) (*incarnation, *jetstream.StreamInfo, error) {
	epoch := o.Mirror.Epoch
	made := false
	var since time.Time            // when the stream was first seen to end too early
	for try := 0; try < 5; try++ { // others may do the same
		info, err := l.info(ctx, o.Stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if epoch == "" || m.used(epoch) {
				epoch = eventlog.NewEpoch()
			}
			m.raise(epoch, 0)
			_, err = l.change(ctx, func(ctx context.Context) error {
				_, err := l.js.CreateStream(ctx, o.config(epoch))
				return err
			})
			if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				return nil, nil, changing(fmt.Errorf("create the stream %q: %w", o.Stream, err))
			}
			made = err == nil
			continue
		}
		if err != nil {
			if made && errors.Is(err, ErrUnavailable) && wait(ctx, context.Background(), l.changeTimeout/20) == nil {
				continue // its leader is being elected
			}
			return nil, nil, err
		}
		if err := o.check(info.Config); err != nil {
			return nil, nil, err
		}
		epoch = info.Config.Metadata[metaEpoch]
		why, sure := m.reused(epoch, info.State.LastSeq)
		if since.IsZero() {
			since = time.Now()
		}
		if !sure && time.Since(since) < l.patience {
			if err := wait(ctx, context.Background(), l.patience/20); err != nil {
				return nil, nil, fmt.Errorf("%w: the stream %q: %s", ErrUnavailable, o.Stream, why)
			}
			try--
			continue
		}
		if why != "" {
			l.log.Warn("the stream gets a new epoch", "stream", o.Stream, "reason", why)
			cfg := info.Config
			epoch = eventlog.NewEpoch()
			cfg.Subjects = []string{names{o.Prefix, epoch}.all()}
			cfg.Metadata[metaEpoch] = epoch
			cfg.Metadata[metaBase] = strconv.FormatUint(info.State.LastSeq, 10)
			answered, err := l.change(ctx, func(ctx context.Context) error {
				_, err := l.js.UpdateStream(ctx, cfg)
				return err
			})
			if err != nil {
				return nil, nil, changing(fmt.Errorf("give the stream %q a new epoch: %w", o.Stream, err))
			}
			if !answered {
				continue
			}
			m.raise(epoch, info.State.LastSeq)
			continue
		}
		life := &incarnation{names: names{o.Prefix, epoch}, created: info.Created, config: info.Config}
		if base, _ := strconv.ParseUint(info.Config.Metadata[metaBase], 10, 64); base > 0 {
			if life.base, err = l.base(ctx, o.Stream, life, max(base, info.State.LastSeq)); err != nil {
				return nil, nil, err
			}
		}
		return life, info, nil
	}
	return nil, nil, fmt.Errorf("%w: the stream %q does not answer, or other servers are changing it", ErrUnavailable, o.Stream)
}

// base returns the number of the last message before the first of the epoch, last if there is none yet: other servers may have
// stored events of the former epoch after this one was asked for.
func (l *Link) base(ctx context.Context, stream string, life *incarnation, last uint64) (uint64, error) {
	first, err := l.leaderGet(ctx, stream, getRequest{Seq: 1, NextFor: life.all()})
	if errors.Is(err, errNoMessage) {
		return last, nil
	}
	return first - 1, err
}

// change asks for a change to a stream. If no answer comes in time, the change may or may not have been made, and
// the caller reads the stream again.
func (l *Link) change(ctx context.Context, ask func(context.Context) error) (answered bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, l.changeTimeout)
	defer cancel()
	if err = ask(bounded); err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return false, nil
	}
	return true, err
}

// changing turns a temporary error of a change to a stream into ErrUnavailable: a cluster that has just started has no
// machine or leader for the stream yet.
func changing(err error) error {
	var no *jetstream.APIError
	if errors.As(err, &no) {
		switch {
		case no.Code == http.StatusServiceUnavailable, no.ErrorCode == codeNoPeers, no.ErrorCode == codeInsufficient:
		default:
			return err
		}
	} else if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, nats.ErrNoResponders) &&
		!errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrDisconnected) && !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// info asks for the stream's state. Errors: jetstream.ErrStreamNotFound, ErrUnavailable.
func (l *Link) info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	ctx, cancel, err := l.during(ctx, requestTimeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	s, err := l.js.Stream(ctx, stream)
	if err != nil {
		return nil, l.answer(stream, err)
	}
	l.heard()
	return s.CachedInfo(), nil
}

// subjects asks for the stream's state and how many messages each subject has.
func (l *Link) subjects(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	const enough = time.Minute // there may be millions
	ctx, cancel, err := l.during(ctx, enough)
	if err != nil {
		return nil, err
	}
	defer cancel()
	s, err := l.js.Stream(ctx, stream)
	if err != nil {
		return nil, l.answer(stream, err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return nil, l.answer(stream, err)
	}
	l.heard()
	return info, nil
}

func (l *Link) answer(stream string, err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		l.heard()
		return err
	}
	return fmt.Errorf("%w: state of the stream %q: %w", ErrUnavailable, stream, err)
}
