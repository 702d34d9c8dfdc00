#!/usr/bin/env python3
"""Measures kmcp in one run beside a server on the official TypeScript SDK (npm) that does the same read, and beside the least a
C program takes (floor.c): interleaved rounds, medians, who asks on the first core, who is measured on the second.

Usage: bench.py [BUILD_DIR] [--only NAME]... [--rounds N] [--callgrind]
    NAME: start read latency pipelined http sweep bytes. --callgrind: count instructions instead (valgrind).
Needs bin/kmcp, bin/kmcp-tenant, bin/kmcp-floor, bin/kmcp-http-load and the fixtures in tests/conformance/; Linux. Prints Markdown
for docs/performance.md. Nothing here passes or fails.  SPDX-License-Identifier: Apache-2.0
"""
import argparse
import ctypes
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import answers
import bench_http
import instructions
import peer
import programs
from programs import Server, Tenant, interleave, site

ONE_TEXT = {"name": "test_simple_text", "arguments": {}}


class Bench:
    def __init__(self, build, folder, rounds):
        self.build, self.folder, self.rounds = build, folder, rounds
        self.kmcp_path, self.tenant_path, self.floor_path = (build / "bin" / n for n in ("kmcp", "kmcp-tenant", "kmcp-floor"))
        self.fixtures = f"[plugin conformance]\npath = {build}/tests/conformance/kmcp-conformance.so\n"
        self.server, self.why = peer.installed(build / "tests" / "bench" / "npm")

    def tenant(self, devices, latency=0):
        return Tenant(self.tenant_path, devices, latency)

    def kmcp(self, url, extra="", plugins=("devices",)):
        return Server([self.kmcp_path, "--config", site(self.folder, url, extra, plugins)])

    def peers(self, url):
        """{v2 and v1, as far as they are there: a function that starts it}."""
        if not self.server:
            return {}
        return {g: lambda g=g: Server(["node", self.server, g, url], legacy=g == "v1") for g in peer.SDK}

    def echo(self):
        return Server([self.floor_path, "echo"])

    def floor(self, *args):
        """(requests, CPU in us, wall in ms, peak in KB, {group: count})."""
        out = subprocess.run([self.floor_path, *map(str, args)], env={**os.environ, "KANDJI_API_TOKEN": programs.TOKEN}, check=True, text=True,
                             stdout=subprocess.PIPE, preexec_fn=programs.pin(programs.SERVER)).stdout.split()
        return *map(float, out[:4]), {name: int(n) for name, n in (word.split("=") for word in out[4:])}

    def all(self, url, extra="", plugins=("devices",)):
        """{name: a running server} of kmcp and the peers."""
        return {"kmcp": self.kmcp(url, extra, plugins), **{name: start() for name, start in self.peers(url).items()}}


def row(what, unit, goal, found, field=0, digits=1):
    """One line of the table; found: {kmcp, v2, v1, floor: the medians}."""
    value = {name: fields[field] for name, fields in found.items()}
    cells = [f"{value[n]:,.{digits}f} {unit}" if n in value else "–" for n in ("kmcp", "v2", "v1", "floor")]
    ratios = [f"{value['kmcp'] / value[n]:.2g}" if "kmcp" in value and value.get(n) else "–" for n in ("v2", "floor")]
    print("| " + " | ".join([what, *cells, *ratios, goal]) + " |", flush=True)


def stop(servers):
    for s in servers.values():
        s.end()


def start(b):
    def one(make):
        s = make()
        s.raw("tools/list")
        found = ((time.perf_counter() - s.started) * 1000, s.status_mb("VmRSS"))
        s.end()
        return found
    with b.tenant(10) as t:
        makers = {"kmcp": lambda: b.kmcp(t.url, plugins=answers.MODULES), **b.peers(t.url), "floor": b.echo}
        found = interleave(3 * b.rounds, {name: lambda m=m: one(m) for name, m in makers.items()})
    row("spawn to first `tools/list` answered", "ms", "≤ 0.02 × incumbent's 319; below a Go peer's 3.5–6.6", found)
    row("idle memory (RSS) after it", "MB", "≤ 0.10 × incumbent's 73.6", found, 1)


