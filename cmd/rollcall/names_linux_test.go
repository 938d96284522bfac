package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Clients without credentials at several addresses, whose streams have 1000 channels of their own each, come all at once: the
// program stays below 400 MiB. Of that its code, which is read from the file, has 50 MiB at the most.
func TestManyNamesAtOnce(t *testing.T) {
	const clients, addresses, most = 400, 8, 350 << 20
	p := serve(t, nil)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%addresses))}
			conn, err := (&net.Dialer{LocalAddr: from}).Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(patience))
			var names []string
			for j := range 1000 {
				names = append(names, fmt.Sprintf(`"own.%d.%d"`, i, j))
			}
			body := `{"channels":[` + strings.Join(names, ",") + `]}`
			fmt.Fprintf(conn, "POST /subscribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			for lines, last := bufio.NewScanner(conn), names[len(names)-1]; lines.Scan(); {
				if strings.Contains(lines.Text(), "goodbye") {
					t.Errorf("client %d: %s", i, lines.Text())
				}
				if strings.Contains(lines.Text(), last) {
					return
				}
			}
			t.Errorf("client %d was not told the last event of its last channel", i)
		})
	}
	all.Wait()
	joins := fmt.Sprintf("\nrollcall_presence_edges_total{kind=\"join\"} %d\n", clients*(1000+1))
	until(t, "presence has told of all that came", func() bool { return strings.Contains(p.get(t, "/metrics"), joins) })
	for _, line := range strings.Split(p.get(t, "/metrics"), "\n") {
		if text, ok := strings.CutPrefix(line, "go_memstats_sys_bytes "); ok { // the highest that it had
			if n, err := strconv.ParseFloat(text, 64); err != nil || n > most {
				t.Errorf("%d streams of 1000 channels took %.0f MiB, %v", clients, n/(1<<20), err)
			} else {
				t.Logf("%.0f MiB", n/(1<<20))
			}
			return
		}
	}
	t.Error("the memory is not among the metrics")
}

// get returns the body of an answer.
func (p *program) get(t *testing.T, path string) string {
	t.Helper()
	answer, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
