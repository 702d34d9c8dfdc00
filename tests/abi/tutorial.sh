#!/bin/sh
# tutorial.sh BUILD - installs kmcp from BUILD into an empty prefix and does, to the letter, what docs/writing-a-plugin.md
# says; then builds and tests the template the same way.  SPDX-License-Identifier: Apache-2.0
set -eu
umask 022
export CMAKE_GENERATOR=Ninja # make may not be installed
build=$(cd "${1:?usage: tutorial.sh BUILD}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
check() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; tail -n 30 "$work/log"; fi
}
PREFIX=$work/prefix
export PREFIX
check "install" cmake --install "$build" --prefix "$PREFIX"
awk '/^```sh$/ {on = 1; next} /^```$/ {on = 0} on' "$root/docs/writing-a-plugin.md" >"$work/tutorial.commands"
mkdir "$work/empty"
check "the tutorial, to the letter" sh -c "cd $work/empty && sh -eu $work/tutorial.commands >out 2>&1 || { cat out; exit 1; }"
check "its plugin answers" grep -qE '^serial number: [A-Z0-9]+$' "$work/empty/out"
check "its list answers" grep -qE '^[0-9]+ devices in [0-9]+ groups' "$work/empty/out"
check "the one-line build makes a plugin that passes the lint" sh "$PREFIX/share/kmcp/sdk/lint.sh" "$work/empty/serials/by-hand.so"
cp -r "$PREFIX/share/kmcp/sdk/template" "$work/template"
check "the template builds" sh -c "cmake -S $work/template -B $work/template/build -DCMAKE_PREFIX_PATH=$PREFIX && cmake --build $work/template/build"
check "the template's test passes" ctest --test-dir "$work/template/build" --no-tests=error
check "the template passes the lint" sh "$PREFIX/share/kmcp/sdk/lint.sh" "$work/template/build/kmcp-hello.so"
check "pkg-config knows kmcp" env PKG_CONFIG_PATH="$PREFIX/share/pkgconfig" pkg-config --cflags kmcp
echo "$passed passed, $failed failed"
[ $failed = 0 ]
