package assets

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func getAsset(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	served().ServeHTTP(w, r)
	return w
}

func TestAssetIsServedPlainAndCompressed(t *testing.T) {
	want, err := assetFiles.ReadFile("rollcall.css")
	if err != nil {
		t.Fatal(err)
	}
	plain := getAsset("/assets/rollcall.css")
	if plain.Code != http.StatusOK || !bytes.Equal(plain.Body.Bytes(), want) {
		t.Fatalf("plain: status %d, %d bytes, want 200 and %d", plain.Code, plain.Body.Len(), len(want))
	}
	if got := plain.Header().Get("Content-Encoding"); got != "" {
		t.Errorf("plain: Content-Encoding %q", got)
	}
	packed := getAsset("/assets/rollcall.css", "Accept-Encoding", "br, gzip;q=0.8")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= len(want) {
		t.Fatalf("gzip: %d bytes, header %v", packed.Body.Len(), packed.Header())
	}
	zr, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(zr); err != nil || !bytes.Equal(got, want) {
		t.Errorf("gzip: unpacks to %d bytes, error %v", len(got), err)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{"plain": plain, "gzip": packed} {
		for key, value := range map[string]string{
			"Content-Type":           "text/css; charset=utf-8",
			"Cache-Control":          "public, no-cache",
			"Vary":                   "Accept-Encoding",
			"X-Content-Type-Options": "nosniff",
		} {
			if got := w.Header().Get(key); got != value {
				t.Errorf("%s: %s is %q, want %q", name, key, got, value)
			}
		}
	}
	if a, b := plain.Header().Get("ETag"), packed.Header().Get("ETag"); a == "" || a == b {
		t.Errorf("ETags %q and %q, want two that differ", a, b)
	}
}

func TestAssetIsNotSentAgain(t *testing.T) {
	for _, encoding := range []string{"", "gzip"} {
		first := getAsset("/assets/start.js", "Accept-Encoding", encoding)
		again := getAsset("/assets/start.js", "Accept-Encoding", encoding, "If-None-Match", first.Header().Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("encoding %q: status %d, %d bytes, want 304 and none", encoding, again.Code, again.Body.Len())
		}
	}
}

func TestUnknownAsset(t *testing.T) {
	for _, path := range []string{"/assets/", "/assets", "/assets/none.js", "/assets/../assets.go", "/assets/assets/start.js"} {
		w := getAsset(path)
		var body struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusNotFound || body.Error.Code != "not_found" {
			t.Errorf("%s: status %d, body %s", path, w.Code, w.Body)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "br": false, "gzip": true, "GZIP": true, "deflate, gzip": true, "gzip;q=1": true,
		"gzip; q=0.5": true, "gzip;q=0": false, "gzip;q=0.0": false, "x-gzip": false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("acceptsGzip(%q) = %t", header, got)
		}
	}
}

// An asset must not contain anything that the pages' policy blocks, or that loads from another server.
func TestAssetsAreSelfContained(t *testing.T) {
	foreign := regexp.MustCompile(`(?i)https?://[^\s"']+|@import|\beval\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write`)
	imported := regexp.MustCompile(`from "\./([a-z]+\.js)"`)
	err := fs.WalkDir(assetFiles, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		for _, found := range foreign.FindAllString(string(body), -1) {
			// A name, not an address; and patches.js parses what the server rendered, in a template, where nothing runs.
			if !strings.HasPrefix(found, "http://www.w3.org/") && !(name == "patches.js" && found == "innerHTML") {
				t.Errorf("%s has %q", name, found)
			}
		}
		for _, match := range imported.FindAllStringSubmatch(string(body), -1) {
			if w := getAsset("/assets/" + match[1]); w.Code != http.StatusOK {
				t.Errorf("%s imports %s: status %d", name, match[1], w.Code)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
