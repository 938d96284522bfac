#!/usr/bin/env bash
# Measure the shapes of load that other servers publish figures of: docs/performance.md has theirs beside these.
#
#   cmd/rollcall/bench/shapes/bench-shapes.sh [shape…]
#
# Shapes: drops (repeated drops of two seconds), storm (all streams reconnect at once, as after a deployment), fan (1 to 1 000 streams of
# one channel at 50 events a second), tail (2 048 streams over 100 channels), replay (1 000 clients read kept events of 1 KiB), idle (CPU
# of an idle stream). Without one: all. Each has a fresh server. The load tool runs on the same machine.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
case ${1:-} in -*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;; esac

ulimit -n "$(ulimit -Hn)"
work=$(mktemp -d "${TMPDIR:-/tmp}/bench-shapes.XXXXXX")
bin=${ROLLCALL_BIN:-$work/rollcall}
[ -n "${ROLLCALL_BIN:-}" ] || go build -trimpath -tags nomsgpack -ldflags '-s -w' -o "$bin" ./cmd/rollcall
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

base=http://127.0.0.1:19592
# serve <flags>: starts a fresh server as $server.
serve() {
    "$bin" serve --listen 127.0.0.1:19592 "$@" 2>"$work/log" &
    server=$!
    until curl -sf "$base/healthz" >/dev/null; do kill -0 $server; done
}
stop() { kill $server; wait $server 2>/dev/null || true; }
# load <flags>: runs rollcall bench, whose result is in $work/result.
load() {
    "$bin" bench -q --json --pid $server --subscribe-url "$base/subscribe?channels={channel}&clientId=bench-{stream}" \
        --publish-url "$base/publish" "$@" >"$work/result"
}
# field <name>: the first figure of this name in the result.
field() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$work/result" | head -n 1; }
delivered() {
    awk -v d="$(field delivered)" -v e="$(field expected)" -v r="$(field repeated)" 'BEGIN {
        printf "%.4g %% of %d deliveries, %d of them twice", 100 * d / e, e, r }'
}

drops() {
    serve
    load -n 1000 -m 10 --channels-per-stream 1 --resume --drops 5 --missed 1 -r 50 || true
    echo "drops: 1 000 streams on 10 channels, 50 events/s, five drops of 2 s each: $(delivered)"
    stop
}
storm() {
    serve
    load -n 10000 -m 300 --resume --publish-batch 100 || true
    echo "storm: 10 000 streams reconnect at once, 300 missed events each: $(delivered), all after $(field catchUpSeconds) s"
    stop
}
fan() {
    local n
    for n in 1 10 100 1000; do
        serve
        load -n $n -r 50 -d 20s
        echo "fan: $n streams at 50 events/s: p50 $(field p50Millis) ms, p99 $(field p99Millis) ms, $(field serverCpuMicrosPerDelivery) µs of CPU a delivery"
        stop
    done
}
tail() {
    serve
    load -n 2048 -m 100 -r 100 -d 20s
    echo "tail: 2 048 streams over 100 channels, 100 events/s: p50 $(field p50Millis) ms, p99 $(field p99Millis) ms, p99.9 $(field p999Millis) ms"
    stop
}
replay() {
    serve --history-events 2000 --history-bytes 16MiB
    load -n 1000 -m 1 --channels-per-stream 1 --resume --missed 1000 --payload 1024 --publish-batch 100
    awk -v n="$(field missedPerStream)" -v s="$(field catchUpSeconds)" 'BEGIN {
        printf "replay: 1 000 clients read %d events of 1 KiB each: %.2f s, %.2f GB/s of payload\n", n, s, 1000 * n * 1024 / s / 1e9 }'
    stop
}
# cpu: the server's CPU time in ticks.
cpu() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' /proc/$server/stat; }
idle() {
    serve
    load -n 10000 --idle --settle 70s &
    local loading=$! before after
    sleep 15 # until all are open
    before=$(cpu)
    sleep 50 # two heartbeats
    after=$(cpu)
    wait $loading
    awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v kib="$(field perStreamKib)" 'BEGIN {
        printf "idle: 10 000 streams: %.2f µs of CPU a second for each, heartbeats included; %s KiB for each\n", ticks / hz / 50 / 10000 * 1e6, kib }'
    stop
}

[ $# -gt 0 ] || set -- drops storm fan tail replay idle
for shape in "$@"; do $shape; done
