package roster

import (
	"flag"
	"testing"

	"rollcall/hub/jetlog/internal/leaks"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // the tests wait for leases, mostly
	leaks.VerifyTestMain(m)
}
