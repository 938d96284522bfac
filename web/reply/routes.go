package reply

import (
	"net/http"
)

// ReadMethods are the methods of what is only read.
var ReadMethods = []string{http.MethodGet, http.MethodHead}
