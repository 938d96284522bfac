package livepage

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/a-h/templ"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/templates"
)

// Differ turns the fragments of one open page into patches. The zero value is a page of which
// nothing was sent. It is for one goroutine.
type Differ struct {
	sent  map[string]*sent // by id
	turn  uint64           // counts calls of Diff
	text  bytes.Buffer     // of the element rendered last
	patch []byte
}

// sent is the page's version of a fragment.
type sent struct {
	sum   uint64            // of the whole; not kept of a list
	keys  []string          // of the list's items, in order; empty if it is not a list
	items map[string]uint64 // sum of each item
	turn  uint64            // of the last Diff that had the fragment
}

// seed is random per process, because sums never leave it.
var seed = maphash.MakeSeed()

// Diff renders the fragments and returns the patch from those of the last call to these, or nil if they are equal. The
// patch is valid until the next call. A fragment is sent whole the first time, and when it becomes a list or stops
// being one, because an empty list may look different; the Items of a list's items are ignored. A fragment that is
// left out stays on the page unchanged and counts as never sent.
//
// After an error, of a component or for a repeated id, nothing counts as sent.
func (d *Differ) Diff(ctx context.Context, fragments []templates.Fragment) ([]byte, error) {
	if d.sent == nil {
		d.sent = make(map[string]*sent)
	}
	d.turn++
	d.patch = append(d.patch[:0], '[')
	ctx = templ.InitializeContext(ctx) // once for all
	for i := range fragments {
		if err := d.fragment(ctx, &fragments[i]); err != nil {
			d.sent = nil
			return nil, err
		}
	}
	if len(d.sent) > len(fragments) {
		for id, had := range d.sent {
			if had.turn != d.turn {
				delete(d.sent, id)
			}
		}
	}
	if len(d.patch) == 1 {
		return nil, nil
	}
	return append(d.patch, ']'), nil
}

// fragment appends the changes of f.
func (d *Differ) fragment(ctx context.Context, f *templates.Fragment) error {
	had := d.sent[f.ID]
	fresh := had == nil
	if fresh {
		had = new(sent)
		d.sent[f.ID] = had
	} else if had.turn == d.turn {
		return fmt.Errorf("livepage: two fragments have the id %q", f.ID)
	}
	had.turn = d.turn

	if len(f.Items) > 0 && len(had.keys) > 0 {
		return d.list(ctx, f.ID, f.Items, had)
	}
	becomes := len(f.Items) > 0 || len(had.keys) > 0
	had.keys, had.items = nil, nil
	if len(f.Items) > 0 {
		if err := d.remember(ctx, f.ID, f.Items, had); err != nil {
			return err
		}
	}
	sum, err := d.render(ctx, f.ID, f.Body)
	if err != nil {
		return err
	}
	if fresh || becomes || sum != had.sum {
		d.replace(f.ID)
	}
	had.sum = sum
	return nil
}

// remember takes note of the items of a list that is sent whole.
func (d *Differ) remember(ctx context.Context, id string, items []templates.Fragment, had *sent) error {
	had.items = make(map[string]uint64, len(items))
	for i := range items {
		sum, err := d.render(ctx, items[i].ID, items[i].Body)
		if err != nil {
			return err
		}
		had.items[items[i].ID] = sum
		had.keys = append(had.keys, items[i].ID)
	}
	return unique(id, had)
}

// list appends the changes of a list that the page has.
func (d *Differ) list(ctx context.Context, id string, items []templates.Fragment, had *sent) error {
	same := slices.EqualFunc(items, had.keys, func(item templates.Fragment, key string) bool { return item.ID == key })
	if !same {
		had.keys = had.keys[:0]
		for i := range items {
			had.keys = append(had.keys, items[i].ID)
		}
		d.open(id)
		d.patch = append(d.patch, `,"keys":[`...)
		for i, key := range had.keys {
			if i > 0 {
				d.patch = append(d.patch, ',')
			}
			d.patch = quote(d.patch, key)
		}
		d.patch = append(d.patch, `],"html":{`...)
	}
	first := true
	for i := range items {
		key := items[i].ID
		sum, err := d.render(ctx, key, items[i].Body)
		if err != nil {
			return err
		}
		if old, ok := had.items[key]; ok && old == sum {
			continue
		}
		had.items[key] = sum
		if same {
			d.replace(key)
			continue
		}
		if !first {
			d.patch = append(d.patch, ',')
		}
		first = false
		d.patch = append(quote(d.patch, key), ':')
		d.patch = quote(d.patch, d.text.Bytes())
	}
	if same {
		return nil
	}
	d.patch = append(d.patch, "}}"...)
	if len(had.items) > len(had.keys) {
		d.forget(had)
	}
	return unique(id, had)
}

// forget drops the sums of items that aren't in the list any more.
func (d *Differ) forget(had *sent) {
	kept := make(map[string]uint64, len(had.keys))
	for _, key := range had.keys {
		kept[key] = had.items[key]
	}
	had.items = kept
}

// unique checks that no two items have the same id.
func unique(id string, had *sent) error {
	if len(had.items) != len(had.keys) {
		return fmt.Errorf("livepage: two items of %q have the same id", id)
	}
	return nil
}

// render renders a component's element into d.text and returns its sum.
func (d *Differ) render(ctx context.Context, id string, c templ.Component) (uint64, error) {
	d.text.Reset()
	if err := templates.Render(ctx, &d.text, c); err != nil {
		return 0, fmt.Errorf("livepage: %s: %w", id, err)
	}
	return maphash.Bytes(seed, d.text.Bytes()), nil
}

// replace appends the operation that makes an element equal to d.text.
func (d *Differ) replace(id string) {
	d.open(id)
	d.patch = append(d.patch, `,"html":`...)
	d.patch = append(quote(d.patch, d.text.Bytes()), '}')
}

// open begins an operation.
func (d *Differ) open(id string) {
	if len(d.patch) > 1 {
		d.patch = append(d.patch, ',')
	}
	d.patch = quote(append(d.patch, `{"id":`...), id)
}

// quote appends a JSON string. It has no line end in it, and "<" stays as it is.
func quote[Bytes ~[]byte | ~string](dst []byte, text Bytes) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // the error is of bytes that aren't UTF-8: they are replaced
	return dst
}
