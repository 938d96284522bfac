package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"rollcall/web/reply"
)

//go:embed *.css *.js *.svg
var assetFiles embed.FS

// Types are the kinds of asset there are, by extension. All are text, so all are compressed.
var Types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assets serves the embedded files under /assets/. It never changes after it is made.
type assets struct {
	byPath map[string]*Asset // by URL path
}

// Asset is one file, ready to be sent as it is and compressed.
type Asset struct {
	kind string // Content-Type
	etag string // hash of the content, without quotes
	body []byte
	gzip func() []byte // compresses the file at the first call: a server that shows no pages does not pay for it
}

// New returns a file that is sent as it is.
func New(kind string, body []byte) *Asset {
	return &Asset{kind, fmt.Sprintf("%x", sha256.Sum256(body))[:16], body, sync.OnceValue(func() []byte { return compressed(body) })}
}

// served are the embedded assets, each compressed once for the process.
var served = sync.OnceValue(func() *assets {
	a := &assets{byPath: make(map[string]*Asset)}
	err := fs.WalkDir(assetFiles, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		kind, ok := Types[path.Ext(name)]
		if !ok {
			return fmt.Errorf("%s: no content type for this extension", name)
		}
		a.byPath["/assets/"+name] = New(kind, body)
		return nil
	})
	if err != nil {
		panic("web: embedded assets: " + err.Error()) // a mistake of the build
	}
	return a
})

// Handler serves the embedded files under /assets/.
func Handler() http.Handler { return served() }

// ServeHTTP answers GET and HEAD.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byPath[r.URL.Path]
	if !ok {
		h := w.Header()
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]*reply.Fault{"error": {Code: "not_found", Message: "There is no such asset."}})
		return
	}
	f.ServeHTTP(w, r)
}

// ServeHTTP answers GET and HEAD. Browsers keep an asset but ask whether it has changed, so that a
// page and its scripts are always of the same version.
func (f *Asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, tag := f.body, f.etag
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		body, tag = f.gzip(), f.etag+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", strconv.Quote(tag))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body)) // handles If-None-Match, ranges, HEAD
}

// acceptsGzip reports whether an Accept-Encoding header allows gzip by name.
func acceptsGzip(values []string) bool {
	for coding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.TrimPrefix(strings.TrimSpace(weight), "q=")
			return strings.Trim(q, "0.") != "" || q == ""
		}
	}
	return false
}

func compressed(body []byte) []byte {
	var b bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, err := io.Copy(zw, bytes.NewReader(body))
	if err == nil {
		err = zw.Close()
	}
	if err != nil {
		panic("web: compressing an asset: " + err.Error()) // into memory: it can't fail
	}
	return b.Bytes()
}

// Public sends a file that pages of every origin may load: one that is the same for everybody, and without a secret.
func Public(f *Asset) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Access-Control-Allow-Origin", "*")
		c.Header("Cross-Origin-Resource-Policy", "cross-origin")
		f.ServeHTTP(c.Writer, c.Request)
	}
}
