#!/usr/bin/env bash
# Measure a cluster beyond one process: five servers with 18 000 streams each, one presence over NATS, all on this machine.
#
#   cmd/rollcall/bench/scale/bench-scale.sh [-s servers] [-n streams]
#
#   -s servers  default 5
#   -n streams  of each server, default 18000; a stream takes a file of the server and one of the load tool
#
# Four steps: all connect; nobody does anything for a minute; all connections break at once and come back within the grace; one server is
# killed. The load tool runs on the same machine.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
servers=5 streams=18000
while getopts s:n: option; do
    case $option in
    s) servers=$OPTARG ;;
    n) streams=$OPTARG ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
ulimit -n "$(ulimit -Hn)"
all=$((servers * streams)) grace=30
work=$(mktemp -d "${TMPDIR:-/tmp}/bench-scale.XXXXXX")
trap 'kill -9 $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
bin=${ROLLCALL_BIN:-$work/rollcall}
[ -n "${ROLLCALL_BIN:-}" ] || go build -trimpath -tags nomsgpack -ldflags '-s -w' -o "$bin" ./cmd/rollcall
go build -trimpath -o "$work/nats-server" github.com/nats-io/nats-server/v2

printf 'listen: 127.0.0.1:19810\njetstream { store_dir: "%s/nats" }\n' "$work" >"$work/nats.conf"
"$work/nats-server" -c "$work/nats.conf" >"$work/nats.log" 2>&1 &
nats=$!

base() { echo "http://127.0.0.1:$((19800 + $1))"; }
# start <i>: runs a server and waits until it is ready.
start() {
    ROLLCALL_ADMIN_PASSWORD=benchmarking "$bin" serve --listen "127.0.0.1:$((19800 + $1))" --node "n$1" --nats nats://127.0.0.1:19810 \
        --presence-grace ${grace}s >>"$work/log$1" 2>&1 &
    pids[$1]=$!
    until curl -sf "$(base "$1")/readyz" >/dev/null; do kill -0 ${pids[$1]} || { cat "$work/log$1" >&2; exit 1; }; sleep 0.1; done
}
# connect <i>: opens the server's streams, with clients of its own, all on one channel, and holds them.
connect() {
    "$bin" bench -q --idle --settle 1h -n "$streams" --window 500 --publish-url "$(base "$1")/publish" \
        --subscribe-url "$(base "$1")/subscribe?channels=room.$1&clientId=c$1-{stream}" >"$work/load$1" 2>&1 &
    loads[$1]=$!
}
# end <pid…>: kills processes.
end() { { kill -9 "$@"; wait "$@"; } 2>/dev/null || true; }
# online <i>: how many clients the server shows.
online() { curl -sf -m 20 "$(base "$1")/presence/clients?limit=1" | sed -n 's/.*"total":\([0-9]*\).*/\1/p'; }
# agree <n>: waits until all servers that run show n clients.
agree() {
    local i
    for i in "${!pids[@]}"; do
        until [ "$(online "$i")" = "$1" ]; do sleep 0.2; done
    done
}
# metric <name>: the sum over all servers that run.
metric() {
    local i
    for i in "${!pids[@]}"; do curl -sf "$(base "$i")/metrics" | grep -F "$1 " | cut -d' ' -f2; done | awk '{ n += $1 } END { printf "%d", n }'
}
# cpu <pid…>: their CPU time in ticks.
cpu() { local p; for p; do awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$p/stat"; done | awk '{ n += $1 } END { print n }'; }
# pss <pid…>: their memory in KiB.
pss() { local p; for p; do awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup"; done | awk '{ n += $1 } END { print n }'; }
since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }
micros() { awk -v t="$1" -v n="$2" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.0f", t / hz / n * 1e6 }'; }
kib() { awk -v a="$1" -v n="$2" 'BEGIN { printf "%.2f", a / n }'; }

pids=() loads=()
for ((i = 1; i <= servers; i++)); do start $i; done
agree 0
empty=$(pss "${pids[@]}") emptyNATS=$(pss $nats) before=$(cpu "${pids[@]}") beforeNATS=$(cpu $nats) began=$(date +%s.%N)
for ((i = 1; i <= servers; i++)); do connect $i; done
agree $all
echo "connect: $all clients on $servers servers, all shown by each after $(since "$began") s;" \
    "$(micros $(($(cpu "${pids[@]}") - before)) $all) µs of the servers' CPU and $(micros $(($(cpu $nats) - beforeNATS)) $all) µs of NATS' for each"

sleep 15 # memory is given back
before=$(cpu "${pids[@]}") beforeNATS=$(cpu $nats)
sleep 60
echo "idle: $(kib $(($(pss "${pids[@]}") - empty)) $all) KiB for each of the servers' memory, $(kib $(($(pss $nats) - emptyNATS)) $all) KiB of NATS';" \
    "$(micros $(($(cpu "${pids[@]}") - before)) $((60 * all))) µs of CPU a second for each, heartbeats included, NATS $(micros $(($(cpu $nats) - beforeNATS)) $((60 * all)))"

joins=$(metric 'rollcall_presence_edges_total{kind="join"}') opened=$(metric 'rollcall_streams_opened_total{resumed="false"}')
before=$(cpu "${pids[@]}") beforeNATS=$(cpu $nats) began=$(date +%s.%N)
end "${loads[@]}"
for ((i = 1; i <= servers; i++)); do connect $i; done
until [ $(($(metric 'rollcall_streams_opened_total{resumed="false"}') - opened)) = $all ]; do sleep 0.2; done
echo "storm: all $all connections break and are back after $(since "$began") s;" \
    "$(micros $(($(cpu "${pids[@]}") - before)) $all) µs of the servers' CPU and $(micros $(($(cpu $nats) - beforeNATS)) $all) µs of NATS' for each"
sleep $((grace + 5))
agree $all
echo "storm: $(($(metric 'rollcall_presence_edges_total{kind="join"}') - joins)) joins and" \
    "$(metric 'rollcall_presence_edges_total{kind="leave"}') leaves were told"

end ${pids[$servers]} ${loads[$servers]}
unset "pids[$servers]" "loads[$servers]"
began=$(date +%s.%N)
agree $((all - streams))
echo "death: the others show $((all - streams)) clients $(since "$began") s after one server was killed (grace $grace s)"
began=$(date +%s.%N)
start $servers
connect $servers
agree $all
echo "return: it is started again, and all $all clients are shown by each after $(since "$began") s"
