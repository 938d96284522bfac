package web_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// copiedEngine is an engine whose backup is a file, or an error.
type copiedEngine struct {
	web.MemoryEngine
	err      error
	released chan struct{}
}

func (e *copiedEngine) Backup(context.Context) (fs.FS, func(), error) {
	if e.err != nil {
		return nil, nil, e.err
	}
	return fstest.MapFS{"events/1": {Data: []byte("one")}}, func() { e.released <- struct{}{} }, nil
}

// A backup needs a key with the scope admin, is released once it was sent, and one that can't be made says why.
func TestBackup(t *testing.T) {
	t.Parallel()
	admin, adminKey := apiKey(t, "admin", "admin", ">")
	reader, readerKey := apiKey(t, "reader", "subscribe,publish,history", ">")
	engine := &copiedEngine{MemoryEngine: web.MemoryEngine{Memory: eventlog.NewMemory(eventlog.Options{})}, released: make(chan struct{}, 1)}
	srv := webtest.Start(t, web.Options{Engine: engine, Access: &auth.Options{Keys: []auth.Key{adminKey, readerKey}}})
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	srv.Do("GET", "/backup", "").WantFault(401, "unauthorized", "")
	srv.Do("GET", "/backup", "", reader).WantFault(403, "forbidden", "")
	if r := srv.Do("GET", "/backup", "", admin).WantStatus(200); r.Header.Get("Content-Type") != "application/x-tar" {
		t.Errorf("the answer is %v", r.Header)
	}
	<-engine.released
	srv.Do("HEAD", "/backup", "", admin).WantStatus(200)
	for err, want := range map[error]struct {
		status int
		code   string
	}{
		eventlog.ErrBusy: {409, "backup_running"}, eventlog.ErrFull: {503, "store_full"}, errors.New("else"): {503, "unavailable"},
	} {
		engine.err = err
		srv.Do("GET", "/backup", "", admin).WantFault(want.status, want.code, "")
	}
	plain := webtest.Start(t, web.Options{Access: &auth.Options{Keys: []auth.Key{adminKey}}})
	plain.Do("GET", "/backup", "", admin).WantFault(409, "no_backup", "")
}
