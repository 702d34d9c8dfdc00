"""What the end-to-end tests stand on: the tenant simulator, the real kmcp binary, MCP in both eras. python3 stdlib only.

Everything waits with a deadline; nothing sleeps and hopes.  SPDX-License-Identifier: Apache-2.0
"""
import http.client
import http.server
import json
import os
import pathlib
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

try:
    import jsonschema
except ImportError:
    jsonschema = None

BIN = pathlib.Path(os.environ.get("KMCP_BIN_DIR") or pathlib.Path(__file__).parents[2] / "build" / "bin").resolve()
KMCP, TENANT = str(BIN / "kmcp"), str(BIN / "kmcp-tenant")
TOKEN = "kmcp-demo-token"
DEADLINE = 30 * float(os.environ.get("KMCP_SLOW", "1"))
SOON = DEADLINE / 3  # what has nothing to wait for is done by then, however busy the machine is
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
MODERN = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
FIXTURES = BIN.parent / "tests" / "conformance" / "kmcp-conformance.so"
SCHEMAS = pathlib.Path(__file__).parent / "schemas"
TASKS = {"extensions": {PREFIX + "tasks": {}}}
EVERYTHING = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}


def pin_pattern(pin):
    """A PIN as a word of its own: six digits do come up within the digests of a long run."""
    return rf"(?<![0-9a-f.]){pin}(?![0-9a-f])"


def validator(rev, name="JSONRPCMessage"):
    """Checks against the published schema of REV; None without python3-jsonschema."""
    if not jsonschema:
        return None
    schema = json.loads((SCHEMAS / f"schema-{rev}.json").read_text())
    defs = "$defs" if "$defs" in schema else "definitions"
    return jsonschema.Draft202012Validator({"$ref": f"#/{defs}/{name}", defs: schema[defs]})


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
        request = urllib.request.Request(self.url + path, data=data, headers={"Content-Type": "application/json", "Authorization": "Bearer " + TOKEN})
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


class Proxy:
    """Stands between kmcp and the tenant at URL. BEFORE(method, path, body) answers in its place, AFTER(method, path, answer) in
    place of its answer: (status, bytes), or None to let it be."""

    def __init__(self, url):
        self.before = self.after = lambda *_: None
        self.log = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, timeout, disable_nagle_algorithm = "HTTP/1.1", DEADLINE, True

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:  # kmcp hung up
                    pass

            def date_time_string(self, timestamp=None):
                return self.date or super().date_time_string(timestamp)

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.log.append((self.command, self.path))
                self.date = None
                answer = proxy.before(self.command, self.path, body)
                if answer is None:
                    passed = {k: v for k, v in self.headers.items() if k.lower() in ("authorization", "content-type", "accept")}
                    request = urllib.request.Request(url + self.path, data=body or None, method=self.command, headers=passed)
                    try:
                        with urllib.request.urlopen(request, timeout=DEADLINE) as r:
                            answer, self.date = (r.status, r.read()), r.headers["Date"]
                    except urllib.error.HTTPError as e:
                        answer, self.date = (e.code, e.read()), e.headers["Date"]
                    except (OSError, http.client.HTTPException):  # the tenant broke it off: so do we
                        self.close_connection = True
                        return
                    answer = proxy.after(self.command, self.path, answer[1]) or answer
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            do_GET = do_POST = do_PATCH = do_DELETE = handle_one

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def sent(self, method="POST"):
        return [path for how, path in self.log if how == method]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Site:
    """A folder with an INI, a token and an audit file."""

    def __init__(self, url, read_only=False, plugins=("devices", "actions", "blueprints", "prism", "secrets"), extra="",
                 policy="", cache="", tenant="", limits="requests_per_hour = 1000000000\nrequests_per_second = 1000000"):
        if "structured_content" not in extra:  # the tests look at values
            head = "[server]\nstructured_content = yes\n"
            extra = extra.replace("[server]\n", head, 1) if "[server]\n" in extra else extra + "\n" + head
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kmcp-e2e-"))
        self.dir.chmod(0o700)
        self.token = self.dir / "token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)
        self.audit = self.dir / "audit.jsonl"
        self.ini = self.dir / "kmcp.ini"
        self.write(f"[tenant]\nbase_url = {url}\ntoken_file = {self.token}\n{tenant}\n"
                   f"[policy]\nread_only = {'yes' if read_only else 'no'}\n{policy}\n[audit]\nfile = {self.audit}\n"
                   f"[state]\nfolder = {self.dir}\n[cache]\n{cache}\n[limits]\n{limits}\n{extra}\n" + "".join(f"[plugin {p}]\n" for p in plugins))

    def write(self, text):
        self.ini.write_text(text)
        self.ini.chmod(0o600)

    def records(self):
        if not self.audit.exists():
            return []
        return [json.loads(line) for line in self.audit.read_text().splitlines()]

    def whole_records(self):
        """The records without a line that a crash cut short."""
        found = []
        for line in self.audit.read_text().splitlines() if self.audit.exists() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
        return found

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, *args, **kw):
        return subprocess.run([KMCP, *args, "--config", str(self.ini)], capture_output=True, text=True, timeout=DEADLINE, **kw)


