package torture

import (
	"cmp"
	"slices"
	"time"
)

// checkBatches checks that batches are in the log as a whole, or not at all.
func (c *checker) checkBatches() {
	seen := make(map[Event]bool) // the first event of each batch
	for _, a := range c.h.Attempts {
		for i, id := range a.IDs {
			first, at := ParsePosition(a.IDs[0]), ParsePosition(id)
			if at.Epoch != first.Epoch || at.Seq != first.Seq+uint64(i) {
				c.add(RuleBatch, "%s answered %v with %v", a.Server, a.Events, a.IDs)
				break
			}
		}
		if seen[a.Events[0]] {
			continue
		}
		seen[a.Events[0]] = true
		epochs := make(map[string]bool)
		for _, e := range a.Events {
			for epoch := range c.places[e] {
				epochs[epoch] = true
			}
		}
		for epoch := range epochs {
			c.checkBatch(a.Events, epoch)
		}
	}
}

// checkBatch checks a batch of which a log has some events. Unseen ones may have been dropped for lack of room.
func (c *checker) checkBatch(events []Event, epoch string) {
	first, known := uint64(0), false
	for i, e := range events {
		seq, ok := c.places[e][epoch]
		switch {
		case !ok && c.rules.KeepsAll && c.final(epoch):
			c.add(RuleBatch, "%v is not in %s, and others of its batch are", e, epoch)
		case ok && known && seq != first+uint64(i):
			c.add(RuleBatch, "%v is at %s-%d, want %d", e, epoch, seq, first+uint64(i))
		case ok && !known:
			first, known = seq-uint64(i), true
		}
	}
}

// final reports whether this is the log at the end, whose events have all been read.
func (c *checker) final(epoch string) bool {
	n := len(c.h.Pages)
	return n > 0 && len(c.h.Stuck) == 0 && ParsePosition(c.h.Pages[n-1].Next).Epoch == epoch
}

// checkTime checks that an event acknowledged before another was sent stands before it.
func (c *checker) checkTime() {
	type placed struct {
		Event
		at           Position
		began, ended time.Duration
	}
	logs := make(map[string][]placed)
	for at, ended := range c.acked {
		e := c.at[at]
		if s := c.sent[e]; s != nil {
			logs[at.Epoch] = append(logs[at.Epoch], placed{e, at, s.began, ended})
		}
	}
	for _, all := range logs {
		byBegin := slices.Clone(all)
		slices.SortFunc(byBegin, func(a, b placed) int { return cmp.Compare(a.began, b.began) })
		slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.ended, b.ended) })
		var highest placed // of the ended ones
		for _, later := range byBegin {
			for len(all) > 0 && all[0].ended < later.began {
				if all[0].at.Seq > highest.at.Seq {
					highest = all[0]
				}
				all = all[1:]
			}
			if highest.at.Seq > later.at.Seq {
				c.add(RuleTime, "%v is %v, and %v, acked before it was sent, is %v", later.Event, later.at, highest.Event, highest.at)
			}
		}
	}
}
