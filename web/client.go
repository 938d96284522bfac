package web

import (
	"embed"
	"path"
	"sync"
)

// The module for browsers, as it is published to npm.
//
//go:embed client/rollcall.js client/rollcall.d.ts
var clientModule embed.FS

// clientFiles returns the module's files by the paths where pages of all origins
// find them.
var clientFiles = sync.OnceValue(func() map[string]*asset {
	kinds := map[string]string{"rollcall.js": assetTypes[".js"], "rollcall.d.ts": "application/typescript; charset=utf-8"}
	files := make(map[string]*asset, len(kinds))
	for name, kind := range kinds {
		body, err := clientModule.ReadFile(path.Join("client", name))
		if err != nil {
			panic("web: the module for browsers: " + err.Error()) // a mistake of the build
		}
		files["/"+name] = newAsset(kind, body)
	}
	return files
})
