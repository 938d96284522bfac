package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/web/auth"
)

// collectBackend collects the figures of the backend for rights; zeros without one.
func (x *Exporter) collectBackend(put putFunc, out chan<- prometheus.Metric) {
	st := x.gate.Backend().Stats()
	put(metricAsked, float64(st.Admitted), "admitted")
	put(metricAsked, float64(st.Refused), "refused")
	put(metricAsked, float64(st.Failed), "failed")
	put(metricAsked, float64(st.Busy), "busy")
	put(metricAsked, float64(st.Remembered), "remembered")
	failing := 0.0
	if st.Failing {
		failing = 1
	}
	put(metricAskFails, failing)
	buckets := make(map[float64]uint64, len(auth.AnswerTimes))
	for i, bound := range auth.AnswerTimes {
		buckets[bound.Seconds()] = st.Within[i]
	}
	out <- prometheus.MustNewConstHistogram(metricAskTime, st.Asked(), st.Took.Seconds(), buckets)
}