class Kmcp:
    """A kmcp process under an MCP client of revision REV. ASK: what the person answers (None: the client cannot ask)."""

    def __init__(self, site, rev=MODERN, ask=None, start=True, env=None, cwd=None, argv=None, caps=None, replies=None):
        self.rev, self.ask, self.next_id, self.caps = rev, ask, 0, caps
        self.replies = replies or {}  # what the client answers: {method: function of params that gives the result}
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
        if self.caps is not None:
            return self.caps
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
        if "method" in m and "id" in m:
            self.asked.append(m["params"])
            reply = self.replies.get(m["method"])
            self.send({"jsonrpc": "2.0", "id": m["id"], "result": reply(m["params"]) if reply else self.answer()})
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
            responses = {}
            for key, question in m["result"]["inputRequests"].items():
                self.asked.append(question["params"])
                reply = self.replies.get(question["method"])
                assert reply or question["method"] == "elicitation/create"
                responses[key] = reply(question["params"]) if reply else self.answer()
            m = self.call_once(tool, arguments, requestState=m["result"]["requestState"], inputResponses=responses)
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


class Answer:
    """An HTTP response, whole."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]

    def messages(self):
        """What it carries, as JSON or as events."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            return [json.loads(e["data"]) for e in events(self.body) if e.get("data")]
        return [self.json] if self.body else []


def events(text):
    """Server-sent events as dicts of their fields."""
    out = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in block.split("\n")
                      if line and not line.startswith(":"))
        if fields:
            out.append(fields)
    return out


