#!/bin/sh
# demo.sh - from nothing to answers: installs what is missing, builds, starts the tenant simulator, and runs a real MCP
# session against it, shown request by request. Safe to run again.  SPDX-License-Identifier: Apache-2.0
set -eu
umask 022 # plugins that others may write are not loaded
cd "$(dirname "$0")/.."
. conf/packages.sh

build=${KMCP_BUILD_DIR:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
need_packages $BUILD_PACKAGES jq curl
echo "building in $build ..."
cmake -S . -B "$build" -G Ninja -DKMCP_TESTS=OFF >/dev/null
cmake --build "$build" >"$build/build.log" 2>&1 || { tail -n 30 "$build/build.log"; exit 1; }

home=$(mktemp -d "${TMPDIR:-/tmp}/kmcp-demo-XXXXXX")
chmod 700 "$home"
tenant= kmcp=
finish() {
    [ -z "$kmcp" ] || kill "$kmcp" 2>/dev/null || true
    [ -z "$tenant" ] || kill "$tenant" 2>/dev/null || true
    rm -rf "$home"
}
trap finish EXIT
trap 'exit 130' INT TERM

url= waited=0
: >"$home/tenant.out" # here, for the simulator may be slower than the first look at it
"$build/bin/kmcp-tenant" --port 0 --devices 700 >"$home/tenant.out" &
tenant=$!
while [ -z "$url" ] && [ $waited -lt 300 ]; do
    sleep 0.1
    waited=$((waited + 1))
    url=$(sed -n 's/.*listening on //p' "$home/tenant.out")
done
[ -n "$url" ] || { echo "the simulator did not start" >&2; exit 1; }

printf 'kmcp-demo-token\n' >"$home/token"
cat >"$home/demo.ini" <<INI
[tenant]
base_url = $url
token_file = $home/token
[policy]
read_only = no
[audit]
file = $home/audit.jsonl
[state]
folder = $home
[plugin devices]
[plugin actions]
[plugin blueprints]
[plugin prism]
[plugin secrets]
INI
chmod 600 "$home/token" "$home/demo.ini"

"$build/bin/kmcp" check --config "$home/demo.ini" >/dev/null

# A client: requests go into one pipe, answers come out of another, one JSON message a line.
mkfifo "$home/in" "$home/out"
"$build/bin/kmcp" --config "$home/demo.ini" <"$home/in" >"$home/out" 2>"$home/log" &
kmcp=$!
exec 3>"$home/in" 4<"$home/out"
id=0
say() { printf '\n== %s\n' "$1"; }
answer=
request() { # METHOD PARAMS
    id=$((id + 1))
    printf -- '--> %s %s\n' "$1" "$2" | short
    printf '{"jsonrpc":"2.0","id":%s,"method":"%s","params":%s}\n' "$id" "$1" "$2" >&3
    IFS= read -r answer <&4 || { cat "$home/log" >&2; exit 1; }
}
short() { sed 's/^\(.\{75\}\)....*$/\1.../'; } # lines that a terminal has room for
show() { printf '<-- %s\n' "$(printf '%s' "$answer" | jq -r "$1")" | fold -s -w 78; }
show_table() { printf '<-- %s\n' "$(printf '%s' "$answer" | jq -r "$1")" | sed -n '1,12p' | short; }
text='if .error then "error: " + .error.message else (if .result.isError then "refused: " else "" end) + .result.content[0].text end'

say "An MCP client connects"
request initialize '{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"demo","version":"1"}}'
show '"\(.result.serverInfo.name) \(.result.serverInfo.version), MCP \(.result.protocolVersion)"'
printf '{"jsonrpc":"2.0","method":"notifications/initialized"}\n' >&3
request tools/list '{}'
show '"\(.result.tools | length) tools: \([.result.tools[].name] | join(" "))"'

say "A question about the fleet"
request tools/call '{"name":"list_devices","arguments":{"platform":"Mac","os_version":"12.","limit":5}}'
show_table "$text"
# "5 of 22 devices, as of ...", the columns, then a device a line: its serial number stands second
mac=$(printf '%s' "$answer" | jq -r '.result.content[0].text' | sed -n 3p | cut -f2)
total=$(printf '%s' "$answer" | jq -r '.result.content[0].text' | sed -n '1s/^[0-9]* of \([0-9]*\) .*/\1/p')
truth=$(curl -s "$url/__truth" | jq '[.by_platform_os.Mac | to_entries[] | select(.key | startswith("12.")) | .value] | add')
printf '    The tenant itself counts %s; kmcp said %s.\n' "$truth" "$total"
[ "$truth" = "$total" ] || exit 1

say "A question whose answer is a few numbers, over the whole fleet"
request tools/call '{"name":"list_devices","arguments":{"where":["last_check_in < -7d"],"group_by":"platform"}}'
show_table "$text"

say "An act without a person's word"
request tools/call "{\"name\":\"lock_device\",\"arguments\":{\"device_id\":\"$mac\"}}"
show "$text"

say "The same act, and the person is asked"
request tools/call "{\"name\":\"lock_device\",\"arguments\":{\"device_id\":\"$mac\",\"confirm\":true}}"
printf '??? %s\n' "$(printf '%s' "$answer" | jq -r .params.message)" | fold -s -w 78
printf '!!! the person clicks "Approve"\n'
printf '{"jsonrpc":"2.0","id":%s,"result":{"action":"accept","content":{"approve":true}}}\n' "$(printf '%s' "$answer" | jq .id)" >&3
IFS= read -r answer <&4
show "$text"

say "What the audit file says of it"
jq -r '"    \(.time) \(.event) \(.tool) \(.result // "") \(.consent // "")"' "$home/audit.jsonl" | short

exec 3>&- 4<&-
wait "$kmcp" || true
kmcp=
cat <<TEXT

That was a simulated tenant. To keep one, and look around yourself:

  mkdir -p -m 700 ~/.config/kmcp
  "$build/bin/kmcp-tenant" --port 8443 --devices 700 &
  (umask 077; printf '%s\n' '[tenant]' 'base_url = http://127.0.0.1:8443' '[policy]' \\
     'read_only = yes' '[plugin devices]' '[plugin blueprints]' '[plugin prism]' > ~/.config/kmcp/demo.ini)
  export KANDJI_API_TOKEN=kmcp-demo-token
  "$build/bin/kmcp" call list_devices '{"platform": "iPad"}' --config ~/.config/kmcp/demo.ini

To connect a client to it (docs/clients.md has more):

  Claude Code   claude mcp add kandji --env KANDJI_API_TOKEN=kmcp-demo-token -- \\
                  "$build/bin/kmcp" --config ~/.config/kmcp/demo.ini
  Others        {"mcpServers": {"kandji": {"command": "$build/bin/kmcp",
                  "args": ["--config", "$HOME/.config/kmcp/demo.ini"],
                  "env": {"KANDJI_API_TOKEN": "kmcp-demo-token"}}}}
TEXT
