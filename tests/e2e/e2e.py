"""What the end-to-end tests stand on: the tenant simulator, the real kmcp binary, MCP in both eras. python3 stdlib only.

Everything waits with a deadline; nothing sleeps and hopes.  SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import queue
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

BIN = pathlib.Path(os.environ.get("KMCP_BIN_DIR") or pathlib.Path(__file__).parents[2] / "build" / "bin").resolve()
KMCP, TENANT = str(BIN / "kmcp"), str(BIN / "kmcp-tenant")
TOKEN = "kmcp-demo-token"
DEADLINE = 30 * float(os.environ.get("KMCP_SLOW", "1"))
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
MODERN = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"


class Tenant:
    """A running kmcp-tenant."""

    def __init__(self, *args):
        self.p = subprocess.Popen([TENANT, "--port", "0", "--token", TOKEN, "--rate-limit", "0", *map(str, args)], stdout=subprocess.PIPE,
                                  text=True)
        line = self.p.stdout.readline()
        assert "listening on" in line, line
        self.url = line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait(DEADLINE)
        self.p.stdout.close()

    def get(self, path, auth=True):
        headers = {"Authorization": "Bearer " + TOKEN} if auth else {}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=DEADLINE) as r:
            return json.load(r)

    def post(self, path, body=None):
        data = json.dumps(body if body is not None else {}).encode()
        request = urllib.request.Request(self.url + path, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=DEADLINE) as r:
            text = r.read()
            return json.loads(text) if text else None

    def truth(self, query=""):
        return self.get("/__truth" + query, auth=False)

    def find(self, what):
        return self.truth("?find=" + what)

    def stats(self):
        return self.get("/__stats", auth=False)

    def reset(self):
        self.post("/__stats")

    def set(self, **knobs):
        self.post("/__set", knobs)

    def acts(self):
        """Requests other than GET that came in since the last reset."""
        return self.stats()["non_get"]

    def requests(self):
        return self.stats()["total"]


class Site:
    """A folder with an INI, a token and an audit file."""

    def __init__(self, url, read_only=False, plugins=("devices", "actions", "blueprints", "prism", "secrets"), extra="",
                 policy="", cache="", tenant="", limits="requests_per_hour = 1000000000\nrequests_per_second = 1000000"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kmcp-e2e-"))
        self.dir.chmod(0o700)
        self.token = self.dir / "token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)
        self.audit = self.dir / "audit.jsonl"
        self.ini = self.dir / "kmcp.ini"
        self.write(f"[tenant]\nbase_url = {url}\ntoken_file = {self.token}\n{tenant}\n"
                   f"[policy]\nread_only = {'yes' if read_only else 'no'}\n{policy}\n[audit]\nfile = {self.audit}\n"
                   f"[cache]\n{cache}\n[limits]\n{limits}\n{extra}\n" + "".join(f"[plugin {p}]\n" for p in plugins))

    def write(self, text):
        self.ini.write_text(text)
        self.ini.chmod(0o600)

    def records(self):
        if not self.audit.exists():
            return []
        return [json.loads(line) for line in self.audit.read_text().splitlines()]

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, *args, **kw):
        return subprocess.run([KMCP, *args, "--config", str(self.ini)], capture_output=True, text=True, timeout=DEADLINE, **kw)


class Kmcp:
    """A kmcp process under an MCP client of revision REV. ASK: what the person answers (None: the client cannot ask)."""

    def __init__(self, site, rev=MODERN, ask=None, start=True, env=None, cwd=None, argv=None):
        self.rev, self.ask, self.next_id = rev, ask, 0
        self.asked, self.notes, self.waiting, self.raw = [], [], {}, []
        self.lock = threading.Lock()
        self.p = subprocess.Popen(argv or [KMCP, "--config", str(site.ini)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=env, cwd=cwd)
        self.err = []
        self.lines = queue.Queue()
        self.threads = [threading.Thread(target=self._read, daemon=True), threading.Thread(target=self._errors, daemon=True)]
        for t in self.threads:
            t.start()
        if start and rev != MODERN:
            self.result("initialize", {"protocolVersion": rev, "capabilities": self.capabilities(),
                                       "clientInfo": {"name": "e2e", "version": "1"}})
            self.notify("notifications/initialized")

    def capabilities(self):
        return {"elicitation": {}} if self.ask is not None else {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.p.poll() is None:
            try:
                self.p.stdin.close()
            except OSError:
                pass
            try:
                self.p.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.p.kill()
                raise
        for t in self.threads:
            t.join(DEADLINE)
        for f in (self.p.stdin, self.p.stdout, self.p.stderr):
            try:
                f.close()
            except OSError:
                pass
        return self.p.returncode

    @property
    def stderr(self):
        return "".join(self.err)

    def _errors(self):
        for line in self.p.stderr:
            self.err.append(line.decode("utf-8", "replace"))

    def _read(self):
        for line in self.p.stdout:
            self.raw.append(line)
            self.lines.put(line)
            try:
                message = json.loads(line)
            except ValueError:
                continue
            for m in message if isinstance(message, list) else [message]:
                self._take(m)
        with self.lock:
            for q in self.waiting.values():
                q.put(None)

    def _take(self, m):
        if m.get("method") == "elicitation/create":
            self.asked.append(m["params"])
            self.send({"jsonrpc": "2.0", "id": m["id"], "result": self.answer()})
        elif "method" in m:
            self.notes.append(m)
        else:
            with self.lock:
                q = self.waiting.get(json.dumps(m.get("id")))
            if q:
                q.put(m)

    def answer(self):
        action = self.ask(self) if callable(self.ask) else self.ask
        return {"action": "accept", "content": {"approve": True}} if action == "accept" else {"action": action}

    def write(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def send(self, message):
        with self.lock:
            self.write((json.dumps(message) + "\n").encode())

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method, **({"params": params} if params is not None else {})})

    def meta(self, **more):
        if self.rev != MODERN:
            return more
        return {PREFIX + "protocolVersion": MODERN, PREFIX + "clientCapabilities": self.capabilities(),
                PREFIX + "clientInfo": {"name": "e2e", "version": "1"}, **more}

    def start(self, method, params=None, request_id=None, meta=None):
        """Sends a request; returns what finish() takes."""
        self.next_id += 1
        rid = request_id if request_id is not None else self.next_id
        q = queue.Queue()
        with self.lock:
            self.waiting[json.dumps(rid)] = q
        params = dict(params or {})
        m = self.meta(**(meta or {}))
        if m:
            params["_meta"] = m
        self.send({"jsonrpc": "2.0", "id": rid, "method": method, "params": params})
        return q

    def finish(self, q):
        try:
            m = q.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError("no answer in time; stderr: " + self.stderr) from None
        assert m is not None, "kmcp ended; stderr: " + self.stderr
        return m

    def request(self, method, params=None, **kw):
        return self.finish(self.start(method, params, **kw))

    def result(self, method, params=None, **kw):
        m = self.request(method, params, **kw)
        assert "result" in m, m
        return m["result"]

    def call_once(self, tool, arguments=None, **more):
        return self.request("tools/call", {"name": tool, "arguments": arguments or {}, **more})

    def call(self, tool, arguments=None, **more):
        """tools/call through to its end: answers input_required as the person would. The result, or the error message."""
        m = self.call_once(tool, arguments, **more)
        rounds = 0
        while "result" in m and m["result"].get("resultType") == "input_required":
            rounds += 1
            assert rounds < 10
            question = m["result"]["inputRequests"]["approve"]
            assert question["method"] == "elicitation/create"
            self.asked.append(question["params"])
            m = self.call_once(tool, arguments, requestState=m["result"]["requestState"],
                               inputResponses={"approve": self.answer()})
        return m.get("result", m)

    def good(self, tool, arguments=None):
        r = self.call(tool, arguments)
        assert "content" in r and not r.get("isError"), r
        return r

    def bad(self, tool, arguments=None):
        r = self.call(tool, arguments)
        assert r.get("isError"), r
        return r["content"][0]["text"]

    def structured(self, tool, arguments=None):
        return self.good(tool, arguments)["structuredContent"]

    def text(self, tool, arguments=None):
        return self.good(tool, arguments)["content"][0]["text"]


class Case(unittest.TestCase):
    """A test case with one tenant for the class (TENANT_ARGS) and sites that are cleaned up."""
    TENANT_ARGS = ("--devices", 700)

    @classmethod
    def setUpClass(cls):
        cls.tenant = Tenant(*cls.TENANT_ARGS)

    @classmethod
    def tearDownClass(cls):
        cls.tenant.__exit__()

    def setUp(self):
        self.tenant.set(faults=[], deny=[], latency_ms=0)
        self.tenant.reset()

    def device(self, what="platform:Mac,online:yes"):
        """A device that no other test of this class was given, and that carries its next command out."""
        used = self.__class__.__dict__.get("_used")
        if used is None:
            used = self.__class__._used = set()
        for n in range(500):
            d = self.tenant.find(f"{what},nth:{n}")
            if d["device_id"] not in used and not d["locked"] and d["next_command"] == "complete" and (
                    "filevault:on" not in what or d["filevault_key"]):
                used.add(d["device_id"])
                return d
        raise AssertionError("the fleet has no device left like " + what)

    def site(self, **kw):
        s = Site(kw.pop("url", self.tenant.url), **kw)
        self.addCleanup(s.close)
        return s

    def kmcp(self, site=None, **kw):
        k = Kmcp(site or self.site(), **kw)
        self.addCleanup(k.close)
        return k

    def until(self, condition, what):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.01)
        self.fail("not in time: " + what)
