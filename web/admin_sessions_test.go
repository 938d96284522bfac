package web_test

import (
	"testing"

	"rollcall/web"
)

// A file of sessions that can't be used is an error that says so.
func TestAdminSessionsFileIsRefused(t *testing.T) {
	t.Parallel()
	opts := withAdmins(web.Options{AdminSessions: t.TempDir()})
	if srv, err := web.New(opts); err == nil {
		srv.Close()
		t.Error("a directory was taken for a file of sessions")
	}
}
