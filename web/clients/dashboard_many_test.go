package clients

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// crowd opens n streams for clients without readers; name returns their names. They stay until the test ends.
func crowd(t *testing.T, srv *server, n int, name func(i int) string) {
	t.Helper()
	numbers := make(chan int)
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	var opening sync.WaitGroup
	for range 8 {
		opening.Go(func() {
			for i := range numbers {
				conn, err := subscribeRaw(srv.addr, name(i))
				if err != nil {
					t.Errorf("stream %d: %v", i, err)
					continue
				}
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	opening.Wait()
}

// subscribeRaw opens a stream and reads the head of the answer.
func subscribeRaw(addr, clientID string) (net.Conn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err = fmt.Fprintf(conn, "GET /subscribe?channels=crowd&clientId=%s HTTP/1.1\r\nHost: %s\r\n\r\n", clientID, addr); err == nil {
		var answer *http.Response
		if answer, err = http.ReadResponse(bufio.NewReader(conn), nil); err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("answered %s", answer.Status)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// TestDashboardFindsOneOfMany searches among so many clients that no page lists them.
func TestDashboardFindsOneOfMany(t *testing.T) {
	t.Parallel()
	const many = 5000
	srv := startDashboard(t)
	crowd(t, srv, many, func(i int) string { return fmt.Sprintf("visitor-%05d", i) })
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients")
	rows := value[int](d.tab, `document.querySelectorAll("tr[data-client]").length`)
	if rows == 0 || rows >= many {
		t.Errorf("the page lists %d of %d clients", rows, many)
	}
	d.press("/")
	d.press("visitor-04321")
	begun := time.Now()
	d.press(kb.Enter)
	only := fmt.Sprintf(`document.querySelectorAll("tr[data-client]").length === 1 && document.querySelector(%q) !== null`, clientRow("visitor-04321"))
	d.want(only)
	t.Logf("found after %v", time.Since(begun).Round(time.Millisecond))
	d.open("/admin/clients?q=visitor-04321")
	d.want(only)
	d.open("/admin/clients?q=visitor-0432")
	d.want(`document.querySelectorAll("tr[data-client]").length === 10`)

	// The list is kept live while it is searched.
	d.wantState("live")
	srv.kick("visitor-04321")
	crowd(t, srv, 1, func(int) string { return "visitor-0432x" })
	d.wantSome(clientRow("visitor-0432x"))
	d.wantQuiet(false)
}
