package admin

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", -7: "-7", 999: "999", -999: "-999", 1000: "1,000", -1000: "-1,000", 12_431: "12,431", -123_456: "-123,456",
		math.MaxInt64: "9,223,372,036,854,775,807", math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestPerSecond(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", -1: "0", math.Inf(-1): "0", 0.12: "0.12", 0.994: "0.99", 0.996: "1.0", 3.44: "3.4", 9.94: "9.9", 9.96: "10", 56.4: "56", 7890: "7,890",
	} {
		if got := perSecond(x); got != want {
			t.Errorf("%v is %q, want %q", x, got, want)
		}
	}
	if got := perSecond(math.NaN()); got != "0" {
		t.Errorf("no number is %q", got)
	}
}

func TestSized(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 512: "512 B", 1023: "1023 B", 1024: "1.0 KiB", 1434: "1.4 KiB", 10 << 10: "10 KiB", 23 << 20: "23 MiB",
		1023 << 10: "1023 KiB", 1 << 20: "1.0 MiB", 1 << 30: "1.0 GiB", 5 << 40: "5.0 TiB",
	} {
		if got := sized(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// closeTo fails unless text is a number of at most three digits and a unit, and x
// but for what was rounded off.
func closeTo(rt *rapid.T, x float64, text string, units map[string]float64) {
	value, unit, _ := strings.Cut(text, " ")
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || units[unit] == 0 || len(strings.ReplaceAll(value, ".", "")) > 3 {
		rt.Fatalf("%v is %q", x, text)
	}
	rounded := 0.5000001 * units[unit]
	if strings.Contains(value, ".") {
		rounded /= 10
	}
	if off := math.Abs(v*units[unit] - x); off > rounded {
		rt.Fatalf("%v is %q, which is off by %v", x, text, off)
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "– ", 0: "0 µs", 400: "0 µs", 340 * time.Microsecond: "340 µs", time.Millisecond - 1: "1.0 ms", 1234 * time.Microsecond: "1.2 ms",
		9960 * time.Microsecond: "10 ms", 85 * time.Millisecond: "85 ms", time.Second - 1: "1.0 s", 2449 * time.Millisecond: "2.4 s", 15 * time.Second: "15 s",
	} {
		if value, unit := shortDuration(d); value+" "+unit != want {
			t.Errorf("%v is %q %q, want %q", d, value, unit, want)
		}
	}
	units := map[string]float64{"µs": 1e3, "ms": 1e6, "s": 1e9}
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.Int64Range(0, 1<<rapid.IntRange(0, 39).Draw(rt, "order")).Draw(rt, "ns")
		value, unit := shortDuration(time.Duration(d))
		closeTo(rt, float64(d), value+" "+unit, units)
	})
}

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 0: "0 s", 999 * time.Millisecond: "0 s", 8 * time.Second: "8 s", 12 * time.Minute: "12 min", 12*time.Minute + 5*time.Second: "12 min 5 s",
		time.Hour: "1 h", 76*time.Hour + 59*time.Minute: "3 d 4 h", 23*time.Hour + 59*time.Minute + 59*time.Second: "23 h 59 min",
	} {
		if got := durationText(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	units := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "min": time.Minute, "s": time.Second}
	rapid.Check(t, func(rt *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(1000*24*time.Hour)).Draw(rt, "d"))
		words := strings.Fields(durationText(d))
		if len(words) != 2 && len(words) != 4 {
			rt.Fatalf("%v is %q", d, words)
		}
		sum, least := time.Duration(0), time.Duration(0)
		for i := 0; i < len(words); i += 2 {
			n, err := strconv.Atoi(words[i])
			least = units[words[i+1]]
			if err != nil || least == 0 || n == 0 && d >= time.Second {
				rt.Fatalf("%v is %q", d, words)
			}
			sum += time.Duration(n) * least
		}
		if off := d - sum; off < 0 || len(words) == 4 && off >= least || len(words) == 2 && off >= time.Second {
			rt.Fatalf("%v is %q", d, words)
		}
	})
}

func TestAgentName(t *testing.T) {
	for agent, want := range map[string]string{
		"": "unknown",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36":                                   "Chrome 148 on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36 Edg/148.0.0.0":           "Edge 148 on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                        "Firefox 140 on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                   "Safari 18 on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari 18 on iPhone",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Mobile Safari/537.36":                         "Chrome 148 on Android",
		"Mozilla/5.0 (iPad; CPU OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1":  "Chrome 120 on iPad",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/148.0.0.0 Safari/537.36":                           "Headless Chrome 148 on Linux",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                                "Googlebot 2.1",
		"my shop app/1.2 (x)": "my shop app 1.2",
		"Firefox/140":         "Firefox 140", "curl/8.5.0": "curl 8.5.0", "Go-http-client/1.1": "Go-http-client 1.1", "thing": "thing", "/": "/",
	} {
		if got := agentName(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		agent := strings.TrimSpace(rapid.OneOf(rapid.String(), rapid.StringMatching(`(Edg|Chrome|Version|x)/[0-9a.]{0,60}( Linux| iPad)?`)).Draw(rt, "agent"))
		if got := agentName(agent); got == "" || len(got) > 70 {
			rt.Fatalf("%q is %q", agent, got)
		}
	})
}
