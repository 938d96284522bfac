package web

import (
	_ "embed"
	"sync"
)

//go:embed openapi.yaml
var openapiText []byte

// openapiFile is GET /openapi.yaml: the API's description, OpenAPI 3.1, written by hand.
// Tests hold the server to it.
var openapiFile = sync.OnceValue(func() *asset { return newAsset("application/yaml", openapiText) })
