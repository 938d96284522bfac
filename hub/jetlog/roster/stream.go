package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How messages are written, in the stream's metadata.
const (
	metaVersion = "rollcall-roster"
	version     = "1"
)

// markerTTL is how long the stream remembers a deletion. A node that has not read it in time reads the whole table
// again.
const markerTTL = time.Minute

func (r *Roster) config() jetstream.StreamConfig {
	storage := jetstream.MemoryStorage
	if r.opts.OnDisk {
		storage = jetstream.FileStorage
	}
	return jetstream.StreamConfig{
		Name:              r.opts.Stream,
		Description:       "Who is on which node of Rollcall",
		Subjects:          []string{r.names.all()},
		Storage:           storage,
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew, // a full stream refuses messages, and loses none
		MaxMsgsPerSubject: 1,
		MaxBytes:          cmp.Or(r.opts.Bytes, -1),
		Replicas:          cmp.Or(r.opts.Replicas, 1),
		Duplicates:        time.Second, // message ids are not used
		AllowMsgTTL:       true,
		Metadata:          map[string]string{metaVersion: version},
	}
}

// check compares an existing stream with the options.
func (r *Roster) check(got jetstream.StreamConfig) error {
	want := r.config()
	var wrong []string
	differs := func(field string, got, want any) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %v, want %v", field, got, want))
		}
	}
	differs("metadata "+metaVersion, got.Metadata[metaVersion], version)
	differs("subjects", fmt.Sprint(got.Subjects), fmt.Sprint(want.Subjects))
	differs("storage", got.Storage, want.Storage)
	differs("retention", got.Retention, want.Retention)
	differs("max_msgs_per_subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	differs("allow_msg_ttl", got.AllowMsgTTL, true)
	differs("subject_delete_marker_ttl", got.SubjectDeleteMarkerTTL, time.Duration(0))
	differs("allow_direct", got.AllowDirect, false)
	differs("max_age", got.MaxAge, time.Duration(0))
	differs("sealed", got.Sealed, false)
	differs("deny_purge", got.DenyPurge, false)
	differs("no_ack", got.NoAck, false)
	if r.opts.Replicas != 0 {
		differs("num_replicas", got.Replicas, want.Replicas)
	}
	if r.opts.Bytes != 0 {
		differs("max_bytes", got.MaxBytes, want.MaxBytes)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %q: %s", ErrMismatch, r.opts.Stream, strings.Join(wrong, "; "))
	}
	return nil
}

// ensure finds the stream or makes it. Errors: ErrUnavailable, ErrMismatch.
func (r *Roster) ensure(ctx context.Context) (*jetstream.StreamInfo, error) {
	if !r.nc.IsConnected() {
		return nil, fmt.Errorf("%w: there is no connection to NATS", ErrUnavailable)
	}
	ctx, cancel := r.during(ctx)
	defer cancel()
	s, err := r.js.Stream(ctx, r.opts.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = r.js.CreateStream(ctx, r.config())
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another node was faster
			s, err = r.js.Stream(ctx, r.opts.Stream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the stream %q: %w", ErrUnavailable, r.opts.Stream, err)
	}
	info := s.CachedInfo()
	return info, r.check(info.Config)
}
