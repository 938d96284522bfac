#!/usr/bin/env bash
# Measure what keeping events costs: memory, a directory (on the disk before the answer, and relaxed), and NATS
# clusters of one machine and of three, all on this machine.
#
#   cmd/rollcall/bench/engines/bench-engines.sh [-e "engine ..."] [-c "case ..."]
#
#   -e  engines, of: memory data relaxed nats1 nats3 (default all)
#   -c  cases, of: one many many64 batch batch16 fanout resume grow (default all)
#
# one      one publisher, one event in a request      many    sixteen publishers, one event in a request
# batch    one publisher, 100 events in a request     fanout  1 000 streams of one channel, 20 events a second
# many64   sixty-four, one event in a request    batch16 sixteen, 100 events in a request
# resume   10 000 streams come back at once, each to 300 events of three channels
# grow     fanout with the streams spread over three servers; with NATS only
set -euo pipefail
cd "$(dirname "$0")/../../../.."

engines="memory data relaxed nats1 nats3" cases="one many many64 batch batch16 fanout resume grow"
while getopts e:c:h option; do
    case $option in
    e) engines=$OPTARG ;;
    c) cases=$OPTARG ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
ulimit -n "$(ulimit -Hn)"
work=$(mktemp -d "${TMPDIR:-/tmp}/bench-engines.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
go build -trimpath -tags nomsgpack -ldflags '-s -w' -o "$work/rollcall" ./cmd/rollcall
case $engines in *nats*) go build -trimpath -o "$work/nats-server" github.com/nats-io/nats-server/v2 ;; esac

base=http://127.0.0.1:19690
# nats <count>: starts that many NATS servers, clustered, and sets $flags.
nats() {
    local i routes=
    for ((i = 1; i <= $1; i++)); do routes+="nats://127.0.0.1:$((19700 + i)),"; done
    flags="--nats-replicas $1"
    for ((i = 1; i <= $1; i++)); do
        printf 'server_name: n%d\nlisten: 127.0.0.1:%d\njetstream { store_dir: "%s", sync_interval: always }\n' "$i" $((19710 + i)) "$store/n$i" >"$store/n$i.conf"
        [ "$1" = 1 ] || printf 'cluster { name: bench, listen: 127.0.0.1:%d, routes: [%s] }\n' $((19700 + i)) "${routes%,}" >>"$store/n$i.conf"
        "$work/nats-server" -c "$store/n$i.conf" >"$store/n$i.log" 2>&1 &
        pids+=($!)
        flags+=" --nats nats://127.0.0.1:$((19710 + i))"
    done
}
# field <name>: the last number of that name in the result, "–" where there is none or no data.
field() {
    local n
    n=$(sed -n "s/^ *\"$1\": \([0-9.]*\),\{0,1\}$/\1/p" "$work/result" | tail -n 1)
    case $n in '' | 0) echo – ;; *) echo "$n" ;; esac
}

printf '%-8s %-7s %12s %14s %14s %10s %10s\n' engine case 'events/s' 'ms a request' 'µs a delivery' 'p50 ms' 'p99 ms'
for engine in $engines; do
    for case in $cases; do
        case $engine-$case in nats*-grow) ;; *-grow) continue ;; esac
        store=$(mktemp -d "$work/store.XXXXXX") pids=() flags=
        case $engine in
        memory) ;;
        data) flags="--data $store/data" ;;
        relaxed) flags="--data $store/data --sync relaxed" ;;
        nats1) nats 1 ;;
        nats3) nats 3 ;;
        *) echo "unknown engine: $engine" >&2; exit 2 ;;
        esac
        # shellcheck disable=SC2086 # flags are words
        ROLLCALL_ADMIN_PASSWORD=benchmarking "$work/rollcall" serve --listen 127.0.0.1:19690 $flags >"$store/log" 2>&1 &
        server=$! watched=(--pid $!) urls=(--subscribe-url "$base/subscribe?channels={channel}")
        if [ "$case" = grow ]; then
            for port in 19691 19692; do
                # shellcheck disable=SC2086
                ROLLCALL_ADMIN_PASSWORD=benchmarking "$work/rollcall" serve --listen 127.0.0.1:$port --node n$port $flags >>"$store/log" 2>&1 &
                pids+=($!) watched+=(--pid $!) urls+=(--subscribe-url "http://127.0.0.1:$port/subscribe?channels={channel}")
                until curl -sf "http://127.0.0.1:$port/readyz" >/dev/null; do kill -0 $! || { cat "$store/log" >&2; exit 1; }; done
            done
        fi
        until curl -sf "$base/readyz" >/dev/null; do kill -0 $server || { cat "$store/log" >&2; exit 1; }; done
        case $case in
        one) load="-n 0 --burst 3000 --publish-batch 1" ;;
        many) load="-n 0 -m 16 --burst 20000 --publish-batch 1 --publishers 16" ;;
        many64) load="-n 0 -m 64 --burst 40000 --publish-batch 1 --publishers 64" ;;
        batch) load="-n 0 --burst 60000 --publish-batch 100" ;;
        batch16) load="-n 0 -m 16 --burst 600000 --publish-batch 100 --publishers 16" ;;
        fanout | grow) load="-n 1000 -r 20 -d 10s" ;;
        resume) load="-n 10000 -m 300 --resume -r 50 --publish-batch 100" ;;
        *) echo "unknown case: $case" >&2; exit 2 ;;
        esac
        # shellcheck disable=SC2086
        "$work/rollcall" bench -q --json $load "${watched[@]}" "${urls[@]}" --publish-url "$base/publish" >"$work/result"
        grep -q '"lost": [1-9]' "$work/result" && { echo "events were lost" >&2; cat "$work/result" >&2; exit 1; }
        rate=$(field eventsPerSecond) batch=$(field batch)
        request=$(awk -v r="$rate" -v b="$batch" -v c=$case 'BEGIN { if (r > 0 && (c == "one" || c == "batch")) printf "%.2f", 1000 * b / r; else print "–" }')
        printf '%-8s %-7s %12s %14s %14s %10s %10s\n' "$engine" "$case" "$rate" "$request" "$(field serverCpuMicrosPerDelivery)" "$(field p50Millis)" "$(field p99Millis)"
        kill $server "${pids[@]}" 2>/dev/null || true
        wait 2>/dev/null || true
        rm -rf "$store"
    done
done
