#!/usr/bin/env bash
# Measure texts that come in pieces: 500 pieces a second to 100 watchers each, in memory and with --data.
#
#   cmd/rollcall/bench/answers/bench-answers.sh [-r rounds] [-n watchers] [-e pieces a second]
#
# Each round starts a fresh server for each kind. Every piece is a request of its own, on the disk before its answer with --data.
# The CPU is that of the server.
set -euo pipefail
cd "$(dirname "$0")/../../../.."

rounds=3 watchers=100 rate=500
while getopts r:n:e:h option; do
    case $option in
    r) rounds=$OPTARG ;;
    n) watchers=$OPTARG ;;
    e) rate=$OPTARG ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
work=$(mktemp -d "${TMPDIR:-/tmp}/bench-answers.XXXXXX")
bin=${ROLLCALL_BIN:-$work/rollcall}
[ -n "${ROLLCALL_BIN:-}" ] || go build -trimpath -tags nomsgpack -ldflags '-s -w' -o "$bin" ./cmd/rollcall
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

base=http://127.0.0.1:19591
# one <kind> <flags of the server>: adds "CPU percent of a core, CPU µs a delivery, p99 ms" to the results of the kind.
one() {
    local kind=$1 server
    shift
    "$bin" serve --listen 127.0.0.1:19591 "$@" 2>"$work/log" &
    server=$!
    until curl -sf "$base/healthz" >/dev/null; do kill -0 $server; done
    "$bin" bench -q --json -n "$watchers" -r "$rate" -d 20s --pid $server \
        --publish-event '{"channelName":"{channel}","type":"{type}","payload":"{payload}","append":"text"}' \
        --subscribe-url "$base/subscribe?channels={channel}" --publish-url "$base/publish" >"$work/result"
    kill $server
    wait $server 2>/dev/null || true
    grep -q '"lost": 0' "$work/result" || { echo "pieces were lost" >&2; return 1; }
    awk -F'[:,]' '/"serverCpuSeconds"/ { cpu = $2 } /"seconds"/ { s = $2 } /"serverCpuMicrosPerDelivery"/ { d = $2 } /"p99Millis"/ { p = $2 }
        END { printf "%.1f %.2f %.2f\n", 100 * cpu / s, d, p }' "$work/result" | tee -a "$work/$kind.txt" | sed "s/^/$kind: /" >&2
}

for ((i = 1; i <= rounds; i++)); do
    one memory
    rm -rf "$work/data"
    one data --data "$work/data"
done
for kind in memory data; do
    sort -n "$work/$kind.txt" | awk -v kind=$kind -v n="$watchers" -v e="$rate" '{ v[NR] = $0 } END {
        split(v[int((NR + 1) / 2)], f, " ")
        printf "%s: %g pieces/s to %d watchers: %.1f %% of a core, %.2f µs a delivery, p99 %.1f ms\n", kind, e, n, f[1], f[2], f[3] }'
done
