//go:build !race

package main

// rollingStreams are the streams of the rolling restart.
const rollingStreams = 5000
