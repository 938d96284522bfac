package templates

import (
	"bytes"
	"context"
	"strings"

	"github.com/a-h/templ"
)

type rootKey struct{}

// WithRoot stores the path of the rendered page, such as /admin/clients. [Render] makes the page's links relative to
// that path, so that they work below any prefix of a proxy or a mux.
func WithRoot(ctx context.Context, path string) context.Context {
	root := strings.Repeat("../", max(0, strings.Count(path, "/")-1))
	if root == "" {
		root = "./"
	}
	return context.WithValue(ctx, rootKey{}, root)
}

// Render appends the rendered c to text. Links that begin at the server's root become relative; see [WithRoot].
func Render(ctx context.Context, text *bytes.Buffer, c templ.Component) error {
	begin := text.Len()
	if err := c.Render(ctx, text); err != nil {
		return err
	}
	root, ok := ctx.Value(rootKey{}).(string)
	if !ok {
		return nil
	}
	html := string(text.Bytes()[begin:])
	text.Truncate(begin)
	// Quotes in texts and attributes are escaped, so these match only in markup.
	_, err := strings.NewReplacer(` content="0;url=/`, ` content="0;url=`+root, ` href="/`, ` href="`+root, ` src="/`, ` src="`+root, ` action="/`, ` action="`+root,
		` formaction="/`, ` formaction="`+root).WriteString(text, html)
	return err
}
