package web_test

import (
	"strconv"
	"strings"
	"testing"
)

// A client's page has charts of what it was sent and was behind, with values from when the page was opened, also without a
// script.
func TestAdminClientCharts(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	st := subscribed(t, srv, "clientId=ada", "news")
	vera := viewer(t, srv)
	vera.get("/admin/clients/ada").wantText("charts-since", "They begin now.")
	values := func(page *reply, chart string) (list []string) {
		for n := range page.one(chart).Descendants() {
			if text := attr(n, "data-values"); text != "" {
				for _, v := range strings.Fields(text) {
					if v != "–" {
						list = append(list, v)
					}
				}
			}
		}
		return list
	}
	until(t, "the first step has begun", func() bool {
		return strings.Contains(vera.get("/admin/clients/ada").says("charts-since"), "They have values since 2")
	})
	var sum float64
	published := 0
	until(t, "what is sent is in the chart", func() bool {
		srv.Publish("news", strconv.Itoa(published))
		st.WantEvent("news", "message", strconv.Itoa(published))
		published++
		sum = 0
		page := vera.get("/admin/clients/ada")
		for _, v := range values(page, "chart-sent") {
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += x
		}
		return sum > 0 && len(values(page, "chart-pending")) > 0
	})
	if sum*5 > 1.01*float64(published)+5 {
		t.Errorf("the chart has %v events of %d", sum*5, published)
	}
	live := vera.watch("/admin/clients/ada")
	live.patch()
	live.until("chart-sent", "a new value", func(o op) bool { return strings.Contains(o.markup(), "data-values") })
}
