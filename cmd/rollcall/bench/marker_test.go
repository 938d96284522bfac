package bench

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestMarkerRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newMarker()
		want := mark{
			channel: rapid.Uint32Range(0, maxChannels-1).Draw(t, "channel"),
			number:  rapid.Uint32Range(0, 999_999_999).Draw(t, "number"),
			nanos:   rapid.Int64Range(0, 9_000_000_000_000_000_000).Draw(t, "nanos"),
		}
		size := rapid.IntRange(MinPayload, 300).Draw(t, "size")
		payload := k.appendPayload(nil, want, size)
		if len(payload) != size {
			t.Fatalf("a payload of %d bytes, want %d", len(payload), size)
		}
		noise := rapid.SliceOfN(rapid.Byte(), 0, 80)
		text := append(noise.Draw(t, "before"), payload...)
		text = append(text, noise.Draw(t, "after")...)
		got, rest := k.next(text)
		if rest < 0 || got != want {
			t.Fatalf("found %+v at %d, want %+v", got, rest, want)
		}
		if again, rest := k.next(text[rest:]); rest >= 0 {
			t.Fatalf("found %+v as well", again)
		}
	})
}

func TestMalformedMarkersArePassedOver(t *testing.T) {
	k := newMarker()
	good := k.appendPayload(nil, mark{channel: 1, number: 2, nanos: 3}, MinPayload)
	for i := markerPrefix + 1; i < len(good); i++ {
		if good[i] == '.' {
			continue // only separates
		}
		bad := bytes.Clone(good)
		bad[i] = '/' // the byte before '0'
		if m, rest := k.next(append(bad, good...)); rest != 2*MinPayload || m.number != 2 {
			t.Errorf("with byte %d broken: found %+v, rest at %d, want the marker behind it", i, m, rest)
		}
	}
	if _, rest := k.next(good[:len(good)-1]); rest >= 0 {
		t.Error("a marker that is cut off is found")
	}
}
