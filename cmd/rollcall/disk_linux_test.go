package main

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollcall/cmd/rollcall/torture"
)

// smallDisk mounts a disk in memory of 64 MiB until the test's end, if permitted.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := mountSmall(t, dir); err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	return dir
}

// mountSmall mounts the same over a directory.
func mountSmall(t *testing.T, dir string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return nil
}

func init() {
	smallDiskFaults = func(t *testing.T, dir string) []torture.Fault {
		if mountSmall(t, dir) != nil {
			return nil
		}
		ballast := filepath.Join(dir, "ballast")
		return []torture.Fault{{
			Name: "fill", On: "the disk", Begin: func(*rand.Rand) { fill(t, ballast) }, End: func() { _ = os.Remove(ballast) },
		}}
	}
}

// fill writes to a new file until the disk has no room for another page.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// A disk that others fill makes publishes fail, with nothing stored, and the server not ready; when there is room again all
// goes on, with the streams that were open all the while.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	n := newNode(t, "--data="+filepath.Join(dir, "data"), "--admin-user=ops", "--admin-password=correct horse")
	client := patient(t)
	ops := logIn(t, n.url, "ops", "correct horse")
	s := open(t, "/subscribe?channels=a", n.url)
	acked := new(acknowledged)
	publish := func(payload string) {
		t.Helper()
		e := event{Channel: "a", Type: "message", Payload: payload}
		p := post(client, n.url, e)
		if p.Status != http.StatusOK {
			t.Fatalf("publish: %+v", p)
		}
		acked.add(p, []event{e})
	}
	publish("before")
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	for range 20 {
		if p := post(client, n.url, event{Channel: "a", Type: "message", Payload: "nothing"}); p.Status != http.StatusServiceUnavailable || p.Error.Code != "store_full" {
			t.Fatalf("publish with a full disk: %+v", p)
		}
	}
	ask(t, client, n.url+"/readyz", "").want(t, http.StatusServiceUnavailable, "store_unavailable")
	ask(t, ops, n.url+"/admin/server", "").want(t, http.StatusOK, "its disk has 0 MiB left")
	ask(t, client, n.url+"/lastEvent?channel=a", "").want(t, http.StatusOK, "before")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	publish("after")
	if got := ready(client, n.url); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}
	all := history(t, client, n.url, "a")
	acked.wantAmong(t, all)
	s.wantAll(t, all)
	if len(all) != 2 || s.streams() != 1 {
		t.Errorf("%d events are kept, and there were %d streams", len(all), s.streams())
	}
}

// A store that hits the end of the disk itself stops, and the server says so until there is space. Then it restarts by
// itself: nothing acknowledged is lost, no number comes twice.
func TestStoreMeetsTheEndOfTheDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	n := newNode(t, "--data="+filepath.Join(dir, "data"), "--admin-user=ops", "--admin-password=correct horse")
	client := patient(t)
	acked := new(acknowledged)
	publish := func(payload string) bool {
		e := event{Channel: "a", Type: "message", Payload: payload}
		p := post(client, n.url, e)
		if p.Status == http.StatusOK {
			acked.add(p, []event{e})
		}
		return p.Status == http.StatusOK
	}
	for range 50 {
		if !publish(strings.Repeat("x", 1000)) {
			t.Fatal("publishes fail before the disk is full")
		}
	}
	s := open(t, "/subscribe?channels=a,end", n.url)
	ops := logIn(t, n.url, "ops", "correct horse")
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	purge := func() { // which is written though there is no room for events
		answer := send(t, t.Context(), ops, n.url+"/admin/channels/other/purge", url.Values{"purge": {"1"}}.Encode(), "Content-Type: application/x-www-form-urlencoded")
		answer.Body.Close()
	}
	until(t, "the store has stopped", func() bool {
		purge()
		return strings.Contains(ask(t, ops, n.url+"/admin/server", "").body, "its disk is full")
	})
	if publish("nothing") {
		t.Error("a store that has stopped takes events")
	}
	ask(t, client, n.url+"/lastEvent?channel=a", "").want(t, http.StatusOK, "xxx")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	until(t, "the server is ready", func() bool { return ready(client, n.url) == http.StatusOK })
	if !publish("after") {
		t.Error("a store that has begun anew takes no events")
	}
	all := history(t, client, n.url, "a")
	acked.wantAmong(t, all)
	wantRising(t, all)
	s.until(t, "the event after has come", func(all []sse) bool {
		got := only(all, "message")
		return len(got) > 0 && got[len(got)-1].payload() == "after"
	})
	if gaps := only(s.events(), "gap"); len(gaps) > 0 {
		t.Errorf("gaps were told of: %v", gaps)
	}
}

// A directory that can't be written is an error at the start, for any user of the server.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	data := filepath.Join(dir, "data")
	n := newNode(t, "--data="+data)
	n.publish("a", "message", "kept")
	n.signal(syscall.SIGTERM)
	n.wantExit(0)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("the disk can't be made read-only: %v", err)
	}
	wantRefused(t, "read-only file system", "--data="+data)
}
