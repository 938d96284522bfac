package livepage

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/a-h/templ"

	"rollcall/templates"
)

// Feed returns the patch that puts items, newest first, before the children of the feed with this
// id, which keeps that many. It returns nil for no items.
func Feed(ctx context.Context, id string, keep int, items []templ.Component) ([]byte, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if len(items) > keep {
		items = items[:keep]
	}
	var text bytes.Buffer
	ctx = templ.InitializeContext(ctx)
	for _, item := range items {
		if err := templates.Render(ctx, &text, item); err != nil {
			return nil, fmt.Errorf("livepage: %s: %w", id, err)
		}
	}
	patch := append(make([]byte, 0, text.Len()+text.Len()/8+64), `[{"id":`...)
	patch = append(quote(patch, id), `,"first":`...)
	patch = append(quote(patch, text.Bytes()), `,"keep":`...)
	return append(strconv.AppendInt(patch, int64(keep), 10), "}]"...), nil
}
