"""The programs of a benchmark: started, pinned to a core, asked, measured, ended.  Linux only.  SPDX-License-Identifier: Apache-2.0"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import time
import urllib.request

TOKEN = "kmcp-demo-token"
CORES = sorted(os.sched_getaffinity(0))
PREFIX = "io.modelcontextprotocol/"
META = {PREFIX + "protocolVersion": "2026-07-28", PREFIX + "clientCapabilities": {}}
DRIVER, SERVER = 0, 1  # who asks, and the simulator, on the first core; who is measured on the second


def pin(core):
    return lambda: os.sched_setaffinity(0, {CORES[core % len(CORES)]})


def interleave(rounds, contenders):
    """Every one of CONTENDERS {name: function} once a round; {name: the median of what it returned, field by field}."""
    seen = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            seen[name].append(run())
    return {name: tuple(map(statistics.median, zip(*values))) for name, values in seen.items()}


class Process:
    """A child on a fixed core, and what it costs."""

    def __init__(self, argv, core=SERVER, env=None, stdin=subprocess.PIPE, stderr=None):
        self.started = time.perf_counter()
        self.p = subprocess.Popen(list(map(str, argv)), stdin=stdin, stdout=subprocess.PIPE, stderr=stderr,
                                  env=dict(os.environ, KANDJI_API_TOKEN=TOKEN, **(env or {})), preexec_fn=pin(core))

    def cpu_us(self):
        """Of all its threads, those that ended too: clock_getcpuclockid(3) of another process."""
        return time.clock_gettime_ns((~self.p.pid << 3) | 2) / 1000

    def status_mb(self, key):
        return int(re.search(key + r":\s+(\d+)", pathlib.Path(f"/proc/{self.p.pid}/status").read_text())[1]) / 1024

    def line(self):
        return self.p.stdout.readline()

    def rest(self):
        """What it still says, until it ends by itself."""
        data = self.p.stdout.read()
        self.p.wait()
        return data

    def end(self, seconds=3):
        """The end of input ends those that read it; the others are asked to."""
        if self.p.stdin and not self.p.stdin.closed:
            self.p.stdin.close()
        try:
            self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()

    def stop(self):
        self.p.terminate()
        self.p.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Tenant(Process):
    """The simulator, without limits of its own."""

    def __init__(self, program, devices, latency=0):
        super().__init__([program, "--port", 0, "--devices", devices, "--latency-ms", latency, "--rate-limit", 0, "--token", TOKEN],
                         core=DRIVER, stdin=subprocess.DEVNULL)
        self.url = self.line().decode().split()[-1]

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer " + TOKEN})
        return json.load(urllib.request.urlopen(request, timeout=60))

    def requests(self):
        return self.get("/__stats")["total"]


class Server(Process):
    """An MCP server on standard input and output. LEGACY: it wants to be initialized first."""

    def __init__(self, argv, legacy=False, caps=None):
        super().__init__(argv)
        self.legacy, self.id = legacy, 0
        self.meta = {} if legacy else {"_meta": {**META, PREFIX + "clientCapabilities": caps or {}}}
        if legacy:
            self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}})
            self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def write(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def template(self, method, params):
        """A request with %d where the id belongs."""
        text = json.dumps({**params, **self.meta}, separators=(",", ":")).replace("%", "%%")
        return (f'{{"jsonrpc":"2.0","id":%d,"method":"{method}","params":{text}}}\n').encode()

    def raw(self, method, params=None):
        self.id += 1
        self.write(self.template(method, params or {}) % self.id)
        return self.line()

    def ask(self, method, params=None):
        answer = json.loads(self.raw(method, params))
        assert "result" in answer and not answer["result"].get("isError"), answer
        return answer["result"]

    def call(self, tool, arguments, **more):
        return self.ask("tools/call", {"name": tool, "arguments": arguments, **more})

    def rate(self, method, params, flight, seconds):
        """(answers a second with FLIGHT requests under way, CPU of one in us)"""
        request, out, before, start = self.template(method, params), self.p.stdout.fileno(), self.cpu_us(), time.perf_counter()
        done, away, owed = 0, 0, flight
        while owed or away:
            if owed:
                self.write(b"".join(request % (self.id + i) for i in range(1, owed + 1)))
                self.id, away = self.id + owed, away + owed
            data = os.read(out, 1 << 18)
            assert data and b'"error"' not in data and b'"isError":true' not in data, data[:500]
            got = data.count(b"\n")
            done, away = done + got, away - got
            owed = got if time.perf_counter() - start < seconds else 0
        return done / (time.perf_counter() - start), (self.cpu_us() - before) / done


def site(folder, url, extra="", plugins=("devices",), read_only=True):
    """An INI file with the defaults, but for limits that only a benchmark meets."""
    folder = pathlib.Path(folder)
    ini, token = folder / f"bench-{len(list(folder.glob('bench-*.ini')))}.ini", folder / "token"
    token.write_text(TOKEN)
    ini.write_text(f"[tenant]\nbase_url = {url}\ntoken_file = {token}\n[state]\nfolder = {folder}\n[audit]\nfile = {folder}/audit.jsonl\n"
                   f"[policy]\nread_only = {'yes' if read_only else 'no'}\n[limits]\nrequests_per_hour = 1000000000\n"
                   f"requests_per_second = 1000000\n{extra}\n" + "".join(f"[plugin {p}]\n" for p in plugins))
    for f in (token, ini):
        f.chmod(0o600)
    return ini
