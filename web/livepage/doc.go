// Package livepage updates an open page of the admin UI: it finds the fragments that changed and
// writes them to the page's event stream. assets/patches.js applies them.
//
//	sse, err := livepage.NewWriter(w)
//	page := new(livepage.Differ)
//	err = sse.Run(r.Context(), func(ctx context.Context) error {
//		ops, err := page.Diff(ctx, view().Fragments())
//		if err != nil {
//			return err
//		}
//		return sse.Patch("", ops)
//	})
//
// A [Differ] remembers the page's content as a hash of each rendered element. It belongs to one
// stream: a page that reconnects gets a new one, and its first patch contains everything.
//
// # Patches
//
// A patch is an event of type patch. Its data is a JSON array of operations, each on the element with
// the given id. Elements are changed in place, so focus, selection and input survive a patch.
//
//	{"id":"figures","html":"<dl id=…"}
//
// makes the element equal to this one.
//
//	{"id":"rows","keys":["a","b"],"html":{"b":"<tr id=…"}}
//
// makes the elements a and b the list's only children, in this order; html contains the new and the
// changed ones. If the order is unchanged, each changed item is an operation of the first kind.
//
//	{"id":"tail-rows","first":"<li id=…><li id=…","keep":200}
//
// inserts elements before the feed's children, the newest first, and drops those beyond keep. [Feed]
// makes this operation and does not remember its rows. Each row needs an id: the page drops rows that
// it already has, so a feed may be sent again from an earlier point.
//
// The stream's other event, expired, reports the end of the session: data {"reason":"…"}. The page
// does not reconnect after it.
package livepage
