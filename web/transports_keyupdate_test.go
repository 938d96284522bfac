package web_test

import (
	"bytes"
	"io"
	"os/exec"
	"testing"

	"golang.org/x/net/http2"

	"rollcall/web"
)

// A connection goes on when TLS itself has something to say: a client may ask for new keys (RFC 8446, section 4.6.3). Go's
// own client can't, openssl can.
func TestTransportKeyUpdate(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip(err)
	}
	for _, w := range ways {
		if w.proto != "HTTP/2.0" || !w.tls {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := w.start(t, web.Options{})
			cmd := exec.CommandContext(t.Context(), path, "s_client", "-connect", s.addr.String(), "-alpn", "h2", "-tls1_3")
			in, _ := cmd.StdinPipe()
			out, _ := cmd.StdoutPipe()
			said, _ := cmd.StderrPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			var frames bytes.Buffer
			fr := http2.NewFramer(&frames, nil)
			_ = fr.WriteSettings() // to memory
			_, _ = io.WriteString(in, http2.ClientPreface+frames.String())
			awaitText(t, out, "\x00\x00\x00\x04\x01") // SETTINGS is acknowledged
			_, _ = io.WriteString(in, "K\n")
			awaitText(t, said, "KEYUPDATE")
			frames.Reset()
			_ = fr.WritePing(false, [8]byte([]byte("new keys")))
			_, _ = in.Write(frames.Bytes())
			awaitText(t, out, "new keys")
		})
	}
}

// awaitText reads until a text has come.
func awaitText(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var got []byte
	for b := make([]byte, 1); !bytes.HasSuffix(got, []byte(text)); got = append(got, b...) {
		if _, err := r.Read(b); err != nil {
			t.Fatalf("%v before %q", err, text)
		}
	}
}
