package node

import (
	"rollcall/hub"
	"rollcall/presence"
)

// Sweep ends the streams whose grants no longer stand.
func (n *Node) Sweep() {
	var gone []*Stream
	n.Registry.Each(func(r presence.Ref) {
		for _, conn := range r.Connections() {
			if st, ours := conn.Handle.(*Stream); ours && !st.Admission.Holds() {
				gone = append(gone, st)
			}
		}
	})
	for _, st := range gone {
		st.end(hub.Expired)
	}
	n.watching.Range(func(key, _ any) bool {
		if w := key.(*Watcher); !w.Admission.Holds() {
			w.end(hub.Expired)
		}
		return true
	})
}
