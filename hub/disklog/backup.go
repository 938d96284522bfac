package disklog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rollcall/hub/eventlog"
)

// backupName is the directory of the backup that is being made. One of an earlier process is removed at the start.
const backupName = "backup.tmp"

// Backup makes a copy of the log, and of the outbox unless that is nil, as they are at one instant each; all events that were
// stored before the call are in it. Files that never change are linked, so it takes little time and room. Call release once the
// files are read. There is one backup at a time. Opening a log on the files, copied to a directory, begins a new epoch: they
// have no mark.
//
// Errors: ErrBusy while another backup is being made; ErrUnavailable, ErrFull, ErrClosed, ctx.Err().
func (l *Log) Backup(ctx context.Context, outbox *Outbox) (files fs.FS, release func(), err error) {
	select {
	case l.backup <- struct{}{}:
	default:
		return nil, nil, fmt.Errorf("%w: another backup is being made", eventlog.ErrBusy)
	}
	dir := filepath.Join(l.dir, backupName)
	release = func() {
		if err := os.RemoveAll(dir); err != nil {
			l.log.Error("the files of a backup could not be removed", "error", plain(err))
		}
		<-l.backup
	}
	if err = l.room(); err == nil {
		err = l.checkpoint(ctx, dir)
	}
	if err == nil && outbox != nil {
		err = outbox.checkpoint(ctx, filepath.Join(dir, OutboxName))
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return os.DirFS(dir), release, nil
}

// checkpoint has the sweeper, which Close waits for, write the store to dir.
func (l *Log) checkpoint(ctx context.Context, dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return plain(err)
	}
	write := func() error { return l.store.Checkpoint(filepath.Join(dir, storeName)) }
	done := make(chan error, 1)
	select {
	case l.checkpoints <- func() { done <- guard(write) }:
		return <-done
	case <-l.stop:
		return eventlog.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
