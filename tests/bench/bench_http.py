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

import programs

SECONDS = 3
LEGACY = "2025-11-25"


def program(build, name):
    return build / "bin" / name


class Listener(programs.Process):
    """An HTTP server that says its port in its first line, the last number there."""

    def __init__(self, argv, body=None, says="stdout"):
        super().__init__(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE if says == "stderr" else None)
        if body is not None:
            self.p.stdin.write(body)
        self.p.stdin.close()
        self.port = int(re.findall(rb"(\d+)\D*$", getattr(self.p, says).readline())[-1])


def kmcp(build, ini):
    return Listener([program(build, "kmcp"), "http", "127.0.0.1:0", "--config", ini], says="stderr")


def evhttp(build, body):
    return Listener([program(build, "kmcp-http-load"), "serve"], body)


def request(method, params, port, rid=1, modern=True):
    if modern:
        params = {**params, "_meta": programs.META}
    body = json.dumps({"jsonrpc": "2.0", "id": rid, "method": method, "params": params}).encode()
    name = f"Mcp-Name: {params['name']}\r\n" if "name" in params else ""
    version = programs.META[programs.PREFIX + "protocolVersion"] if modern else LEGACY
    return (f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: {version}\r\nMcp-Method: {method}\r\n{name}Content-Length: {len(body)}\r\n\r\n").encode() + body


def load(build, port, connections, data, seconds):
    """The load program, running."""
    p = programs.Process([program(build, "kmcp-http-load"), "ask", port, connections, seconds], core=programs.DRIVER)
    p.p.stdin.write(data)
    p.p.stdin.close()
    return p


def ask(build, server, connections, data, seconds=SECONDS):
    """(answers a second, CPU of one)"""
    before = server.cpu_us()
    rate, bad = map(int, load(build, server.port, connections, data, seconds).rest().split())
    assert not bad, "answers that were not 200"
    return rate, (server.cpu_us() - before) / max(1, rate * seconds)


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


def throughput(build, ini):
    print("| one tool call, HTTP | calls a second | CPU a call | evhttp, same bytes: a second | CPU | ratio of CPU |\n|---|---|---|---|---|---|")
    with kmcp(build, ini) as k:
        for what, method, params in (("`tools/call`, on a worker", "tools/call", {"name": "test_simple_text"}),
                                     ("`tools/list`, on the loop", "tools/list", {})):
            data = request(method, params, k.port)
            with evhttp(build, one(k.port, data)) as floor:
                for connections in (1, 16, 64):
                    base_rate, base_cpu = ask(build, floor, connections, data)
                    rate, cpu = ask(build, k, connections, data)
                    print(f"| {what}, {connections} connections | {rate} | {cpu:.1f} µs | {base_rate} | {base_cpu:.1f} µs | {cpu / base_cpu:.2f} |")
    for flight in (1, 16, 64):
        with programs.Server([program(build, "kmcp"), "--config", ini]) as k:
            k.call("test_simple_text", {})
            rate, cpu = k.rate("tools/call", {"name": "test_simple_text"}, flight, SECONDS)
            print(f"| `tools/call`, stdio, {flight} in flight | {rate:.0f} | {cpu:.1f} µs | | | |")


def streams(build, ini, count=1000, busy=64, seconds=10):
    k = kmcp(build, ini)
    empty = k.status_mb("VmRSS")
    listen = request("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["test://watched-resource"]}}, k.port)
    socks = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", k.port))
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
    full = k.status_mb("VmRSS")
    beside = load(build, k.port, busy, request("tools/call", {"name": "test_simple_text"}, k.port), seconds)
    time.sleep(seconds / 2)
    one(k.port, request("tools/call", {"name": "test_touch_watched"}, k.port))
    heard = wait(b"resources/updated", 30)
    out = beside.rest().split()
    peak = k.status_mb("VmRSS")
    fds = pathlib.Path(f"/proc/{k.p.pid}/fd")
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
    k.stop()


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
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
    print(f"{os.uname().sysname} {os.uname().release}, {len(programs.CORES)} cores, {time.strftime('%Y-%m-%d')}\n")
    with tempfile.TemporaryDirectory(prefix="kmcp-bench-") as folder:
        fixtures = f"[log]\nlevel = error\n[plugin conformance]\npath = {build}/tests/conformance/kmcp-conformance.so\n"
        ini = programs.site(folder, "http://127.0.0.1:1", fixtures, ())
        throughput(build, ini)
        streams(build, ini)


if __name__ == "__main__":
    main()
