package api

import (
	"archive/tar"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// backupEnd is the name of a backup's last file: an archive without it broke off. It has the position of the log when the backup
// had been made.
const backupEnd = "backup"

// backupStall is how long a client may take to accept a part of a backup.
const backupStall = time.Minute

var (
	noBackup      = reply.NewFault(http.StatusConflict, "no_backup", "This server does not keep its events in a directory, so there is nothing to back up here.")
	backupRunning = reply.NewFault(http.StatusConflict, "backup_running", "Another backup is being made. Try again when it is done.")
)

// backup answers GET /backup: the directory of the events, as an archive, as it is at one instant.
func (a *API) backup(c *gin.Context) *reply.Fault {
	if f := a.gate.MayAdmin(c, "Making a backup"); f != nil {
		return f
	}
	store, ok := a.node.Log.(node.BackedUp)
	if !ok {
		return noBackup
	}
	if c.Request.Method == http.MethodHead {
		backupHead(c)
		return nil
	}
	files, release, err := store.Backup(c.Request.Context())
	if errors.Is(err, eventlog.ErrBusy) {
		return backupRunning
	} else if err != nil {
		return reply.ReadFault(c, err)
	}
	defer release()
	backupHead(c)
	w := tar.NewWriter(&stallWriter{c.Writer, http.NewResponseController(c.Writer)})
	if w.AddFS(files) != nil { // the client is gone, or sees that the end is missing
		c.Abort()
		return nil
	}
	end := a.node.Log.Head().String() + "\n"
	if w.WriteHeader(&tar.Header{Name: backupEnd, Mode: 0o600, Size: int64(len(end)), ModTime: time.Now()}) == nil {
		_, _ = io.WriteString(w, end)
		_ = w.Close()
	}
	return nil
}

func backupHead(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Type", "application/x-tar")
	c.Header("Content-Disposition", `attachment; filename="rollcall.tar"`)
}

// stallWriter gives each write a time of its own.
type stallWriter struct {
	io.Writer
	rc *http.ResponseController
}

func (w *stallWriter) Write(p []byte) (int, error) {
	if err := w.rc.SetWriteDeadline(time.Now().Add(backupStall)); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}
