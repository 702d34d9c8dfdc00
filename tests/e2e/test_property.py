"""One property: what is marked in the tenant, every person and every secret, comes out nowhere: no answer, error, notification,
log line, record, state or exported file, through any tool, by any way in; nor does it stay in the memory of a server once its calls
are over.  SPDX-License-Identifier: Apache-2.0"""
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import time
import unittest

from e2e import DEADLINE, MODERN, PREFIX, SOON, Answer, Case, pin_pattern
from test_policy import YES, on_terminal

PERSON, SECRET, PIN = "ZQXKW9", "SKX7QVJ2", "735192"
SECTIONS = ("general", "network", "users", "volumes", "installed_profiles", "filevault",
            "recovery_information", "activation_lock")
CATEGORIES = ("device_information", "activation_lock", "application_firewall", "apps", "cellular", "certificates", "desktop_and_screensaver",
              "filevault", "gatekeeper_and_xprotect", "installed_profiles", "kernel_extensions", "launch_agents_and_daemons", "local_users",
              "startup_settings", "system_extensions", "transparency_database")
FORMATS = ({}, {"format": "csv"}, {"format": "jsonl"})
# Every tool of every module: the arguments of good calls to it on device D of blueprint B. A tool that is not here fails the test.
ARGS = {
    "list_devices": lambda d, b: [{"limit": 60, "fields": "all", **f} for f in FORMATS] + [
        {"name": d["device_name"]}, {"user": d["user_email"]}, {"serial_number": d["serial_number"]}, {"group_by": "user_email", "min": "name"},
        {"where": [f"user_email = {d['user_email']}"], "sort": "name"}, {"sort": "-user_name", "limit": 300}],
    "summarize_fleet": lambda d, b: [{}, {"platform": "Mac"}],
    "get_compliance_summary": lambda d, b: [{"blueprint_id": b}],
    "get_device": lambda d, b: [{"device_id": d["device_id"]}, {"device_id": d["serial_number"]}],
    "get_device_details": lambda d, b: [{"device_id": d["device_id"]}] + [{"device_id": d["device_id"], "section": s} for s in SECTIONS],
    "get_device_status": lambda d, b: [{"device_id": d["device_id"]}],
    "get_device_apps": lambda d, b: [{"device_id": d["device_id"], "fields": "all"}],
    "get_device_activity": lambda d, b: [{"device_id": d["device_id"]}],
    "get_device_commands": lambda d, b: [{"device_id": d["device_id"]}],
    "list_blueprints": lambda d, b: [{}],
    "get_blueprint": lambda d, b: [{"blueprint_id": b}],
    "query_prism": lambda d, b: [{"category": c, "limit": 40, "fields": "all"} for c in CATEGORIES] + [
        {"category": "device_information", "group_by": "user_email", "max": "device_name"},
        {"category": "device_information", "sort": "-device_user", "user_email": d["user_email"]},
        {"category": "installed_profiles", "format": "csv", "fields": "all"}, {"category": "local_users", "format": "jsonl"}],
    "lock_device": lambda d, b: [{"device_id": d["device_id"], "confirm": True, "message": "call us"}],
    "restart_device": lambda d, b: [{"device_id": d["device_id"], "confirm": True}],
    "shutdown_device": lambda d, b: [{"device_id": d["device_id"], "confirm": True}],
    "get_filevault_key": lambda d, b: [{"device_id": d["device_id"], "confirm": True, "reason": "locked out"}],
    "get_device_secret": lambda d, b: [{"device_id": d["device_id"], "secret": s, "confirm": True, "reason": "locked out"}
                                       for s in ("unlock_pin", "recovery_password", "bypass_code")],
    "erase_device": lambda d, b: [{"device_id": d["device_id"], "serial_number": d["serial_number"], "pin": PIN, "confirm": True}],
    "delete_device": lambda d, b: [{"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True}],
    "get_job": lambda d, b: [{"job_id": "job-1"}],
}
ACTS = {"lock_device", "restart_device", "shutdown_device", "erase_device", "delete_device", "get_filevault_key", "get_device_secret"}
PERSONS = f"Device of {PERSON} is locked"
# What the API may say when it refuses, in its eight shapes; each tells of a person, and the members of a route with secrets of one.
SHAPES = {
    "string": lambda words, hidden: json.dumps(words),
    "list": lambda words, hidden: json.dumps([words]),
    "detail": lambda words, hidden: json.dumps({"detail": words, **hidden}),
    "fieldmap": lambda words, hidden: json.dumps({"device_name": [words], **{k: [v] for k, v in hidden.items()}}),
    "error": lambda words, hidden: json.dumps({"error": words, **hidden}),
    "message": lambda words, hidden: json.dumps({"message": words, **hidden}),
    "fastapi": lambda words, hidden: json.dumps({"detail": [{"loc": ["query"], "msg": words, "type": "value_error"}], **hidden}),
    "html": lambda words, hidden: f"<html><title>{words}</title></html>",
}
HIDDEN = (("/secrets/filevaultkey", "key"), ("/secrets/unlockpin", "pin"), ("/secrets/recoverypassword", "recovery_password"),
          ("/secrets/bypasscode", "user_based_albc"), ("/blueprints", "enrollment_code"), ("/action/lock", "PIN"), ("/action/erase", "PIN"))


CLOSED = ("the sanitizers keep what was freed" if os.environ.get("KMCP_NO_STRACE") else
          "there is no /proc" if not os.path.exists("/proc/self/mem") else
          "only root may look into kmcp's memory" if os.geteuid() else "")
LISTS = (("tools/list", {}), ("prompts/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
         ("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}}))



def refusal(shape, path, body):
    hidden = {member: SECRET + "-echo" for part, member in HIDDEN if part in path}
    return SHAPES[shape](PERSONS + (" " + PIN if PIN.encode() in body else ""), hidden).encode()


def said(lines):
    """What the model and the logs get: all that was sent but the questions that the client shows to a person."""
    out = []
    for line in lines:
        m = json.loads(line)
        for one in m if isinstance(m, list) else [m]:
            if one.get("method") == "elicitation/create":
                one["params"] = {}
            if isinstance(one.get("result"), dict):
                one["result"].pop("inputRequests", None)
            out.append(json.dumps(one, ensure_ascii=False))
    return "\n".join(out)


def memory_of(pid):
    """Every writable page of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            where, how, *rest = line.split(maxsplit=5)
            start, end = (int(x, 16) for x in where.split("-"))
            if "w" not in how or rest[-1].startswith("[v"):
                continue
            try:
                memory.seek(start)
                yield line.strip(), memory.read(end - start)
            except OSError:  # a guard page
                continue


class Property(Case):
    TENANT_ARGS = ("--devices", 1500, "--mark", PERSON, "--mark-secrets", SECRET)
    taken = 0

    def setUp(self):
        super().setUp()
        self.outcomes = {}
        by = self.tenant.truth()["by_blueprint"]
        self.blueprint = min((one["count"], i) for i, one in by.items() if one["count"])[1]

    # ---- where nothing may be ----

    def forbidden(self, mode):
        return f"{SECRET}|{pin_pattern(PIN)}" + (f"|{PERSON}" if mode != "no" else "")

    def nothing_in(self, mode, what, text):
        found = re.search(self.forbidden(mode), text)
        self.assertIsNone(found, found and f"{what}: ...{text[max(0, found.start() - 300):found.end() + 100]}...")

    def nothing_in_memory(self, mode, pid):
        """Once the server has put away its last call, which it does after it has answered."""
        pattern, end, found = re.compile(self.forbidden(mode).encode()), time.monotonic() + SOON, [] if CLOSED else [""]
        while found and time.monotonic() < end:
            found = [f"{where} +{m.start():#x}: {data[max(0, m.start() - 120):m.end() + 60]!r}"
                     for where, data in memory_of(pid) for m in pattern.finditer(data)]
        self.assertEqual(len(found), 0, "\n".join(found[:12]))

    def nothing_on_disk(self, mode, site):
        for file in site.dir.rglob("*"):
            if file.is_file():
                self.nothing_in(mode, file.name, file.read_bytes().decode("utf-8", "replace"))

    # ---- what is called ----

    def site_for(self, mode, url, seconds):
        """A site that keeps nothing in its cache, for what is fresh stays there, and that writes down all it can."""
        site = self.site(url=url, policy=f"redact_pii = {mode}\nrepeat_minutes = 0", cache="devices = 0\nblueprints = 0\ncompliance = 0",
                         extra="[log]\nlevel = debug\n[server]\njob_after = 1\n", limits="requests_per_hour = 1000000000\nrequests_per_second = 1000000\n"
                         f"call_seconds = {seconds}")
        exports = site.dir / "exports"
        exports.mkdir(mode=0o700)
        site.write(site.ini.read_text() + f"[export]\nfolder = {exports}\n")
        return site

    def mac(self, tool):
        """A Mac of somebody's; for an act, one that no other call was on and that will carry it out."""
        cls = self.__class__
        while True:
            d = self.tenant.find(f"platform:Mac,user:yes,online:yes,filevault:on,nth:{cls.taken}")
            if tool not in ACTS or (d["next_command"] == "complete" and d["filevault_key"] and not d["locked"] and (
                    tool != "get_device_secret" or all(any(self.tenant.get(f"/api/v1/devices/{d['device_id']}/secrets/{part}").values())
                                                       for part in ("recoverypassword", "bypasscode")))):
                cls.taken += tool in ACTS and tool != "delete_device"  # one that is deleted is counted no more
                return d
            cls.taken += 1

    def calls(self, tool):
        """Arguments for good calls of TOOL and then for BAD ones, each act on a device that no other call was on."""
        many, self.bad = ARGS[tool](self.mac(tool), self.blueprint), tool == "get_job"
        if "secret" in many[0]:  # there is an unlock PIN once it is locked
            self.tenant.post(f"/api/v1/devices/{many[0]['device_id']}/action/lock")
        yield many[0]
        for i in range(1, len(many)):
            yield ARGS[tool](self.mac(tool), self.blueprint)[i] if tool in ACTS else many[i]
        self.bad = True
        if "device_id" in many[0]:
            yield {**many[0], "device_id": "00000000-0000-4000-8000-000000000000"}
        yield {**many[0], "surprise": 1}

    def note(self, tool, message):
        bad = "error" in message or message["result"].get("isError")
        self.outcomes.setdefault(tool, set()).add("bad" if bad else "good")

    def ask(self, k, tool, args):
        """One call with all that makes a server talk: progress, log messages, questions."""
        meta = {"progressToken": tool, **({PREFIX + "logLevel": "debug"} if k.rev == MODERN else {})}
        more = {}
        while True:
            m = k.request("tools/call", {"name": tool, "arguments": args, **more}, meta=meta)
            if m.get("result", {}).get("resultType") != "input_required":
                break
            more = {"requestState": m["result"]["requestState"], "inputResponses": {key: k.answer() for key in m["result"]["inputRequests"]}}
        self.note(tool, m)
        return m

    def approved(self, site, message):
        """Somebody agrees on a terminal to what waits there; true if something does."""
        waits = re.search(r"kmcp approve ([2-9A-Z]{4}-[2-9A-Z]{4})", json.dumps(message))
        if waits:
            text, status = on_terminal(site, "approve", waits.group(1), answers=(YES,))
            self.assertEqual(status, 0, text)
        return bool(waits)

    def by_stdio(self, mode, rev, ask):
        """All tools over standard input and output: the server, still running, and its site."""
        site = self.site_for(mode, self.tenant.url, 20)
        k = self.kmcp(site, rev=rev, ask=ask)
        for method, params in LISTS:
            k.request(method, params)
        for tool in ARGS:
            for args in self.calls(tool):
                m = self.ask(k, tool, args)
                if self.approved(site, m):
                    m = self.ask(k, tool, args)
                bad = self.bad or (mode == "yes" and args.get("group_by") == "user_email")  # what is masked is no group
                self.assertEqual(bool("error" in m or m["result"].get("isError")), bad, (tool, args, m))
        return k, site

    def exported(self, site):
        self.assertEqual({f.suffix for f in (site.dir / "exports").iterdir()} & {".csv", ".jsonl"}, {".csv", ".jsonl"})

    def end(self, mode, k, site):
        self.nothing_in_memory(mode, k.p.pid)
        k.close()
        self.nothing_in(mode, "stdout", said(k.raw))
        self.nothing_in(mode, "stderr", k.stderr)
        self.nothing_on_disk(mode, site)

    def by_http(self, mode):
        """All tools over HTTP, on one connection that stays open: the server and its site."""
        site = self.site_for(mode, self.tenant.url, 20)
        h = self.http(site)
        c = http.client.HTTPConnection("127.0.0.1", h.port, timeout=DEADLINE)
        self.addCleanup(c.close)
        heard = []

        def ask(method, params):
            message, headers = h.modern(method, params, meta={"progressToken": method, PREFIX + "logLevel": "debug"})
            c.request("POST", h.path, json.dumps(message), {"Content-Type": "application/json",
                                                            "Accept": "application/json, text/event-stream", **headers})
            r = c.getresponse()
            heard.append(r.read().decode())
            return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, heard[-1]).messages()[-1]

        for method, params in LISTS:
            ask(method, params)
        for tool in ARGS:
            for args in self.calls(tool):
                call = {"name": tool, "arguments": args}
                m = ask("tools/call", call)
                if self.approved(site, m):
                    m = ask("tools/call", call)
                self.note(tool, m)
        return h, site, heard

    def refused(self, mode):
        """The API refuses, in each of its shapes, and says more than it should."""
        shape, acts = [""], [False]
        proxy = self.proxy()

        def before(method, path, body):
            if shape[0] and (method != "GET" or "/secrets/" in path or not acts[0]):
                return 400, refusal(shape[0], path, body)
            return None

        proxy.before = before
        site = self.site_for(mode, proxy.url, 20)
        k = self.kmcp(site, ask="accept")
        many = {tool: list(self.calls(tool)) for tool in ARGS}
        for shape[0] in SHAPES:
            for tool in ARGS:
                acts[0] = tool in ACTS
                m = self.ask(k, tool, many[tool][0])
                self.assertTrue("error" in m or m["result"].get("isError") or tool == "get_job", m)
        return k, site

    def spoilt(self, mode):
        """The API's answers are broken, or none."""
        site = self.site_for(mode, self.tenant.url, 1)
        k = self.kmcp(site, rev="2025-11-25", ask="accept")
        for kind in ("404", "500", "cut", "badjson", "missing", "nul"):
            for tools, where in ((set(ARGS) - ACTS, ("",)), (ACTS, (",path=/action/", ",path=/secrets/", ",method=DELETE"))):
                calls = [(tool, next(self.calls(tool))) for tool in sorted(tools)]
                self.tenant.set(faults=[kind + part for part in where])
                for q in [k.start("tools/call", {"name": tool, "arguments": args}) for tool, args in calls]:
                    k.finish(q)
                self.tenant.set(faults=[])
        return k, site

    def job(self, mode):
        """What takes its time, fetched with get_job."""
        site = self.site_for(mode, self.tenant.url, 20)
        k = self.kmcp(site, rev="2025-11-25")
        self.tenant.set(latency_ms=1200)
        m = self.ask(k, "get_compliance_summary", {"blueprint_id": self.blueprint})
        self.tenant.set(latency_ms=0)
        job = re.search(r"as job ([^ .]+)", json.dumps(m)).group(1)
        self.until(lambda: "running" not in json.dumps(self.ask(k, "get_job", {"job_id": job})), "the job")
        return k, site

    def property(self, mode):
        # the client asks, or a terminal does
        k, site = self.by_stdio(mode, MODERN, "accept")
        self.end(mode, k, site)
        answers = said(k.raw)
        for one in self.tenant.truth()["by_blueprint"].values():  # what is nobody's stays
            self.assertIn(json.dumps(one["name"], ensure_ascii=False)[1:-1], answers)
        self.exported(site)
        self.end(mode, *self.job(mode))
        k, site = self.by_stdio(mode, "2025-11-25", None)
        self.end(mode, k, site)
        self.commands(mode, site)
        h, site, heard = self.by_http(mode)
        self.assertEqual({tool for tool, how in self.outcomes.items() if how != {"good", "bad"}}, set())
        self.nothing_in_memory(mode, h.p.pid)
        h.close()
        self.nothing_in(mode, "over HTTP", "\n".join(heard))
        self.nothing_in(mode, "stderr", h.stderr)
        self.nothing_on_disk(mode, site)
        self.end(mode, *self.refused(mode))
        self.end(mode, *self.spoilt(mode))

    def commands(self, mode, site):
        """The same data by the commands."""
        d = self.device("platform:Mac,user:yes")
        for tool, args in (("list_devices", {"limit": 5}), ("get_device", {"device_id": d["device_id"]}),
                           ("lock_device", {"device_id": d["device_id"]}), ("lock_device", {"device_id": d["device_id"], "confirm": True}),
                           ("erase_device", {"device_id": d["device_id"], "serial_number": "WRONG", "pin": PIN, "confirm": True}),
                           ("get_filevault_key", {"device_id": d["device_id"], "reason": "locked out", "confirm": True})):
            for how in (("call",), ("policy", "explain")):
                p = site.run(*how, tool, json.dumps(args))
                self.nothing_in(mode, f"{how} {tool}", p.stdout + p.stderr)
        for args in (("audit", "show"), ("audit", "show", "--json"), ("acts",), ("secret", "list"), ("state",), ("list", "--json"), ("attest",),
                     ("audit", "reconcile")):
            p = site.run(*args)
            self.nothing_in(mode, " ".join(args), p.stdout + p.stderr)
        self.nothing_on_disk(mode, site)

    def test_with_persons_masked(self):
        self.property("yes")

    def test_with_pseudonyms(self):
        self.property("pseudonyms")

    def test_secrets_alone(self):
        self.property("no")

    @unittest.skipIf(CLOSED, CLOSED)
    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_memory_over_tls(self):
        """On connections to the API that stay open."""
        proxy = self.proxy()
        site = self.site_for("yes", proxy.url, 20)
        cert, key = site.dir / "ca.pem", site.dir / "ca.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        proxy.server.socket = context.wrap_socket(proxy.server.socket, server_side=True)
        site.write(re.sub("base_url = .*", f"base_url = {proxy.url.replace('http:', 'https:')}\nca_file = {cert}", site.ini.read_text()))
        k = self.kmcp(site, ask="accept")
        for tool in ARGS:
            self.ask(k, tool, next(self.calls(tool)))
        self.assertEqual({tool for tool, how in self.outcomes.items() if how != {"good"}}, {"get_job"})
        self.end("yes", k, site)

    @unittest.skipIf(CLOSED, CLOSED)
    def test_memory_is_looked_into(self):
        """A host that only reads and hides nobody keeps what it read of persons, in memory that it gave up: it can be found."""
        with self.kmcp(self.site(read_only=True), rev="2025-11-25") as k:
            k.good("list_devices", {"limit": 60})
            self.assertTrue(any(PERSON.encode() in data for _, data in memory_of(k.p.pid)))

    def test_every_tool_has_arguments(self):
        with self.kmcp(self.site_for("no", self.tenant.url, 20)) as k:
            self.assertEqual({t["name"] for t in k.result("tools/list")["tools"]}, set(ARGS))

    def test_the_marks_are_there(self):
        with self.kmcp(self.site(policy="inline_secrets = get_filevault_key"), ask="accept") as k:
            k.good("list_devices", {"limit": 5})
            self.ask(k, "get_filevault_key", next(self.calls("get_filevault_key")))
            text = b"".join(k.raw).decode()
            self.assertIn(PERSON, text)
            self.assertIn(SECRET, text)


if __name__ == "__main__":
    unittest.main()
