package auth_test

import (
	"fmt"
	"testing"

	"rollcall/web/auth"
)

// BenchmarkBackend measures a question with a new answer of a backend of this machine, and one with a remembered answer.
func BenchmarkBackend(b *testing.B) {
	answer := `{"clientId":"ann","channels":{"subscribe":["news","room.*"]},"info":{"name":"Ann"}}`
	e := serveBackend(b, saying(200, answer, "Cache-Control", "max-age=300"))
	x := asking(b, auth.BackendOptions{URL: e.URL, Cookies: []string{"session"}, Rate: auth.MaxAskRate})
	b.Run("asked", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if _, err := x.Ask(b.Context(), about(x, fmt.Sprint(b.N, " ", n))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		if _, err := x.Ask(b.Context(), about(x, "s")); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, known, err := x.Remembers(about(x, "s")); !known || err != nil {
				b.Fatal(err)
			}
		}
	})
}
