#!/usr/bin/env python3
"""Measures kmcp over HTTP beside stdio, and beside libevent's own server answering the same bytes; then 1,000 streams and 64
busy connections together.

Usage: bench_http.py [BUILD_DIR]     (Linux; needs bin/kmcp, bin/kmcp-http-load and the fixtures in tests/conformance/)
Prints two tables. Nothing here passes or fails; docs/performance.md quotes it with machine and date.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import re
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
KMCP, LOAD = str(BUILD / "bin" / "kmcp"), str(BUILD / "bin" / "kmcp-http-load")
FIXTURES = BUILD / "tests" / "conformance" / "kmcp-conformance.so"
CORES = sorted(os.sched_getaffinity(0))
PREFIX = "io.modelcontextprotocol/"
META = {PREFIX + "protocolVersion": "2026-07-28", PREFIX + "clientCapabilities": {}}
SECONDS = 3


def pin(core):
    return lambda: os.sched_setaffinity(0, {CORES[core % len(CORES)]})


def cpu_us(pid):
    return sum(int((t / "schedstat").read_text().split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1000


def rss_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def request(method, params, port, rid=1):
    body = json.dumps({"jsonrpc": "2.0", "id": rid, "method": method, "params": {**params, "_meta": META}}).encode()
    name = f"Mcp-Name: {params['name']}\r\n" if "name" in params else ""
    return (f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{name}Content-Length: {len(body)}\r\n\r\n").encode() + body


def serve(ini):
    p = subprocess.Popen([KMCP, "http", "127.0.0.1:0", "--config", str(ini)], stderr=subprocess.PIPE, text=True, preexec_fn=pin(1))
    return p, int(re.search(r":(\d+)/", p.stderr.readline())[1])


def ask(port, connections, data, pid):
    before = cpu_us(pid)
    out = subprocess.run([LOAD, "ask", str(port), str(connections), str(SECONDS)], input=data, stdout=subprocess.PIPE, check=True,
                         preexec_fn=pin(0)).stdout.split()
    rate, bad = int(out[0]), int(out[1])
    assert not bad, "answers that were not 200"
    return rate, (cpu_us(pid) - before) / max(1, rate * SECONDS)


def one(port, data):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(data)
        text = b""
        while b"\r\n\r\n" not in text:
            text += s.recv(65536)
        head, body = text.split(b"\r\n\r\n", 1)
        n = int(re.search(rb"Content-Length: (\d+)", head)[1])
        while len(body) < n:
            body += s.recv(65536)
        return body


def stdio(ini, flight):
    p = subprocess.Popen([KMCP, "--config", str(ini)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(1))
    n, sent, before = 0, 0, None
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        for _ in range(flight):
            sent += 1
            p.stdin.write(json.dumps({"jsonrpc": "2.0", "id": sent, "method": "tools/call", "params": {"name": "test_simple_text", "_meta": META}}).encode() + b"\n")
        p.stdin.flush()
        for _ in range(flight):
            p.stdout.readline()
        before = before if before is not None else cpu_us(p.pid)
        n += flight
    cpu = (cpu_us(p.pid) - before) / max(1, n - flight)
    p.stdin.close()
    p.wait()
    return n / SECONDS, cpu


def throughput(ini):
    p, port = serve(ini)
    print("| one tool call, HTTP | calls a second | CPU a call | evhttp, same bytes: a second | CPU | ratio of CPU |\n|---|---|---|---|---|---|")
    for what, data in (("`tools/call`, on a worker", request("tools/call", {"name": "test_simple_text"}, port)), ("`tools/list`, on the loop", request("tools/list", {}, port))):
        floor = subprocess.Popen([LOAD, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(1))
        floor.stdin.write(one(port, data))
        floor.stdin.close()
        floor_port = int(floor.stdout.readline())
        for connections in (1, 16, 64):
            base_rate, base_cpu = ask(floor_port, connections, data, floor.pid)
            rate, cpu = ask(port, connections, data, p.pid)
            print(f"| {what}, {connections} connections | {rate} | {cpu:.1f} us | {base_rate} | {base_cpu:.1f} us | {cpu / base_cpu:.2f} |")
        floor.terminate()
        floor.wait()
    p.terminate()
    p.wait()
    for flight in (1, 16, 64):
        rate, cpu = stdio(ini, flight)
        print(f"| `tools/call`, stdio, {flight} in flight | {rate:.0f} | {cpu:.1f} us | | | |")


def streams(ini, count=1000, busy=64, seconds=10):
    p, port = serve(ini)
    empty = rss_mb(p.pid)
    listen = request("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["test://watched-resource"]}}, port)
    socks = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(listen)
        socks.append(s)
    text = {s: b"" for s in socks}

    def wait(what, limit):
        """Until every stream has said WHAT; the seconds it took."""
        start, missing = time.perf_counter(), {s for s in socks if what not in text[s]}
        while missing and time.perf_counter() - start < limit:
            for s in poll(list(missing)):
                text[s] += s.recv(65536)
                if what in text[s]:
                    missing.discard(s)
        assert not missing, f"{len(missing)} streams heard nothing of {what}"
        return time.perf_counter() - start
    wait(b"acknowledged", 30)
    full = rss_mb(p.pid)
    load = subprocess.Popen([LOAD, "ask", str(port), str(busy), str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(0))
    load.stdin.write(request("tools/call", {"name": "test_simple_text"}, port))
    load.stdin.close()
    time.sleep(seconds / 2)
    one(port, request("tools/call", {"name": "test_touch_watched"}, port))
    heard = wait(b"resources/updated", 30)
    out = load.stdout.read().split()
    load.wait()
    peak = rss_mb(p.pid)
    fds = pathlib.Path(f"/proc/{p.pid}/fd")
    before = len(list(fds.iterdir()))
    start = time.perf_counter()
    for s in socks:
        s.close()
    while len(list(fds.iterdir())) > before - count and time.perf_counter() - start < 30:
        time.sleep(0.005)
    gone = time.perf_counter() - start
    print(f"\n| {count} open streams and {busy} busy connections, {seconds} s | |\n|---|---|")
    print(f"| calls a second beside the streams | {int(out[0])}, {int(out[1])} lost |")
    print(f"| an update to all {count} streams, while busy | {heard * 1000:.0f} ms until the last had it |")
    print(f"| memory: started, with the streams, after the load | {empty:.1f}, {full:.1f}, {peak:.1f} MB |")
    print(f"| memory of one stream | {(full - empty) * 1024 / count:.1f} KB |")
    print(f"| all {count} hang up: noticed after | {gone * 1000:.0f} ms |")
    p.terminate()
    p.wait()


def poll(socks):
    e = select.epoll()
    by = {s.fileno(): s for s in socks}
    for s in socks:
        e.register(s, select.EPOLLIN)
    ready = [by[fd] for fd, _ in e.poll(1)]
    e.close()
    return ready


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    print(f"{os.uname().sysname} {os.uname().release}, {len(CORES)} cores, {time.strftime('%Y-%m-%d')}\n")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        ini = pathlib.Path(folder) / "bench.ini"
        ini.write_text(f"[tenant]\nbase_url = http://127.0.0.1:1\n[state]\nfolder = {ini.parent}\n[log]\nlevel = error\n[plugin conformance]\npath = {FIXTURES}\n")
        ini.chmod(0o600)
        throughput(ini)
        streams(ini)


main()
