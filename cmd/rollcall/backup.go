package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
)

// backupCmd copies the events of a running server into a directory.
type backupCmd struct {
	Dir string `arg:"" help:"The directory to make. It must not exist, or be empty."`

	RemoteFlags `embed:""`
}

// Help is shown above the flags of "rollcall backup --help".
func (c *backupCmd) Help() string {
	return `Copies the directory of a server that runs with --data, while it runs: everything that was published before the command is in the copy. To restore it, start a server with --data on the copy; the log gets a new epoch, so clients that come back get a gap and what is kept. Without a key that has the scope admin it is refused. The copy has the events of all channels: protect it like the server's own directory.`
}

// Examples is printed below the flags.
func (c *backupCmd) Examples() string {
	return `
Examples:
  rollcall backup /backup/rollcall-$(date +%F)
  rollcall serve --data /backup/rollcall-2026-11-21`
}

// backupEnd is the last file of a backup: one without it broke off.
const backupEnd = "backup"

// Run makes the backup beside its place, and moves it there once it is whole.
func (c *backupCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	dir := filepath.Clean(c.Dir)
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty; name a directory that does not exist", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".part-")
	if err != nil {
		return err
	}
	size, err := c.fetch(ctx, part)
	if err == nil {
		err = os.Rename(part, dir) // in place of an empty one, too
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if c.JSON {
		return newPrinter(k.Stdout, true, s).object(map[string]any{"directory": dir, "bytes": size})
	}
	_, err = fmt.Fprintf(k.Stdout, "%s: %v\n", dir, Size(size))
	return err
}

// fetch writes the files of a backup to a directory, and on the disk.
func (c *backupCmd) fetch(ctx context.Context, dir string) (size int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(time.Duration(c.Timeout), func() { cancel(fmt.Errorf("no answer within %v", c.Timeout)) })
	answer, err := c.send(ctx, http.MethodGet, "/backup", nil, nil, "")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	whole := false
	files := tar.NewReader(&impatient{answer.Body, late, time.Duration(c.Timeout)})
	for {
		h, err := files.Next()
		if err == io.EOF && whole {
			return size, syncDir(dir)
		}
		if err != nil || whole {
			return 0, fmt.Errorf("%w: the backup broke off: %w", errUnreachable, unexpected(ctx, err))
		}
		if err := writeEntry(root, h, files); err != nil {
			return 0, err
		}
		size += h.Size
		whole = h.Name == backupEnd
	}
}

// impatient is a body that ends if nothing comes for the time of its timer.
type impatient struct {
	io.Reader
	timer *time.Timer
	most  time.Duration
}

func (r *impatient) Read(p []byte) (int, error) {
	r.timer.Reset(r.most)
	n, err := r.Reader.Read(p)
	r.timer.Stop()
	return n, err
}

// unexpected is the reason for the end of an archive that is not whole.
func unexpected(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeEntry writes a file or directory of an archive; root keeps it inside.
func writeEntry(root *os.Root, h *tar.Header, in io.Reader) error {
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(filepath.FromSlash(filepath.Clean(h.Name)), 0o700)
	}
	file, err := root.OpenFile(filepath.FromSlash(h.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, in)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncDir brings the names in a directory to the disk, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
