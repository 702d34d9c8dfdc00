#!/usr/bin/env python3
"""Measures kmcp beside a C floor program in the same run: start-up, memory, CPU per call, added latency, a sweep.

Usage: bench.py [BUILD_DIR]          (needs bin/kmcp, bin/kmcp-tenant, bin/kmcp-floor, plugins/; Linux)
Prints one table. Nothing here passes or fails; docs/performance.md quotes it with machine and date.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
KMCP, TENANT, FLOOR = (str(BUILD / "bin" / n) for n in ("kmcp", "kmcp-tenant", "kmcp-floor"))
TOKEN = "kmcp-demo-token"
CORES = sorted(os.sched_getaffinity(0))
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def pin(core):
    return lambda: os.sched_setaffinity(0, {CORES[core % len(CORES)]})


class Tenant:
    def __init__(self, devices, latency=0):
        self.p = subprocess.Popen([TENANT, "--port", "0", "--devices", str(devices), "--latency-ms", str(latency),
                                   "--rate-limit", "100000000,1000000", "--token", TOKEN],
                                  stdout=subprocess.PIPE, text=True, preexec_fn=pin(0))
        self.url = self.p.stdout.readline().split()[-1]

    def requests(self):
        return json.load(urllib.request.urlopen(self.url + "/__stats"))["total"]

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.p.terminate()
        self.p.wait()


class Kmcp:
    def __init__(self, url, folder, argv=(KMCP,)):
        ini = pathlib.Path(folder) / "bench.ini"
        token = pathlib.Path(folder) / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        ini.write_text(f"[tenant]\nbase_url = {url}\ntoken_file = {token}\n[policy]\nread_only = yes\n[state]\nfolder = {ini.parent}\n[cache]\n"
                       "devices = 0\n[limits]\nrequests_per_hour = 100000000\nrequests_per_second = 1000000\n"
                       "[plugin devices]\n[plugin blueprints]\n[plugin prism]\n")
        ini.chmod(0o600)
        self.started = time.perf_counter()
        self.p = subprocess.Popen([*argv, "--config", str(ini)] if argv[0] == KMCP else list(argv),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(1))
        self.next = 0

    def send(self, method, params):
        self.next += 1
        params = dict(params, _meta=META)
        line = json.dumps({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}) + "\n"
        self.p.stdin.write(line.encode())
        self.p.stdin.flush()

    def call(self, method, params):
        self.send(method, params)
        return json.loads(self.p.stdout.readline())

    def cpu_us(self):
        tasks = pathlib.Path(f"/proc/{self.p.pid}/task")
        return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks.iterdir()) / 1000

    def status_kb(self, key):
        for line in open(f"/proc/{self.p.pid}/status"):
            if line.startswith(key):
                return int(line.split()[1])
        return 0

    def end(self):
        self.p.stdin.close()
        self.p.wait()


def start_ms(argv, folder, url, rounds=15):
    times = []
    for _ in range(rounds):
        k = Kmcp(url, folder, argv)
        k.send("tools/list", {})
        k.p.stdout.readline()
        times.append((time.perf_counter() - k.started) * 1000)
        k.end()
    return statistics.median(times)


def floor(*args):
    out = subprocess.run([FLOOR, *args], env=dict(os.environ, KANDJI_API_TOKEN=TOKEN), stdout=subprocess.PIPE,
                         check=True, text=True, preexec_fn=pin(1)).stdout.split()
    return float(out[0]), float(out[1])


def row(name, value, base, unit):
    print(f"| {name} | {value:.1f} {unit} | {base:.1f} {unit} | {value / base if base else 0:.2f} |")


def device_id(url):
    request = urllib.request.Request(url + "/api/v1/devices?limit=1", headers={"Authorization": "Bearer " + TOKEN})
    return json.load(urllib.request.urlopen(request))[0]["device_id"]


def main():
    print(f"{os.uname().sysname} {os.uname().release}, {len(CORES)} cores, {time.strftime('%Y-%m-%d')}\n")
    print("| what | kmcp | C floor, same run | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        with Tenant(1000) as t:
            row("spawn to first tools/list", start_ms((KMCP,), folder, t.url),
                start_ms((FLOOR, "echo"), folder, t.url), "ms")
            k = Kmcp(t.url, folder)
            k.call("tools/list", {})
            idle = k.status_kb("VmRSS")
            f = Kmcp(t.url, folder, (FLOOR, "echo"))
            f.send("ping", {})
            f.p.stdout.readline()
            row("idle memory after tools/list", idle / 1024, f.status_kb("VmRSS") / 1024, "MB")
            f.end()
            dev = device_id(t.url)
            args = {"name": "get_device", "arguments": {"device_id": dev}}
            for _ in range(50):
                k.call("tools/call", args)
            before, n, sent = k.cpu_us(), 2000, t.requests()
            for _ in range(n):
                k.call("tools/call", args)
            each = (t.requests() - sent) / n  # get_device asks for the device and its details
            cpu = (k.cpu_us() - before) / n / each
            base = floor("get", f"{t.url}/api/v1/devices/{dev}", str(n))[0]
            row("CPU per upstream request of get_device", cpu, base, "us")
            row("memory after 2,000 reads", k.status_kb("VmRSS") / 1024, idle / 1024, "MB")
            before, start = k.cpu_us(), time.perf_counter()
            for _ in range(200):
                for _ in range(32):
                    k.send("tools/list", {})
                for _ in range(32):
                    k.p.stdout.readline()
            rate = 6400 / (time.perf_counter() - start)
            print(f"| pipelined tools/list, 32 in flight | {rate:.0f} /s | - | - |")
            k.end()
        with Tenant(1000, latency=50) as t:
            k = Kmcp(t.url, folder)
            dev = device_id(t.url)
            args = {"name": "get_device", "arguments": {"device_id": dev}}
            k.call("tools/call", args)
            times = []
            for _ in range(40):
                start = time.perf_counter()
                k.call("tools/call", args)
                times.append((time.perf_counter() - start) * 1000)
            wall = floor("get", f"{t.url}/api/v1/devices/{dev}", "40")[1] / 40
            print(f"| get_device added to its {each:.0f} x 50 ms upstream | {statistics.median(times) - each * wall:.2f} ms | 0 | - |")
            k.end()
        with Tenant(100000) as t:
            k = Kmcp(t.url, folder)
            start, before = time.perf_counter(), k.cpu_us()
            answer = k.call("tools/call", {"name": "list_devices", "arguments": {"limit": 1}})
            wall, cpu = (time.perf_counter() - start) * 1000, (k.cpu_us() - before) / 1000
            assert answer["result"].get("structuredContent", {}).get("total") == 100000, answer
            base_cpu, base_wall = floor("sweep", t.url + "/api/v1/devices", "100000")
            row("sweep of 100,000 devices, wall", wall, base_wall, "ms")
            row("sweep of 100,000 devices, CPU", cpu, base_cpu * 334 / 1000, "ms")
            print(f"| sweep of 100,000 devices, peak memory | {k.status_kb('VmHWM') / 1024:.1f} MB | - | - |")
            k.end()


main()