def read(b, calls=400):
    def one(s, t, device):
        """(CPU a call, CPU an upstream request)"""
        sent, before = t.requests(), s.cpu_us()
        for _ in range(calls):
            s.raw("tools/call", {"name": "get_device", "arguments": {"device_id": device}})
        cpu = s.cpu_us() - before
        return cpu / calls, cpu / (t.requests() - sent)

    def base(t, device):
        """(CPU of the device alone, CPU of one of the two that kmcp asks)"""
        alone, details = (b.floor("get", f"{t.url}/api/v1/devices/{device}{more}", calls)[1] / calls for more in ("", "/details"))
        return alone, (alone + details) / 2
    with b.tenant(1000) as t:
        device = t.get("/api/v1/devices?limit=1")[0]["device_id"]
        servers = b.all(t.url, "[cache]\ndevices = 0")
        for s in servers.values():  # the first call opens the connection, the next ones let V8 compile
            for _ in range(200):
                s.call("get_device", {"device_id": device})
        found = interleave(b.rounds, {**{n: lambda s=s: one(s, t, device) for n, s in servers.items()}, "floor": lambda: base(t, device)})
        row("CPU an upstream request of `get_device`, nothing cached", "µs", "≤ 2 × floor", found, 1)
        row(f"CPU a `get_device` call (kmcp asks {found['kmcp'][0] / found['kmcp'][1]:.0f} times, the others once)", "µs", "", found, 0)
        row("memory (RSS) after those", "MB", "", {n: (s.status_mb("VmRSS"),) for n, s in servers.items()})
        stop(servers)


