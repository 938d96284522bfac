package admin

import (
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"rollcall/web/alarms"
	"rollcall/web/privatefile"
)

// How many bytes the files may have. The texts of an audit entry are cut to about 1 KiB; those of an alarm are sentences.
const (
	mostAuditFile  = 32 << 20
	mostAlarmsFile = 8 << 20
)

// A keeper stores something in a file soon after it has changed. It has a goroutine of its own, so that nobody waits
// for the disk. A nil one stores nothing.
type keeper struct {
	log     *slog.Logger
	what    string
	path    string
	store   func() error
	changed chan struct{} // has an element if something is not stored
}

// The pause after storing is keepShare times what it took, within these bounds, or keepAgain if it failed.
const (
	keepShare  = 50
	keepEvery  = time.Second
	keepSeldom = 10 * time.Second
	keepAgain  = time.Minute
)

// keepWait is how long the end of a server waits for the last changes to be stored.
const keepWait = time.Second

// note has what has changed stored.
func (k *keeper) note() {
	if k == nil {
		return
	}
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// run stores changes until quit is closed.
func (k *keeper) run(quit <-chan struct{}) {
	for {
		select {
		case <-k.changed:
		case <-quit:
			return
		}
		select {
		case <-time.After(k.keep()):
		case <-quit:
			return
		}
	}
}

// flush stores what is not stored, after run has returned.
func (k *keeper) flush() {
	if k == nil {
		return
	}
	select {
	case <-k.changed:
		k.keep()
	default:
	}
}

// keep stores what has changed, and returns the pause until it may do so again.
func (k *keeper) keep() (pause time.Duration) {
	begun := time.Now()
	if err := k.store(); err != nil {
		k.note()
		k.log.Warn("the "+k.what+" could not be stored", "file", k.path, "error", err)
		return keepAgain
	}
	return min(max(keepEvery, keepShare*time.Since(begun)), keepSeldom)
}

// recall passes on what an earlier process has stored, if that can be used, and returns the keeper of its file; nil
// without a file.
func recall[T any](a *Admin, what string, file privatefile.Record[T], take func(T), value func() T) *keeper {
	if file.Path == "" {
		return nil
	}
	switch old, err := file.Load(); {
	case err == nil:
		take(old)
	case !errors.Is(err, fs.ErrNotExist):
		a.opts.Log.Warn("the "+what+" begins anew: its file cannot be used", "file", file.Path, "error", err)
	}
	k := &keeper{
		log: a.opts.Log, what: what, path: file.Path, changed: make(chan struct{}, 1),
		store: func() error { return file.Store(value()) },
	}
	a.keeping.Go(func() { k.run(a.quit) })
	return k
}

// recall reads what earlier processes have stored, and has the rest stored.
func (a *Admin) recall() {
	audit := privatefile.Record[auditHistory]{Path: a.opts.Audit, Line: "rollcall audit 1", Most: mostAuditFile}
	a.audit.keeper = recall(a, "audit log", audit, a.audit.recall, a.audit.history)
	book := privatefile.Record[alarms.History]{Path: a.opts.AlarmBook, Line: "rollcall alarms 1", Most: mostAlarmsFile}
	take := func(h alarms.History) { a.Alarms.Recall(h, a.node.Started) }
	a.alarmKeeper = recall(a, "history of alarms", book, take, a.Alarms.History)
}

// keepLast waits until the last changes are stored.
func (a *Admin) keepLast() {
	stored := make(chan struct{})
	go func() {
		defer close(stored)
		a.keeping.Wait()
		a.audit.keeper.flush()
		a.alarmKeeper.flush()
	}()
	select {
	case <-stored:
	case <-time.After(keepWait):
		a.opts.Log.Warn("the last entries of the audit log and of the alarms are not stored: the disk is slow")
	}
}
