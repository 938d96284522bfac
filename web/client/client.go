package client

import (
	"embed"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"

	"rollcall/web/assets"
)

// The module for browsers: its parts, as they are published to npm, and its types.
//
//go:embed src/*.js rollcall.d.ts
var clientModule embed.FS

// Files returns the module's files by their paths, which are open to pages of all origins.
var Files = sync.OnceValue(func() map[string]*assets.Asset {
	script, err := joinModule(clientModule, "src")
	if err != nil {
		panic("web: the module for browsers: " + err.Error()) // a mistake of the build
	}
	types, err := clientModule.ReadFile("rollcall.d.ts")
	if err != nil {
		panic("web: the types of the module for browsers: " + err.Error()) // a mistake of the build
	}
	return map[string]*assets.Asset{
		"/rollcall.js":   assets.New(assets.Types[".js"], []byte(script)),
		"/rollcall.d.ts": assets.New("application/typescript; charset=utf-8", types),
	}
})

var (
	partImport   = regexp.MustCompile(`(?m)^import \{[^}]*\} from "\./[a-z]+\.js";\n`)
	partExport   = regexp.MustCompile(`(?m)^export ((?:async )?(?:class|function|const) )`)
	moduleExport = regexp.MustCompile(`(?m)^(export \{[^}]*\}) from "\./[a-z]+\.js";$`)
)

// joinModule joins the parts in a folder into one module, which a page loads with one request. index.js lists the
// module's exports; the parts share one scope, so no two may declare the same name.
func joinModule(files fs.FS, folder string) (string, error) {
	parts, err := fs.ReadDir(files, folder)
	if err != nil {
		return "", err
	}
	var joined strings.Builder
	joined.WriteString("// Rollcall in the browser. The types are in rollcall.d.ts, beside this file.\n")
	for _, part := range parts {
		body, err := fs.ReadFile(files, path.Join(folder, part.Name()))
		if err != nil {
			return "", err
		}
		text := partImport.ReplaceAllString(string(body), "")
		text = partExport.ReplaceAllString(text, "$1")
		text = moduleExport.ReplaceAllString(text, "$1;")
		joined.WriteString("\n" + strings.TrimLeft(text, "\n"))
	}
	return joined.String(), nil
}