def latency(b, calls=10, upstream=50):
    def one(s, device):
        """What a call takes beyond the waits in a row that it cannot avoid, and how many those are."""
        times = []
        for _ in range(calls):
            begun = time.perf_counter()
            s.raw("tools/call", {"name": "get_device", "arguments": {"device_id": device}})
            times.append((time.perf_counter() - begun) * 1000)
        wall = statistics.median(times)
        return wall - upstream * (wall // upstream), wall // upstream

    def base(url):
        requests, _, wall, *_ = b.floor("get", url, calls)
        return wall / requests - upstream, 1
    with b.tenant(1000, upstream) as t:
        device = t.get("/api/v1/devices?limit=1")[0]["device_id"]
        servers = b.all(t.url, "[cache]\ndevices = 0")
        for s in servers.values():
            for _ in range(5):
                s.call("get_device", {"device_id": device})
        found = interleave(b.rounds, {**{n: lambda s=s: one(s, device) for n, s in servers.items()},
                                      "floor": lambda: base(f"{t.url}/api/v1/devices/{device}")})
        row(f"added by `get_device` to an upstream of {upstream} ms (kmcp waits {found['kmcp'][1]:.0f} × {upstream} in a row)", "ms", "≤ 0.5", found, 0, 2)
        stop(servers)


def pipelined(b, flight=32, seconds=0.5):
    def measure(what, goal, servers, method, params):
        for s in servers.values():  # V8 compiles what is hot
            s.rate(method, params, flight, 3 * seconds)
        found = interleave(b.rounds, {n: lambda s=s: s.rate(method, params, flight, seconds) for n, s in servers.items()})
        row(f"{what}, {flight} in flight", "/s", goal, found, 0, 0)
        row("CPU of one of these", "µs", "", found, 1)
    with b.tenant(1000) as t:
        device = t.get("/api/v1/devices?limit=1")[0]["device_id"]
        servers = {**b.all(t.url), "floor": b.echo()}
        fixtures = {**servers, "kmcp": b.kmcp(t.url, b.fixtures, ())}
        measure(f"`tools/list` (kmcp: {len(servers['kmcp'].ask('tools/list')['tools'])} tools, the SDK: 3)", "≥ 2 × a Go peer's 70,000", servers, "tools/list", {})
        measure("`tools/call` of a tool that answers a text", "", fixtures, "tools/call", ONE_TEXT)
        measure("`tools/call` of `get_device`: cached in kmcp, asked each time by the SDK", "",
                {n: s for n, s in servers.items() if n != "floor"}, "tools/call", {"name": "get_device", "arguments": {"device_id": device}})
        fixtures["kmcp"].end()
        stop(servers)


def http(b, connections=16):
    seconds = 1
    with b.tenant(10) as t:
        ini = site(b.folder, t.url, b.fixtures + "[log]\nlevel = error", ())
        for what, method, params in (("`tools/call` of a tool that answers a text", "tools/call", ONE_TEXT), ("`tools/list`", "tools/list", {})):
            servers = {"kmcp": bench_http.kmcp(b.build, ini)}
            if b.server:
                servers.update({g: bench_http.Listener(["node", b.server, g, t.url, "http"]) for g in peer.SDK})
            asked = {n: bench_http.request(method, params, s.port, modern=n != "v1") for n, s in servers.items()}
            servers["floor"] = bench_http.evhttp(b.build, bench_http.one(servers["kmcp"].port, asked["kmcp"]))
            asked["floor"] = asked["kmcp"]
            for n, s in servers.items():
                bench_http.ask(b.build, s, connections, asked[n], 2)
            found = interleave(b.rounds, {n: lambda n=n, s=s: bench_http.ask(b.build, s, connections, asked[n], seconds) for n, s in servers.items()})
            row(f"HTTP {what}, {connections} connections", "/s", "≥ a Go peer's 36,900", found, 0, 0)
            row("CPU of one of these", "µs", "", found, 1)
            for s in servers.values():
                s.stop()


def sweep(b, devices=100000, upstream=50, flight=8):
    def one(t):
        with b.kmcp(t.url) as k:
            k.ask("tools/list")
            before, begun = k.cpu_us(), time.perf_counter()
            text = k.call("list_devices", {"group_by": "platform"})["content"][0]["text"]
            found = ((time.perf_counter() - begun) * 1000, (k.cpu_us() - before) / 1000, k.status_mb("VmHWM"))
        assert {name: int(n) for name, n in re.findall(r"^(\w+)\t(\d+)$", text, re.M)} == truth, text
        return found

    def base(t):
        _, cpu, wall, peak, groups = b.floor("sweep", t.url + "/api/v1/devices", flight)
        assert groups == truth, groups
        return wall, cpu / 1000, peak / 1024

    def page(make):
        s = make()
        s.ask("tools/list")
        before, begun = s.cpu_us(), time.perf_counter()
        s.call("list_devices", {})
        found = ((time.perf_counter() - begun) * 1000, (s.cpu_us() - before) / 1000, s.status_mb("VmHWM"))
        s.end()
        return found
    with b.tenant(devices, upstream) as t:
        truth = t.get("/__truth")["by_platform"]
        found = interleave(b.rounds, {"kmcp": lambda: one(t), **{n: lambda m=m: page(m) for n, m in b.peers(t.url).items()}, "floor": lambda: base(t)})
    whole = {n: found[n] for n in ("kmcp", "floor")}
    row(f"{devices:,} devices by platform, upstream {upstream} ms, {flight} in flight: wall", "ms", "≤ 1.1 × floor", whole, 0, 0)
    row("CPU of that", "ms", "≤ 400 ms", whole, 1, 0)
    row("peak memory of that", "MB", "≤ 20 MB", whole, 2)
    if b.server:
        pages = {n: found[n] for n in peer.SDK}
        row("the SDK's list tool, its one page of 300 of them: wall", "ms", "", pages, 0, 0)
        row("CPU of that", "ms", "", pages, 1, 0)
        row("peak memory of that", "MB", "", pages, 2)


ROWS = {"start": start, "read": read, "latency": latency, "pipelined": pipelined, "http": http, "sweep": sweep}


def heading(b):
    curl = ctypes.CDLL("libcurl.so.4").curl_version
    curl.restype = ctypes.c_char_p
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    kmcp = subprocess.run([b.kmcp_path, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    print(f"{time.strftime('%Y-%m-%d')}, {os.uname().sysname} {os.uname().release} {os.uname().machine}, {model[1] if model else 'CPU unknown'}, "
          f"{len(programs.CORES)} cores; {kmcp}; node {peer.node_version()}, {' and '.join(peer.SDK.values())}; {curl().decode().split()[0]}; "
          f"medians of {b.rounds} interleaved rounds, load {os.getloadavg()[0]:.1f} before.\n")
    if b.why:
        print(f"No TypeScript SDK beside it: {b.why}.\n")


def main():
    p = argparse.ArgumentParser(description="kmcp beside the TypeScript SDK and a C floor")
    p.add_argument("build", nargs="?", default="build")
    p.add_argument("--only", action="append", choices=[*ROWS, "bytes"], help="one measurement, more than once for several")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--callgrind", action="store_true", help="count instructions instead")
    args = p.parse_args()
    os.sched_setaffinity(0, {programs.CORES[programs.DRIVER]})
    with tempfile.TemporaryDirectory(prefix="kmcp-bench-") as folder:
        b = Bench(pathlib.Path(args.build).resolve(), folder, args.rounds)
        heading(b)
        if args.callgrind:
            return instructions.report(b.kmcp_path, b.floor_path, b.tenant_path, folder)
        wanted = args.only or [*ROWS, "bytes"]
        rows = [measure for name, measure in ROWS.items() if name in wanted]
        if rows:
            print("| what | kmcp | TypeScript SDK 2 | SDK 1 | C floor | kmcp / SDK 2 | kmcp / floor | goal |\n|---|---|---|---|---|---|---|---|", flush=True)
        for measure in rows:
            measure(b)
        if "bytes" in wanted:
            print()
            answers.report(b.kmcp_path, b.tenant_path, folder)


if __name__ == "__main__":
    main()
