# packages.sh - sourced by demo.sh and tests/run.sh: installs what is missing on a Debian machine, once.
# need_packages PACKAGE... installs those that are not there; as root, or with sudo.  SPDX-License-Identifier: Apache-2.0

BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config libcurl4-openssl-dev libcjson-dev libinih-dev libssl-dev libsqlite3-dev libhiredis-dev libevent-dev ca-certificates"
TEST_PACKAGES="libcmocka-dev python3 python3-jsonschema strace binutils redis-server"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1; then sudo "$@"
    else echo "this needs root or sudo: $*" >&2; return 1
    fi
}

need_packages() {
    missing=
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "missing:$missing (this is no Debian system; install their like)" >&2
        return 1
    fi
    echo "installing:$missing" >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
}
