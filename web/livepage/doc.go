// Package livepage keeps an open page of the admin UI as it is rendered: it finds out which
// fragments changed and writes them to the page's event stream. assets/admin.js is the other end.
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
// A [Differ] remembers what the page has, as a hash of each rendered element. It belongs to one
// stream: a page that reconnects gets a new one, whose first patch is everything.
//
// # Patches
//
// A patch is an event of type patch; its data is a JSON array of operations, each on the element
// with its id. Elements are changed in place: what a person does with them outlives a patch.
//
//	{"id":"figures","html":"<dl id=…"}
//
// makes the element equal to this one.
//
//	{"id":"rows","keys":["a","b"],"html":{"b":"<tr id=…"}}
//
// makes the elements a and b the list's children, in this order and no others; html has those that
// are new or changed. Where the order stays the same, a changed item comes as an operation of its
// own, of the first kind.
//
//	{"id":"tail-rows","first":"<li id=…><li id=…","keep":200}
//
// puts elements before the feed's children, the newest first, and drops those beyond keep. It is
// made by [Feed]; what a feed has shown isn't remembered here. Rows need ids: the page drops those that
// it has, so that a feed may be sent again from an earlier point.
//
// The stream's other event, expired, says that the session is over: data {"reason":"…"}. The page
// doesn't come back after it.
package livepage
