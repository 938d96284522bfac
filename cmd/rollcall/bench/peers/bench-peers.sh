#!/usr/bin/env bash
# Measure Rollcall and nginx with Nchan side by side, on this machine, with one command.
#
#   cmd/rollcall/bench/peers/bench-peers.sh [-r rounds] [-c "case ..."] [-o directory]
#
#   -r  rounds; the medians of all rounds are compared (default 3)
#   -c  cases, of: idle burst paced20 paced2 small large spread base slow resume publish
#      tlsidle tlspaced h2idle h2many h2paced (default all)
#   -o  where the results go (default a directory under the temporary directory, which is printed)
#
# ROLLCALL_FLAGS adds flags to "rollcall serve"; ROLLCALL_BIN names a binary instead of building one.
#
# nginx and libnginx-mod-nchan are installed from Debian's packages where they are missing. Both servers
# listen on free ports of the loopback interface, each case starts a fresh one, and all are stopped at the
# end. What is measured and why: docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/../../../.."

rounds=3
cases="idle burst paced20 paced2 small large spread base slow resume publish tlsidle tlspaced h2idle h2many h2paced"
out=
while getopts r:c:o:h option; do
    case $option in
    r) rounds=$OPTARG ;;
    c) cases=$OPTARG ;;
    o) out=$OPTARG ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done

# The flags of "rollcall bench" for each case, and whether Nchan takes part in it.
flags() {
    case $1 in
    idle)    echo "-n 10000 --idle --settle 10s" ;;
    burst)   echo "-n 1000 --burst 300 --bursts 10" ;;
    paced20) echo "-n 1000 -r 20 -d 10s" ;;
    paced2)  echo "-n 10000 -r 2 -d 10s" ;;
    small)   echo "-n 1000 -r 30 -d 10s" ;;
    large)   echo "-n 15000 -r 2 -d 10s" ;;
    spread)  echo "-n 10000 -m 5000 -r 10000 --publish-batch 100 -d 10s" ;;
    base)    echo "-n 9000 -r 2 -d 20s --payload 4096" ;;
    slow)    echo "-n 10000 --slow 1000 -r 2 -d 20s --payload 4096" ;;
    resume)  echo "-n 10000 -m 300 --resume -r 50 --publish-batch 100 --settle 10s" ;;
    publish) echo "-n 0 --burst 100000 --publish-batch 100" ;;
    tlsidle) echo "-n 4000 --idle --settle 10s" ;;
    tlspaced) echo "-n 1000 -r 20 -d 10s" ;;
    h2idle)  echo "-n 4000 --idle --settle 10s --h2" ;;
    h2many)  echo "-n 4000 --idle --settle 10s --h2 --streams-per-connection 100" ;;
    h2paced) echo "-n 1000 -r 20 -d 10s --h2" ;;
    *)       echo "unknown case: $1" >&2; return 1 ;;
    esac
}
nchan_too() { case $1 in idle | burst | paced20 | paced2 | small | large | tls* | h2*) ;; *) return 1 ;; esac; }
for c in $cases; do flags "$c" >/dev/null; done

say() { echo "bench-peers: $*" >&2; }

# --- what is needed ---

ulimit -n "$(ulimit -Hn)"
files=$(ulimit -n)
if [ "$files" != unlimited ] && [ "$files" -lt 16000 ]; then
    say "15 000 streams need 16 000 open files in one process; the limit is $files (see ulimit -n)"
    exit 1
fi
[ "$files" = unlimited ] && files=1000000

find_module() {
    local d
    for d in /usr/lib/nginx/modules /usr/lib64/nginx/modules /usr/share/nginx/modules; do
        if [ -e "$d/ngx_nchan_module.so" ]; then echo "$d/ngx_nchan_module.so"; return; fi
    done
}
PATH=$PATH:/usr/sbin
if ! command -v nginx >/dev/null || [ -z "$(find_module)" ]; then
    say "installing nginx and libnginx-mod-nchan"
    root=
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update >&2
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx libnginx-mod-nchan >&2
fi

