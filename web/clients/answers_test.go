package clients

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// piece publishes a piece of the text t on a channel; the last one ends the channel.
func (s *server) piece(channel, text string, end bool) {
	s.t.Helper()
	body := fmt.Sprintf(`{"events":[{"channelName":%q,"type":"text","payload":%q,"append":"t","end":%t}]}`, channel, text, end)
	if err := s.ask(http.MethodPost, "/publish", []byte(body), http.StatusOK, nil); err != nil {
		s.t.Fatal(err)
	}
}

// answerPage keeps the events of an EventSource that nobody closes.
const answerPage = `<!doctype html><title>Answer</title><script>
	window.heard = [];
	window.opened = 0;
	window.source = new EventSource("SERVER/subscribe?channels=answer&from=oldest");
	source.onopen = () => opened++;
	source.addEventListener("text", ({ data }) => heard.push(JSON.parse(data)));
	source.addEventListener("goodbye", ({ data }) => heard.push({ goodbye: JSON.parse(JSON.parse(data).payload) }));
</script>`

// A page that is loaded again in the middle of an answer has the text so far as one event, then the rest live, then the end.
// Its EventSource stays away after that, without any script.
func TestAnswerReloadedInTheMiddle(t *testing.T) {
	t.Parallel()
	var page string
	site := pageSite(t, func() string { return page })
	srv := startServer(t, "--presence-grace=0s", "--cors-origin="+site)
	page = strings.ReplaceAll(answerPage, "SERVER", srv.url(""))
	const payloads = `heard.map(({ payload, pieces, end }) => [payload, pieces ?? 1, end ?? false].join(" ")).join("|")`
	b := newTab(t)
	b.do(chromedp.Navigate(site))
	srv.wantStreams(1)
	for _, text := range []string{"The", "answer", "is"} {
		srv.piece("answer", text, false)
	}
	b.want(payloads + ` === "The 1 false|answer 1 false|is 1 false"`)

	b.do(chromedp.Reload())
	b.want(payloads + ` === "Theansweris 3 false"`)
	srv.wantStreams(1)
	srv.piece("answer", "forty", false)
	b.want(payloads + ` === "Theansweris 3 false|forty 1 false"`)
	srv.piece("answer", "two", true)
	b.want(`heard.length === 4 && heard[2].payload === "two" && heard[2].end === true`)
	b.want(`heard[3].goodbye?.code === "complete" && heard[3].goodbye.reconnect === false`)
	b.want(`source.readyState === EventSource.CLOSED`) // after the browser came back once, and was answered 204
	srv.wantStreams(0)
	if n := value[int](b, "opened"); n != 1 {
		t.Errorf("the stream was opened %d times", n)
	}
	if n := value[int](b, "heard.length"); n != 4 {
		t.Errorf("the page heard %d events", n)
	}

	// Loaded once more, it has the whole answer and its end at once.
	b.do(chromedp.Reload())
	b.want(`heard.length === 2 && heard[0].payload === "Theanswerisfortytwo" && heard[0].end === true && heard[0].pieces === 5`)
	b.want(`source.readyState === EventSource.CLOSED`)
	b.wantQuiet(false)
}
