package jetlog

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Failures that differ only in URL or port are not logged one by one.
func TestNotConnectedIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	l := newLink(slog.New(slog.NewTextHandler(&out, nil)))
	for i := range 100 {
		l.fail(fmt.Errorf("dial tcp 127.0.0.%d:%d: connection refused", i%3, 1000+i))
	}
	if n := strings.Count(out.String(), "not connected"); n != 1 {
		t.Errorf("%d lines", n)
	}
	if _, reason := l.state(); !strings.Contains(reason, ":1099") {
		t.Errorf("the reason is %q", reason)
	}
}
