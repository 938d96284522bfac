package disklog

import (
	"path/filepath"
	"testing"

	"rollcall/hub/outbox"
	"rollcall/hub/outbox/storetest"
)

func TestOutbox(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T, name string) outbox.Store {
		o, err := OpenOutbox(filepath.Join(dir, name), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		})
		return o
	})
}
