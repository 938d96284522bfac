package outbox_test

import (
	"context"
	"testing"

	"rollcall/hub/outbox"
	"rollcall/hub/outbox/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T, string) outbox.Store { return outbox.NewMemory(1 << 20) })
}

func TestMemoryDropsTheOldest(t *testing.T) {
	ctx := context.Background()
	m := outbox.NewMemory(1000)
	for i := range 20 {
		if err := m.Append(ctx, uint64(i), make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := m.Read(ctx, 0, 100)
	if err != nil || len(list) != 6 || list[5].Seq != 20 {
		t.Errorf("%d entries are left, %v", len(list), err)
	}
	if err := m.Append(ctx, 20, make([]byte, 5000)); err != nil { // one is always kept
		t.Fatal(err)
	}
	if list, err = m.Read(ctx, 0, 100); err != nil || len(list) != 1 || list[0].Seq != 21 {
		t.Errorf("%d entries are left, %v", len(list), err)
	}
}
