package apidocs

import (
	_ "embed"
	"sync"

	"rollcall/web/assets"
)

//go:embed openapi.yaml
var openapiText []byte

// openapiFile is GET /openapi.yaml: the API's description, OpenAPI 3.1, written by hand.
// Tests hold the server to it.
var openapiFile = sync.OnceValue(func() *assets.Asset { return assets.New("application/yaml", openapiText) })
