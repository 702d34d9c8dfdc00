#!/bin/sh
# run.sh - installs what is missing, builds, and runs all tests; the last line counts them.
# Environment: KMCP_BUILD_DIR (default build), KMCP_CMAKE (more cmake options), KMCP_E2E (which end-to-end tests: a
# pattern of file names; "none" for none), KMCP_E2E_JOBS (how many files at once, default 2).  SPDX-License-Identifier: Apache-2.0
set -u
umask 022 # plugins that others may write are not loaded
cd "$(dirname "$0")/.." || exit 1
. conf/packages.sh

build=${KMCP_BUILD_DIR:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
need_packages $BUILD_PACKAGES $TEST_PACKAGES || exit 1
# shellcheck disable=SC2086
cmake -S . -B "$build" -G Ninja -DKMCP_TESTS=ON ${KMCP_CMAKE:-} >/dev/null || exit 1
if ! cmake --build "$build" -j2 >"$build/build.log" 2>&1; then
    tail -n 40 "$build/build.log"
    echo "0 passed, 1 failed"
    exit 1
fi

passed=0 failed=0 skipped=0
count() { # PASSED FAILED SKIPPED
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

echo "== lint"
if sh tests/lint.sh; then count 1 0 0; else count 0 1 0; fi

echo "== unit, plugin, ABI and fuzz-replay tests"
(cd "$build" && ctest -j2 --output-on-failure --no-tests=error) >"$build/ctest.log" 2>&1
grep -E 'Failed|Not Run|\*\*\*|ERROR|LINE' "$build/ctest.log"
sed -n 's/^ *[0-9]*\/[0-9]* Test.*/&/p' "$build/ctest.log" >"$build/ctest.lines"
count "$(grep -c ' Passed ' "$build/ctest.lines")" "$(grep -cE '\*\*\*(Failed|Timeout|Exception|Not Run)' "$build/ctest.lines")" \
    "$(grep -c '\*\*\*Skipped' "$build/ctest.lines")"
[ -s "$build/ctest.lines" ] || count 0 1 0

if [ "${KMCP_E2E:-}" != none ]; then
    echo "== end-to-end tests"
    rm -rf "$build/e2e" && mkdir "$build/e2e"
    (cd tests/e2e && export KMCP_BIN_DIR="$build/bin" PYTHONDONTWRITEBYTECODE=1 && find . -name "${KMCP_E2E:-test_*.py}" | sed 's,^./,,; s,\.py$,,' |
        sort | xargs -P "${KMCP_E2E_JOBS:-2}" -I FILE sh -c '/usr/bin/python3 -W ignore::ResourceWarning -m unittest -v FILE >"$0/FILE.log" 2>&1' "$build/e2e")
    for log in "$build"/e2e/*.log; do
        grep -E ' \.\.\. (FAIL|ERROR|skipped)|^(FAIL|ERROR):|^AssertionError' "$log"
        ran=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$log")
        bad=$(grep -cE '^(FAIL|ERROR): ' "$log") passed_over=$(grep -c ' \.\.\. skipped' "$log")
        if [ -n "$ran" ]; then
            count $((ran > bad + passed_over ? ran - bad - passed_over : 0)) "$bad" "$passed_over"
        else
            tail -n 20 "$log" # it did not come to its end
            count 0 1 0
        fi
    done
fi

[ $skipped = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
