package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"

	"rollcall/hub/outbox"
	"rollcall/presence"
)

// key is a membership: a client on a channel, or online as a member of presence.Everyone.
type key struct{ channel, client string }

// table is the set of reported memberships.
type table struct {
	told    map[key]struct{}
	members map[string]int // by channel
	dirty   [parts]bool
	saved   [parts + 1]uint64 // revisions in the store; the last one is of wholeName
}

// parts is in how many values the table is stored.
const parts = 256

func newTable() *table {
	return &table{told: make(map[key]struct{}), members: make(map[string]int)}
}

func (t *table) has(k key) bool {
	_, ok := t.told[k]
	return ok
}

// fold applies a reported event.
func (t *table) fold(e *Event) {
	switch e.Type {
	case ClientOnline:
		t.set(key{presence.Everyone, e.ClientID}, true)
	case ClientOffline:
		t.set(key{presence.Everyone, e.ClientID}, false)
	case MemberJoined:
		t.set(key{e.ChannelName, e.ClientID}, true)
	case MemberLeft:
		t.set(key{e.ChannelName, e.ClientID}, false)
	}
}

func (t *table) set(k key, there bool) {
	if t.has(k) == there {
		return
	}
	t.dirty[k.part()] = true
	if there {
		t.told[k] = struct{}{}
		t.members[k.channel]++
		return
	}
	delete(t.told, k)
	if t.members[k.channel]--; t.members[k.channel] == 0 {
		delete(t.members, k.channel)
	}
}

// part is the part of the table that has the key.
func (k key) part() int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.channel))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(k.client))
	return int(h.Sum32() % parts)
}

// tablePart is a part of the table as it is stored.
type tablePart struct {
	At   uint64      `json:"at"` // the entry through which it holds
	Told [][2]string `json:"told"`
}

func partName(i int) string { return fmt.Sprintf("told.%03d", i) }

// wholeName has the entry through which all parts are stored. Some may be newer, if the server ended while it stored them.
const wholeName = "told.whole"

// load reads the stored table and applies later entries. It returns the last entry applied.
func (t *table) load(ctx context.Context, s outbox.Store) (uint64, error) {
	var at [parts]uint64
	for i := range parts {
		v, err := s.Get(ctx, partName(i))
		if err != nil {
			return 0, err
		}
		var p tablePart
		if v.Rev > 0 && json.Unmarshal(v.Data, &p) != nil {
			p = tablePart{}
		}
		t.saved[i], at[i] = v.Rev, p.At
		for _, one := range p.Told {
			t.set(key{one[0], one[1]}, true)
		}
		t.dirty[i] = false
	}
	v, err := s.Get(ctx, wholeName)
	if err != nil {
		return 0, err
	}
	t.saved[parts] = v.Rev
	whole := uint64(0)
	if v.Rev > 0 {
		if whole, err = strconv.ParseUint(string(v.Data), 10, 64); err != nil {
			return 0, err
		}
	}
	last, err := t.catchUp(ctx, s, whole, func(string) {}, func(k key, seq uint64) bool { return seq > at[k.part()] })
	if err != nil {
		return 0, err
	}
	head, err := s.Head(ctx)
	return max(last, head), err // the last of the dropped entries may be later
}

// catchUp applies the new events among the entries after a number, and returns the last entry. saw receives the
// batches' ids.
func (t *table) catchUp(ctx context.Context, s outbox.Store, after uint64, saw func(id string), isNew func(key, uint64) bool) (uint64, error) {
	for {
		entries, err := s.Read(ctx, after, readStep)
		if err != nil {
			return after, err
		}
		for _, entry := range entries {
			after = entry.Seq
			var b batch
			if json.Unmarshal(entry.Data, &b) != nil {
				continue
			}
			saw(b.ID)
			for i := range b.Events {
				e := &b.Events[i]
				if isNew(keyOf(e), entry.Seq) {
					t.fold(e)
				}
			}
		}
		if len(entries) == 0 {
			return after, nil
		}
	}
}

// readStep is how many entries are read at once.
const readStep = 64

// keyOf is the key of an event's membership.
func keyOf(e *Event) key {
	if e.ChannelName == "" {
		return key{presence.Everyone, e.ClientID}
	}
	return key{e.ChannelName, e.ClientID}
}

// save stores the parts that have changed, as they are after an entry.
func (t *table) save(ctx context.Context, s outbox.Store, at uint64) error {
	var lists [parts][][2]string
	for k := range t.told {
		if i := k.part(); t.dirty[i] {
			lists[i] = append(lists[i], [2]string{k.channel, k.client})
		}
	}
	for i := range parts {
		if !t.dirty[i] {
			continue
		}
		data, err := json.Marshal(tablePart{at, lists[i]})
		if err != nil {
			return err
		}
		if err := t.put(ctx, s, partName(i), i, data); err != nil {
			return err
		}
		t.dirty[i] = false
	}
	return t.put(ctx, s, wholeName, parts, strconv.AppendUint(nil, at, 10))
}

// put stores a value whose revision is saved[i].
func (t *table) put(ctx context.Context, s outbox.Store, name string, i int, data []byte) error {
	rev, err := s.Put(ctx, name, data, t.saved[i])
	if errors.Is(err, outbox.ErrConflict) { // another server had this to do until now
		var v outbox.Value
		if v, err = s.Get(ctx, name); err == nil {
			rev, err = s.Put(ctx, name, data, v.Rev)
		}
	}
	if err == nil {
		t.saved[i] = rev
	}
	return err
}