class Stream:
    """A response that goes on: its events as they come."""

    def __init__(self, port, method, path, headers, body=b"", rcvbuf=None):
        self.s = socket.socket()
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(DEADLINE)
        self.s.connect(("127.0.0.1", port))
        lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        self.s.sendall(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.f = self.s.makefile("rb")
        self.status = int(self.f.readline().split()[1])
        self.headers = {}
        while (line := self.f.readline().strip()):
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.text, self.ended = "", False

    def chunk(self):
        """Reads one chunk; False at the end."""
        size = self.f.readline().strip()
        if not size or not (n := int(size, 16)):
            self.ended = True
            return False
        self.text += self.f.read(n).decode()
        self.f.read(2)
        return True

    def event(self):
        """The next event with data, as a message; None at the end."""
        while True:
            while "\n\n" not in self.text:
                if not self.chunk():
                    return None
            block, self.text = self.text.split("\n\n", 1)
            for e in events(block):
                self.last = e
                if e.get("id"):
                    self.last_id = e["id"]
                if e.get("data"):
                    return json.loads(e["data"])

    def until(self, method):
        while (m := self.event()) is not None:
            if m.get("method") == method:
                return m
        raise AssertionError("the stream ended before " + method)

    def close(self):
        try:
            self.f.close()
        finally:
            self.s.close()


class Http:
    """kmcp over HTTP."""

    def __init__(self, site, *args, listen="127.0.0.1:0"):
        self.p = subprocess.Popen([KMCP, "http", listen, "--config", str(site.ini), *args], stderr=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.err, self.url = [], queue.Queue()
        self.thread = threading.Thread(target=self._errors, daemon=True)
        self.thread.start()
        self.url = self.url.get(timeout=DEADLINE)
        assert self.url, "kmcp did not listen: " + self.stderr
        self.port = int(self.url.split(":")[2].split("/")[0])
        self.path = "/" + self.url.split("/", 3)[3]
        self.next_id = 0

    @property
    def stderr(self):
        return "".join(self.err)

    def _errors(self):
        for line in self.p.stderr:
            self.err.append(line.decode("utf-8", "replace"))
            if "listening on" in self.err[-1]:
                self.url.put(self.err[-1].split()[-1])
        if isinstance(self.url, queue.Queue):
            self.url.put(None)

    def close(self):
        if self.p.poll() is None:
            self.p.terminate()
        try:
            self.p.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            raise
        self.thread.join(DEADLINE)
        self.p.stderr.close()
        self.p.stdout.close()
        return self.p.returncode

    def raw(self, data, half_close=False):
        """Bytes in, bytes out until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as s:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            out = b""
            try:
                while (part := s.recv(65536)):
                    out += part
            except ConnectionResetError:
                pass
            return out

    def ask(self, method, path=None, headers=None, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            c.request(method, path or self.path, body=body, headers=headers or {})
            r = c.getresponse()
            return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read().decode())
        finally:
            c.close()

    def post(self, message, headers=None):
        return self.ask("POST", headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                                         **(headers or {})},
                        body=message if isinstance(message, (bytes, str)) else json.dumps(message))

    def modern(self, method, params=None, caps=None, meta=None, rid=None, name=None):
        """A 2026-07-28 request and its headers."""
        self.next_id += 1
        params = {**(params or {}), "_meta": {PREFIX + "protocolVersion": MODERN, PREFIX + "clientCapabilities": caps or {}, **(meta or {})}}
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        name = name or params.get("name") or params.get("uri") or params.get("taskId")
        if name:
            headers["Mcp-Name"] = name
        return {"jsonrpc": "2.0", "id": self.next_id if rid is None else rid, "method": method, "params": params}, headers

    def request(self, method, params=None, headers=None, **kw):
        message, own = self.modern(method, params, **kw)
        return self.post(message, {**own, **(headers or {})})

    def result(self, method, params=None, **kw):
        m = self.request(method, params, **kw).messages()[-1]
        assert "result" in m, m
        return m["result"]

    def stream(self, method, params=None, caps=None, headers=None, rcvbuf=None, **kw):
        message, own = self.modern(method, params, caps, **kw)
        return Stream(self.port, "POST", self.path, {"Content-Type": "application/json", "Accept": "text/event-stream", **own, **(headers or {})},
                      json.dumps(message).encode(), rcvbuf)


class HttpSession:
    """A client of an older revision over HTTP."""

    def __init__(self, http_server, rev="2025-11-25", caps=None, headers=None):
        self.http, self.rev, self.extra, self.next_id = http_server, rev, headers or {}, 1
        r = http_server.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": rev, "capabilities": caps or {}, "clientInfo": {"name": "e2e", "version": "1"}}}, self.extra)
        assert r.status == 200, (r.status, r.body)
        self.id = r.headers["mcp-session-id"]
        assert self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).status == 202

    @property
    def headers(self):
        h = {"Mcp-Session-Id": self.id, **self.extra}
        if self.rev >= "2025-06-18":
            h["MCP-Protocol-Version"] = self.rev
        return h

    def post(self, message, headers=None):
        return self.http.post(message, {**self.headers, **(headers or {})})

    def message(self, method, params=None, rid=None):
        self.next_id += 1
        return {"jsonrpc": "2.0", "id": self.next_id if rid is None else rid, "method": method, **({"params": params} if params is not None else {})}

    def request(self, method, params=None, **kw):
        return self.post(self.message(method, params, **kw))

    def result(self, method, params=None):
        m = self.request(method, params).messages()[-1]
        assert "result" in m, m
        return m["result"]

    def stream(self, method, params=None, rid=None):
        return Stream(self.http.port, "POST", self.http.path, {"Content-Type": "application/json", "Accept": "text/event-stream, application/json",
                                                               **self.headers}, json.dumps(self.message(method, params, rid)).encode())

    def listen(self, last=None):
        return Stream(self.http.port, "GET", self.http.path, {"Accept": "text/event-stream", **self.headers, **({"Last-Event-ID": last} if last else {})})

    def end(self):
        return self.http.ask("DELETE", headers=self.headers)


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

    def proxy(self):
        p = Proxy(self.tenant.url)
        self.addCleanup(p.close)
        return p

    def kmcp(self, site=None, **kw):
        k = Kmcp(site or self.site(), **kw)
        self.addCleanup(k.close)
        return k

    def http(self, site=None, *args, **kw):
        h = Http(site or self.site(), *args, **kw)
        self.addCleanup(h.close)
        return h

    def fixtures(self, extra="", **kw):
        """A site with the fixtures of the conformance suite alone."""
        return self.site(plugins=(), extra=f"{extra}\n[plugin conformance]\npath = {FIXTURES}\n", **kw)

    def until(self, condition, what):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.01)
        self.fail("not in time: " + what)
