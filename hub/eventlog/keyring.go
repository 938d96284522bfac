package eventlog

import (
	"hash/maphash"
	"time"
)

// keyHash stands for a channel and an idempotency key: 128 bits under seeds of
// this process, so that a chance collision is out of the question.
type keyHash [2]uint64

// keyring remembers idempotency keys for DedupeWindow, in two generations.
type keyring struct {
	young, old map[keyHash]keyEntry
	since      time.Duration // when young began, since the log began
}

type keyEntry struct {
	seq uint64
	at  time.Duration
}

func (m *Memory) keyOf(ev *Event) keyHash {
	var k keyHash
	for i := range k {
		var h maphash.Hash
		h.SetSeed(m.seed[i])
		_, _ = h.WriteString(ev.Channel)
		_ = h.WriteByte(0)
		_, _ = h.WriteString(ev.Key)
		k[i] = h.Sum64()
	}
	return k
}

// find returns the sequence number that the key was first used for.
func (k *keyring) find(key keyHash, now time.Duration) (uint64, bool) {
	e, ok := k.young[key]
	if !ok {
		e, ok = k.old[key]
	}
	return e.seq, ok && now-e.at <= DedupeWindow
}

// add remembers a key and returns its cost.
func (k *keyring) add(key keyHash, seq uint64, now time.Duration) int64 {
	if k.young == nil {
		k.young, k.since = make(map[keyHash]keyEntry), now
	}
	before := len(k.young) // an entry that ran out may still be there
	k.young[key] = keyEntry{seq, now}
	return int64(len(k.young)-before) * keyCost
}

// expire forgets keys older than the window and returns the freed cost. A generation of most keys counts as old at
// once, so that a flood of keys can't fill the memory.
func (k *keyring) expire(now time.Duration, most int) int64 {
	if len(k.young)+len(k.old) == 0 || now-k.since <= DedupeWindow && len(k.young) <= most {
		return 0
	}
	freed := int64(len(k.old)) * keyCost
	k.old, k.young, k.since = k.young, nil, now
	return freed
}
