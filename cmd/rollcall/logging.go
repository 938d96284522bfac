package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
)

// newLogger writes to w: text where w is a terminal or format says so, else one JSON object per line. Nothing that
// looks like a token gets through. Unknown levels mean info; validate refuses them earlier.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // the zero level is info
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: redact}
	if format == "text" || format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// isTerminal tells whether w is a character device, which is near enough to "a person reads this".
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const redacted = "[redacted]"

// secretKeys are attributes whose value is never printed, however it is nested.
var secretKeys = []string{"token", "access_token", "authorization", "key", "cookie", "set-cookie", "password", "secret"}

// secretText finds tokens inside other text, such as a URL or a header in an error.
var secretText = regexp.MustCompile(`(?i)(\b(?:access_token|token|key|password|secret)=|\bbearer\s+)[^\s&"',;]+`)

// redact is the ReplaceAttr of every handler.
func redact(groups []string, attr slog.Attr) slog.Attr {
	if isSecret(attr.Key) || slices.ContainsFunc(groups, isSecret) {
		return slog.String(attr.Key, redacted)
	}
	var text string
	switch value := attr.Value.Any().(type) {
	case string:
		text = value
	case error, fmt.Stringer:
		text = fmt.Sprint(value) // survives a nil pointer
	default:
		return attr
	}
	if clean := secretText.ReplaceAllString(text, "${1}"+redacted); clean != text {
		return slog.String(attr.Key, clean)
	}
	return attr
}

func isSecret(key string) bool {
	return slices.Contains(secretKeys, strings.ToLower(key))
}
