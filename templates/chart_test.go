package templates

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"
)

func chartOf(values ...float64) Chart {
	return sampleChart("c", "Published", "/s", Series{"Published", "accent", values})
}

var nan = math.NaN()

func TestChartPaths(t *testing.T) {
	for name, test := range map[string]struct {
		values     []float64
		path, area string
	}{
		"none":     {nil, "", ""},
		"nothing":  {[]float64{nan, nan}, "", ""},
		"one":      {[]float64{4}, "M0 0h0", "M0 160V0h0V160z"},
		"zeros":    {[]float64{0, 0, 0}, "M0 160h2h9V169H-9V160z", ""},
		"constant": {[]float64{4, 4, 4}, "M0 0h2h9V169H-9V0z", ""},
		"steady":   {[]float64{0, 1, 2, 3, 4}, "M0 160l4-160h9V169H-9V160z", ""},
		"up, down": {[]float64{0, 4, 4, 2}, "M0 160l1-160h1l1 80h9V169H-9V160z", ""},
		"gap":      {[]float64{4, nan, 4, 2}, "M0 0h0M2 0l1 80", "M0 160V0h0V160zM2 160V0l1 80V160z"},
		"infinite": {[]float64{4, math.Inf(1), 4}, "M0 0h0M2 0h0", "M0 160V0h0V160zM2 160V0h0V160z"},
	} {
		line := chartOf(test.values...).plot().lines[0]
		if diff := cmp.Diff([]string{test.path, test.area}, []string{line.path, line.area}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSeveralSeriesAreLines(t *testing.T) {
	c := chartOf(1, 2, 1)
	c.Series = append(c.Series, Series{"Other", "violet", []float64{0, nan, 4}})
	for _, l := range c.plot().lines {
		if l.filled || l.area != "" {
			t.Errorf("%s is filled: %+v", l.Name, l)
		}
	}
}

var numbers = regexp.MustCompile(`[a-zA-Z]|-?[0-9.]+`)

// follow walks along a line's path and returns its points, without the close of an area.
func follow(t *testing.T, path string) (points [][2]float64) {
	t.Helper()
	path = strings.TrimSuffix(regexp.MustCompile(`h9V\d+H-9V\d+z$`).ReplaceAllString(path, ""), "z")
	var x, y float64
	words := numbers.FindAllString(path, -1)
	command := ""
	number := func() float64 {
		if len(words) == 0 {
			t.Fatalf("%s ends too early", path)
		}
		n, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		words = words[1:]
		return n
	}
	for len(words) > 0 {
		if words[0] >= "A" {
			command, words = words[0], words[1:]
		}
		switch command {
		case "M":
			x, y = number(), number()
		case "l":
			x, y = x+number(), y+number()
		case "h":
			x += number()
		default:
			t.Fatalf("%q in %s", command, path)
		}
		points = append(points, [2]float64{x, y})
	}
	return points
}

func TestChartsStayInTheirBox(t *testing.T) {
	check := func(values []float64, unit bool) bool {
		for i := range values {
			values[i] = math.Abs(values[i])
		}
		c := chartOf(values...)
		if unit {
			c.Unit = "B"
		}
		p := c.plot()
		for _, at := range follow(t, p.lines[0].path) {
			if at[0] < 0 || at[0] > float64(p.width) || at[1] < 0 || at[1] > plotHeight {
				t.Errorf("%v is out of %d by %d", at, p.width, plotHeight)
				return false
			}
		}
		return len(p.yLabels) == len(p.grid) && len(p.yLabels) <= 5 && len(strings.Fields(p.lines[0].values)) == len(values)
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	for _, v := range []float64{math.MaxFloat64, math.SmallestNonzeroFloat64, 1e300, 1e-300, 1, 999.9999, 1023.5} {
		if !check([]float64{0, v, v / 2}, true) || !check([]float64{v}, false) {
			t.Errorf("%g", v)
		}
	}
}

func TestScale(t *testing.T) {
	for _, test := range []struct {
		highest float64
		unit    string
		want    string
	}{
		{0, "/s", "1/s 0"},
		{1, "", "1 0"},
		{3, "", "3 2 1 0"},
		{7, "", "8 6 4 2 0"},
		{1570, "/s", "2k/s 1.5k/s 1k/s 500/s 0"},
		{3.7, "ms", "4 ms|3 ms|2 ms|1 ms|0"},
		{.3, "ms", "300 µs|200 µs|100 µs|0"},
		{52e6, "B/s", "60 MiB/s|40 MiB/s|20 MiB/s|0"},
		{1536, "B", "1.5 KiB|1 KiB|512 B|0"},
	} {
		c := chartOf(0, test.highest)
		c.Unit = test.unit
		got := c.plot().yLabels
		want := strings.Split(test.want, "|")
		if len(want) == 1 {
			want = strings.Fields(test.want)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%g %s (-want +got):\n%s", test.highest, test.unit, diff)
		}
	}
}

func TestTimeLabels(t *testing.T) {
	for span, want := range map[time.Duration]string{
		15 * time.Minute: "−15 min|−10|−5|now",
		24 * time.Hour:   "−24 h|−16|−8|now",
		time.Minute:      "−60 s|−40|−20|now",
		time.Hour:        "−60 min|−40|−20|now",
		7 * time.Minute:  "−7 min|−6|−5|−4|−3|−2|−1|now",
		11 * time.Minute: "−11 min|now",
		168 * time.Hour:  "−7 d|−6|−5|−4|−3|−2|−1|now",
	} {
		if got := strings.Join(timeLabels(span), "|"); got != want {
			t.Errorf("%s: %s, want %s", span, got, want)
		}
	}
}

func TestAmount(t *testing.T) {
	for _, test := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0, "/s", "0/s"}, {12.34, "/s", "12.3/s"}, {999.6, "", "1k"}, {1240, "/s", "1.24k/s"}, {2e6, "", "2M"},
		{512, "B", "512 B"}, {1024, "B", "1 KiB"}, {1536, "B/s", "1.5 KiB/s"}, {4e9, "B", "3.73 GiB"},
		{.42, "ms", "420 µs"}, {3.456, "ms", "3.46 ms"}, {1500, "ms", "1.5 s"}, {.00001, "", "0"}, {nan, "/s", "–"},
		{3, "events", "3 events"},
	} {
		if got := amount(test.value, test.unit); got != test.want {
			t.Errorf("%g %s is %q, want %q", test.value, test.unit, got, test.want)
		}
	}
}

func TestChartIsToldInWords(t *testing.T) {
	values := make([]float64, 150)
	for i := range values {
		values[i] = float64(i / 60 * 10)
	}
	values[0] = nan
	c := chartOf(values...)
	if got, want := c.summary(), "Published: now 20/s, average 8.05/s, highest 20/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	rows, fine := c.table()
	// 15:01:36 to 15:04:05
	want := []plotRow{
		{"15:01", []string{"0/s", "0/s"}}, {"15:02", []string{"4/s", "10/s"}}, {"15:03", []string{"14/s", "20/s"}}, {"15:04", []string{"20/s", "20/s"}},
	}
	if diff := cmp.Diff(want, rows, cmp.AllowUnexported(plotRow{})); diff != "" || fine != "minute" {
		t.Errorf("by the %s (-want +got):\n%s", fine, diff)
	}
	c.Step = time.Minute
	if _, fine := c.table(); fine != "hour" {
		t.Errorf("two and a half hours are told by the %s", fine)
	}
	if got := chartOf(nan, nan).summary(); got != "Published: no data" {
		t.Error(got)
	}
}

func TestReadoutValues(t *testing.T) {
	page := render(t, chart(chartOf(1, 2.5, nan, 1234.56, .00123)))
	for _, want := range []string{
		`data-values="1 2.5 – 1235 0.001"`, `data-series="Published"`, `data-step="1000"`, `data-end="2026-11-20T15:04:05Z"`, `data-unit="/s"`,
		`<output class="chart-readout" hidden>`, `class="chart-cursor"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %s: %s", want, page)
		}
	}
}

func TestChartsAreSmall(t *testing.T) {
	for _, n := range []int{900, 1440} {
		page := render(t, chart(chartOf(wave(n, 1240, 260, 300)...)))
		if limit := n * 14; len(page) > limit {
			t.Errorf("%d values take %d bytes, more than %d", n, len(page), limit)
		}
	}
}

func TestSparkline(t *testing.T) {
	if got, want := sparkPath([]float64{0, 10, nan, 5}), "M22.5 20v-20h21.5v20zM67.5 20v-10h21.5v10z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, values := range [][]float64{nil, {0, 0}, {nan}} {
		if got := sparkPath(values); got != "" {
			t.Errorf("%v draws %s", values, got)
		}
	}
	if got, want := sparkLabel([]float64{3, 12}, "15 min"), "Events in the last 15 min: newest interval 12, highest 12"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
