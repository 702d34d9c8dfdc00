"""Counts what the conformance suite found: one test a scenario, which passes without a failure and without a warning.

Usage: count.py STATUS {RESULTS SCORED UNSCORED}...    STATUS: how the server ended.  SPDX-License-Identifier: Apache-2.0
"""
import json
import pathlib
import sys

passed = failed = 0
for results, scored, unscored in zip(*[iter(sys.argv[2:])] * 3):
    scenarios = sorted(pathlib.Path(results).glob("*/checks.json"))
    for path in scenarios:
        bad = [c for c in json.loads(path.read_text()) if c["status"] in ("FAILURE", "WARNING")]
        for c in bad:
            print(f"{path.parent.name}: {c['status']}: {c.get('name')}: {c.get('errorMessage') or c.get('description')}")
        passed, failed = passed + (not bad), failed + bool(bad)
    if len(scenarios) != int(scored) + int(unscored):
        print(f"{results}: {len(scenarios)} scenarios ran, {scored} and {unscored} were expected")
        failed += 1
if sys.argv[1] != "0":
    failed += 1
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
