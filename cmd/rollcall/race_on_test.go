//go:build race

package main

// rollingStreams are the streams of the rolling restart: fewer where the race detector makes each of them costly.
const rollingStreams = 500
