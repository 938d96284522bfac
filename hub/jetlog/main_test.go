package jetlog

import (
	"testing"

	"rollcall/hub/jetlog/internal/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }
