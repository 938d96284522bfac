//go:build race

package main

// rollingStreams are the streams of the rolling restart: fewer with the race detector, which makes each of them
// expensive.
const rollingStreams = 500
