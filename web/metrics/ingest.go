package metrics

import "rollcall/web/node"

// collectIngest collects the figures of messages that become events; zeros without any.
func (x *Exporter) collectIngest(put putFunc, st *node.IngestState) {
	if st == nil {
		st = new(node.IngestState)
	}
	put(metricIngested, float64(st.Published), "published")
	put(metricIngested, float64(st.Duplicates), "duplicate")
	put(metricIngested, float64(st.Refused), "refused")
	put(metricUnread, float64(st.Waiting))
}
