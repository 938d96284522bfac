package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/web/privatefile"
	"rollcall/web/reply"
)

// The audit log has exactly the newest deeds; its pages put together are the
// whole list, newest first, whatever is searched for.
func TestAuditLog(t *testing.T) {
	var a auditLog
	if page, total := a.list("", 0, 5); page != nil || total != 0 {
		t.Errorf("%v in an empty log", page)
	}
	users := []string{"Ada", "bob", "eve"}
	n := 0
	for _, more := range []int{1, 30, auditLen - 32, 1, 1, 1, auditLen/2 + 3} {
		for range more {
			n++
			a.add(AuditEntry{User: users[n%3], Action: "client.block", Target: fmt.Sprint("t", n), Result: "ok"})
		}
		for _, text := range []string{"", "ADA", "block", "t7", "nobody"} {
			var want []uint64
			for seq := n; seq > max(n-auditLen, 0); seq-- {
				d := AuditEntry{User: users[seq%3], Action: "client.block", Target: fmt.Sprint("t", seq), Result: "ok"}
				if strings.Contains(strings.ToLower(d.User+" "+d.Action+" "+d.Target), strings.ToLower(text)) {
					want = append(want, uint64(seq))
				}
			}
			var got []uint64
			for size := max(len(want)/3, 1); ; {
				page, total := a.list(text, len(got), size)
				if total != len(want) || len(page) > size {
					t.Fatalf("%d of %d for %q, want %d", len(page), total, text, len(want))
				}
				for _, d := range page {
					got = append(got, d.Seq)
				}
				if len(page) == 0 {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%q after %d (-want +got):\n%.500s", text, n, diff)
			}
		}
	}
}

// Every Deed is one line of JSON, oldest first, whatever was typed into it.
func TestAuditLines(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var a auditLog
		texts := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"a\nb\r\n", "\u2028\u2029", "\x00\x1b[31m", `"}{"`, "\xff\xfe", "<b>&amp;", strings.Repeat("ö", 300), strings.Repeat("x", 2000),
		})), 1, 5).Draw(rt, "texts")
		for _, s := range texts {
			a.add(AuditEntry{User: s, Addr: "::1", Action: "channel.purge", Target: s, Result: "ok", Detail: s})
		}
		var out bytes.Buffer
		if err := a.write(&out); err != nil {
			rt.Fatal(err)
		}
		lines := strings.SplitAfter(out.String(), "\n")
		if len(lines) != len(texts)+1 || lines[len(texts)] != "" {
			rt.Fatalf("%d lines for %d deeds", len(lines)-1, len(texts))
		}
		for i, s := range texts {
			var got struct {
				Timestamp time.Time
				AuditEntry
			}
			dec := json.NewDecoder(strings.NewReader(lines[i]))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&got); err != nil || dec.More() || got.Timestamp.IsZero() {
				rt.Fatalf("line %q: %v", lines[i], err)
			}
			want := AuditEntry{
				Seq: uint64(i + 1), User: asJSON(reply.Short(s, 64)), Addr: "::1", Action: "channel.purge",
				Target: asJSON(reply.Short(s, 512)), Result: "ok", Detail: asJSON(reply.Short(s, 512)),
			}
			if diff := cmp.Diff(want, got.AuditEntry, cmp.AllowUnexported(AuditEntry{})); diff != "" {
				rt.Fatalf("line %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

// asJSON returns s as it comes out of JSON, which has no ill-formed text.
func asJSON(s string) string {
	var b strings.Builder
	for _, r := range s { // each ill-formed byte for itself
		b.WriteRune(r)
	}
	return b.String()
}

// A text that is cut keeps whole characters, as many as fit.
func TestShort(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, n := rapid.String().Draw(rt, "s"), rapid.IntRange(0, 20).Draw(rt, "n")
		got := reply.Short(s, n)
		kept, cut := strings.CutSuffix(got, "…")
		switch {
		case len(s) <= n:
			if got != s {
				rt.Fatalf("%q, want it whole", got)
			}
		case !cut || !strings.HasPrefix(s, kept) || len(kept) > n || !utf8.ValidString(got):
			rt.Fatalf("%q is cut to %q", s, got)
		default:
			if _, size := utf8.DecodeRuneInString(s[len(kept):]); len(kept)+size <= n {
				rt.Fatalf("%q is cut to %q, one more fits into %d", s, got, n)
			}
		}
	})
}

// A writer that fails ends the writing.
func TestAuditWriteFails(t *testing.T) {
	var a auditLog
	for range 5 {
		a.add(AuditEntry{User: "ada"})
	}
	w := &broken{left: 2}
	if err := a.write(w); !errors.Is(err, errBroken) || w.left != 0 {
		t.Errorf("%v, %d writes left", err, w.left)
	}
}

var errBroken = errors.New("broken")

type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errBroken
	}
	b.left--
	return len(p), nil
}

// The log may be read while it is written.
func TestAuditUnderLoad(t *testing.T) {
	var a auditLog
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for range auditLen {
				a.add(AuditEntry{User: "ada", Result: "ok"})
			}
		})
		work.Go(func() {
			for range 20 {
				page, _ := a.list("ADA", 10, 20)
				for i := range page {
					if page[i].Seq != page[0].Seq-uint64(i) {
						t.Errorf("%d behind %d", page[i].Seq, page[0].Seq)
					}
				}
			}
		})
	}
	work.Wait()
	if page, total := a.list("", 0, 1); total != auditLen || page[0].Seq != 2*auditLen {
		t.Errorf("%d deeds, the newest %+v", total, page)
	}
}

// A log that was stored and recalled has the same entries, and goes on counting. The largest one fits into its file.
func TestAuditIsRecalled(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\U0001F600", 300)
	for name, n := range map[string]int{"empty": 0, "few": 7, "full": auditLen + 700} {
		var before, after auditLog
		for i := range n {
			before.add(AuditEntry{User: long, Addr: "2001:db8::1", Action: "client.block", Target: fmt.Sprint("t", i, long), Result: "ok", Detail: long})
			before.add(AuditEntry{Addr: "::1", Action: "login", Result: "refused", Detail: long, anonymous: true})
		}
		file := privatefile.Record[auditHistory]{Path: filepath.Join(t.TempDir(), "audit"), Line: "audit", Most: mostAuditFile}
		if err := file.Store(before.history()); err != nil {
			t.Fatal(err)
		}
		h, err := file.Load()
		if err != nil {
			t.Fatal(err)
		}
		after.recall(h)
		for range 5 { // the oldest give way in the same order
			want, total := before.list("", 0, 2*auditLen)
			got, _ := after.list("", 0, 2*auditLen)
			if len(got) != len(want) || len(want) != total {
				t.Fatalf("%s: %d entries, want %d", name, len(got), len(want))
			}
			for i := range want {
				want[i].anonymous, got[i].anonymous = false, false
				if x, y := want[i].At, got[i].At; x.Sub(y).Abs() > time.Minute || i >= 2*5 && !x.Equal(y) {
					t.Fatalf("%s: entry %d is of %v, want %v", name, i, y, x)
				}
				want[i].At = got[i].At
				if want[i] != got[i] {
					t.Fatalf("%s: entry %d is %+v, want %+v", name, i, got[i], want[i])
				}
			}
			for _, a := range []*auditLog{&before, &after} {
				a.add(AuditEntry{User: "ann", Action: "client.unblock", Result: "ok"})
				a.add(AuditEntry{Action: "login", Result: "refused", anonymous: true})
			}
		}
	}
}