[ -n "$out" ] || out=$(mktemp -d "${TMPDIR:-/tmp}/bench-peers.XXXXXX")
mkdir -p "$out"
rm -f "$out"/*.json
work=$(mktemp -d "${TMPDIR:-/tmp}/bench-peers-run.XXXXXX")
server=
cleanup() {
    stop_server
    rm -rf "$work"
}
stop_server() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}
trap cleanup EXIT
trap 'exit 130' INT TERM

go build -o "$work/summary" ./cmd/rollcall/bench/peers
rollcall=${ROLLCALL_BIN:-$work/rollcall}
[ -n "${ROLLCALL_BIN:-}" ] || go build -trimpath -tags nomsgpack -ldflags '-s -w' -o "$rollcall" ./cmd/rollcall

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null

# --- the servers ---

# free_port prints a port that nobody listens on, below those that the system gives to clients.
free_port() {
    local p
    while :; do
        p=$((20000 + RANDOM % 10000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then echo "$p"; return; fi
    done
}

await_port() {
    local i
    for i in $(seq 100); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    say "the server did not start; see $2"
    cat "$2" >&2
    exit 1
}

# start_… take the scheme, "h2" for https with HTTP/2, and set server, a process id, and urls, flags for the load tool.
start_nchan() {
    local scheme=$1 port connections ssl=
    case $scheme in https) ssl=ssl ;; h2) ssl="ssl http2" scheme=https ;; esac
    port=$(free_port)
    connections=20000
    [ "$files" -ge 20000 ] || connections=$files
    sed -e "s|@MODULE@|$(find_module)|" -e "s|@DIR@|$work|" -e "s|@USER@|$(id -un) $(id -gn)|" -e "s|@PORT@|$port|" -e "s|@SSL@|$ssl|" \
        -e "s|@WORKERS@|$(nproc)|" -e "s|@FILES@|$files|" -e "s|@CONNECTIONS@|$connections|" \
        cmd/rollcall/bench/peers/nginx.conf >"$work/nginx.conf"
    nginx -p "$work" -e "$work/error.log" -c "$work/nginx.conf" >"$work/nchan.log" 2>&1 &
    server=$!
    await_port "$port" "$work/nchan.log"
    urls=(--subscribe-url "$scheme://127.0.0.1:$port/sub/{channel}" --publish-url "$scheme://127.0.0.1:$port/pub/{channel}"
        --publish-body '{payload}')
}

start_rollcall() {
    local scheme=$1 port tls=
    [ "$scheme" != h2 ] || scheme=https
    [ "$scheme" = http ] || tls="--tls-cert $work/cert.pem --tls-key $work/key.pem"
    port=$(free_port)
    # shellcheck disable=SC2086 # the flags are words
    "$rollcall" serve --listen "127.0.0.1:$port" --log-level warn $tls ${ROLLCALL_FLAGS:-} >"$work/rollcall.log" 2>&1 &
    server=$!
    await_port "$port" "$work/rollcall.log"
    urls=(--subscribe-url "$scheme://127.0.0.1:$port/subscribe?channels={channel}" --publish-url "$scheme://127.0.0.1:$port/publish")
}

# measure runs one case against one server and keeps what was found.
measure() {
    local round=$1 name=$2 case=$3 words result
    words=$(flags "$case")
    result=$out/$case.$name.$round.json
    say "round $round of $rounds: $name, $case ($words)"
    case $case in tls*) "start_$name" https ;; h2*) "start_$name" h2 ;; *) "start_$name" http ;; esac
    # shellcheck disable=SC2086 # the flags are words
    "$rollcall" bench --insecure-tls "${urls[@]}" --pid "$server" --json --quiet $words >"$result" ||
        say "$name, $case: not everything went well (above, and in $result)"
    stop_server
    [ -s "$result" ] || rm -f "$result"
}

# --- the rounds ---

read -r load _ </proc/loadavg
if [ "${load%.*}" -ge 1 ]; then say "the machine is busy (load $load): latencies will be too"; fi
{
    echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), Linux $(uname -r), load $load at the start"
    "$rollcall" version | head -1
    nginx -v 2>&1 | sed 's/^nginx version: //'
    dpkg-query -W -f '${Package} ${Version}\n' libnginx-mod-nchan 2>/dev/null || true
    go version
} >"$out/machine.txt"

for round in $(seq "$rounds"); do
    for c in $cases; do
        # Who comes first changes from round to round.
        if ! nchan_too "$c"; then
            measure "$round" rollcall "$c"
        elif [ $((round % 2)) = 1 ]; then
            measure "$round" nchan "$c"
            measure "$round" rollcall "$c"
        else
            measure "$round" rollcall "$c"
            measure "$round" nchan "$c"
        fi
    done
done

"$work/summary" "$out" | tee "$out/summary.md"
say "every result is in $out"
