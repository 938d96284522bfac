package node

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// The journal has exactly the newest happenings, newest first, however many there
// were.
func TestJournal(t *testing.T) {
	var j Journal
	if list := j.Newest(5, func(*JournalEntry) bool { return true }); list != nil {
		t.Errorf("%v in an empty journal", list)
	}
	total := 0
	add := func(n int) {
		for range n {
			total++
			j.Note(JournalEntry{Kind: "open", ClientID: fmt.Sprint("client", total%3), ConnID: fmt.Sprint(total)})
		}
	}
	for _, n := range []int{1, 9, journalLen - 11, 1, 1, 1, journalLen - 1, journalLen/2 + 7} {
		add(n)
		for _, c := range []struct {
			limit  int
			client string
		}{{1, ""}, {50, ""}, {2 * journalLen, ""}, {1, "client0"}, {journalLen, "client2"}, {1, "nobody"}} {
			limit, client := c.limit, c.client
			got := j.Newest(limit, func(h *JournalEntry) bool { return client == "" || h.ClientID == client })
			var want []uint64
			for seq := total; seq > max(total-journalLen, 0) && len(want) < limit; seq-- {
				if client == "" || client == fmt.Sprint("client", seq%3) {
					want = append(want, uint64(seq))
				}
			}
			seqs := make([]uint64, 0, len(got))
			for i, h := range got {
				seqs = append(seqs, h.Seq)
				if h.ConnID != fmt.Sprint(h.Seq) || h.At.IsZero() || i > 0 && h.At.After(got[i-1].At) {
					t.Fatalf("%+v", h)
				}
			}
			if !slices.Equal(seqs, want) {
				t.Fatalf("%d of %q after %d: %d from %v on; want %d", limit, client, total, len(seqs), seqs[:min(len(seqs), 3)], len(want))
			}
		}
	}
	if len(j.ring) != journalLen {
		t.Errorf("%d are kept", len(j.ring))
	}
}

// What newest returns is the caller's, and the Journal may be read while it is
// written.
func TestJournalUnderLoad(t *testing.T) {
	var j Journal
	var work sync.WaitGroup
	for range 3 {
		work.Go(func() {
			for range journalLen / 2 {
				j.Note(JournalEntry{Kind: "open"})
			}
		})
	}
	for range 2 {
		work.Go(func() {
			for range 50 {
				list := j.Newest(100, func(h *JournalEntry) bool { return h.Seq%2 == 0 })
				for i, h := range list {
					if h.Seq%2 != 0 || i > 0 && h.Seq >= list[i-1].Seq {
						t.Errorf("%d after %d", h.Seq, list[max(i-1, 0)].Seq)
					}
				}
			}
		})
	}
	work.Wait()
	list := j.Newest(2*journalLen, func(*JournalEntry) bool { return true })
	if len(list) != journalLen || list[0].Seq != 3*(journalLen/2) {
		t.Errorf("%d happenings, the newest is %d", len(list), list[0].Seq)
	}
}
