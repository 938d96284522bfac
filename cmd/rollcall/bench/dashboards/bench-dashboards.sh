#!/usr/bin/env bash
# Measure what open dashboards cost: the server's CPU for a delivery with none and with three of them.
#
#   cmd/rollcall/bench/dashboards/bench-dashboards.sh [-r rounds] [-n streams] [-e events a second]
#
# Each round starts two fresh servers, one after the other, and loads both alike; beside the second, three live
# pages of the admin UI are followed: the overview, the clients and the benchmark's channel. The medians are compared.
set -euo pipefail
cd "$(dirname "$0")/../../../.."

rounds=5 streams=10000 rate=2
while getopts r:n:e:h option; do
    case $option in
    r) rounds=$OPTARG ;;
    n) streams=$OPTARG ;;
    e) rate=$OPTARG ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
ulimit -n "$(ulimit -Hn)"
work=$(mktemp -d "${TMPDIR:-/tmp}/bench-dashboards.XXXXXX")
bin=${ROLLCALL_BIN:-$work/rollcall}
[ -n "${ROLLCALL_BIN:-}" ] || go build -trimpath -tags nomsgpack -ldflags '-s -w' -o "$bin" ./cmd/rollcall
server=
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

base=http://127.0.0.1:19590
# one <dashboards>: prints the server's CPU for a delivery in µs.
one() {
    ROLLCALL_ADMIN_USER=bench ROLLCALL_ADMIN_PASSWORD=benchmarking "$bin" serve --listen 127.0.0.1:19590 2>"$work/log" &
    server=$!
    until curl -sf "$base/healthz" >/dev/null; do kill -0 $server; done
    pages=()
    if [ "$1" -gt 0 ]; then
        curl -sf -c "$work/jar" -o /dev/null -d 'username=bench&password=benchmarking' "$base/admin/login"
        for page in /admin /admin/clients /admin/channels; do
            curl -sN -b "$work/jar" -o "$work/page" --get --data-urlencode "page=$page" "$base/admin/stream" &
            pages+=($!)
        done
    fi
    "$bin" bench -q --json -n "$streams" -r "$rate" -d 20s --pid $server \
        --subscribe-url "$base/subscribe?channels={channel}&clientId=bench-{stream}" --publish-url "$base/publish" >"$work/result"
    if [ "$1" -gt 0 ]; then
        [ -s "$work/page" ] || { echo "a dashboard got nothing" >&2; return 1; }
        kill "${pages[@]}" 2>/dev/null || true
    fi
    kill $server
    wait $server 2>/dev/null || true
    grep -q '"lost": 0' "$work/result" || { echo "events were lost" >&2; return 1; }
    sed -n 's/.*"serverCpuMicrosPerDelivery": \([0-9.]*\).*/\1/p' "$work/result"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 }'; }

for ((i = 1; i <= rounds; i++)); do
    # Which goes first changes, so that neither has the warmer machine.
    if ((i % 2)); then one 0 >>"$work/none"; one 3 >>"$work/three"; else one 3 >>"$work/three"; one 0 >>"$work/none"; fi
    echo "round $i: $(tail -n 1 "$work/none") µs without, $(tail -n 1 "$work/three") µs with three dashboards" >&2
done
none=$(median <"$work/none") three=$(median <"$work/three")
awk -v a="$none" -v b="$three" -v n="$streams" -v e="$rate" 'BEGIN {
    printf "%d streams, %g events/s: %.2f µs a delivery without dashboards, %.2f µs with three: %+.1f %%\n", n, e, a, b, (b / a - 1) * 100 }'
