"""kill -9 at every point of an act, of a secret read and of a person's decision: nothing is sent without a durable
intent, no intent is lost, every open one is settled or reported on restart.  SPDX-License-Identifier: Apache-2.0

Each flow runs once under strace to record every call that changes the world, in order. Then it runs anew for each of
them, and is killed as that call begins. A server's way from its answer to its end is a recording of its own.
"""
import collections
import concurrent.futures
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from e2e import DEADLINE, KMCP, MODERN, PREFIX, Kmcp, Site, Tenant
from test_policy import YES, on_terminal

CALLS = ("write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,ftruncate,truncate,fallocate,unlink,"
         "unlinkat,rename,renameat,renameat2,link,linkat,symlink,openat,mkdir,mkdirat,fchmod,chmod,sendto,sendmsg,"
         "sendmmsg,copy_file_range,sendfile")
WORKERS = 3
TRIES = 20

Event = collections.namedtuple("Event", "thread call path rest")
Point = collections.namedtuple("Point", "event path count late")  # LATE: after the answer


def strace(log, *more):
    return ["strace", "-f", "-qq", "-y", "-s", "120", "-e", "trace=" + CALLS, "-e", "signal=none", "-o", str(log), *more]


def events(log, folder):
    """What the log tells, in order. Paths begin after FOLDER."""
    out = []
    for line in log.read_text(errors="replace").splitlines():
        m = re.match(r"(\d+) +<\.\.\. (\w+) resumed>(.*)", line)
        if m and not line.endswith("= ?"):
            n = max(n for n, e in enumerate(out) if e.thread == m[1])
            out[n] = out[n]._replace(rest=out[n].rest.removesuffix(" <unfinished ...>") + m[3])
        m = re.match(r"(\d+) +(\w+)\((.*)", line)
        if not m:
            continue
        thread, call, rest = m.groups()
        fd = re.match(r"\d+<(.*?)>", rest)
        path = fd.group(1) if fd else re.findall(r'"([^"]*)"', rest)[-1]
        out.append(Event(thread, call, path.replace(str(folder), ""), rest))
    return out


def is_change(e):
    """Does the world look different after it? Not so: waking another thread, prompts, what failed."""
    if " = -1 " in e.rest:
        return False
    if e.call == "openat":
        return "O_CREAT" in e.rest
    if e.call in ("sendto", "sendmsg"):
        return '"\\1", 1' not in e.rest
    return not e.path.startswith(("anon_inode", "/dev/"))


def name(path):
    """Without what differs in each run."""
    return re.sub(r"\.\d+\.0x[0-9a-f]+$", ".TEMPORARY", re.sub(r":\[\d+\]", "", path))


def label(e):
    return e.call, name(e.path)


def place(trace, n):
    """How strace is told to stop at event N: (path or None, count). strace counts each thread for itself, so the first
    one to get there dies; None if another does."""
    of_path = trace[n].call == "openat"  # libraries are opened by whoever is first
    for path in (trace[n].path, None) if of_path else (None, trace[n].path):
        if path is not None and (name(path) != path or not path.startswith("/")):
            continue
        counts = collections.Counter()
        where = {}
        for i, e in enumerate(trace):
            if e.call == trace[n].call and path in (None, e.path):
                counts[e.thread] += 1
                where.setdefault(counts[e.thread], i)
                if i == n and where[counts[e.thread]] == n:
                    return path, counts[e.thread]
    return None


def points(trace, late=False):
    """A Point for each change. A request that goes out as another thread is woken is the same world as that waking;
    anything else that cannot be reached is a fault of this test."""
    found = []
    answer = next((n for n, e in enumerate(trace) if e.path.startswith("pipe:")), len(trace))
    for n, e in enumerate(trace):
        if not is_change(e) or (not late and n > answer and e.thread == trace[0].thread):
            continue
        at = place(trace, n)
        if not at and e.call == "sendto":  # the waking before it, with nothing between
            n = max(i for i in range(n) if trace[i].call == "sendto" and trace[i].thread != e.thread)
            assert not any(is_change(x) for x in trace[n:trace.index(e)]), f"hidden: {e}"
            e, at = trace[n], place(trace, n)
        assert at, f"cannot be killed at: {e}"
        found.append(Point(e, *at, late))
    return found


class Flow:
    """Something that is done once, and what must hold however far it came."""
    policy = "[rule all]\nthen = allow"
    serves = False  # has it a way to its end after its answer
    what = "platform:Mac,online:yes"

    def __init__(self, tenant, devices):
        self.tenant = tenant
        self.site = Site(tenant.url, policy=self.policy)
        for n in devices:
            self.d = tenant.find(f"{self.what},nth:{n}")
            if self.d["next_command"] == "complete" and not self.d["locked"] and (
                    "filevault" not in self.what or self.d["filevault_key"]):
                break
        self.prepare()
        tenant.reset()
        self.had = len(self.site.records())

    def prepare(self):
        pass

    def run(self, under, late=False):
        meta = {PREFIX + "protocolVersion": MODERN, PREFIX + "clientCapabilities": {},
                PREFIX + "clientInfo": {"name": "e2e", "version": "1"}}
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                           "params": {"name": self.tool, "arguments": self.args, "_meta": meta}}) + "\n"
        p = subprocess.Popen([*(() if late else under), KMCP, "--config", str(self.site.ini)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            p.stdin.write(line.encode())
            p.stdin.flush()
            p.stdout.readline()
            tracer = self.attach(under, p.pid) if late else None
            p.stdin.close()
        except BrokenPipeError:
            pass
        p.stdout.close()
        p.wait(DEADLINE)
        if late:
            tracer.wait(DEADLINE)

    def attach(self, under, pid):
        tracer = subprocess.Popen([*under, "-p", str(pid)])
        end = time.monotonic() + DEADLINE
        while any("TracerPid:\t0\n" in s.read_text() for s in pathlib.Path(f"/proc/{pid}/task").glob("*/status")):
            assert time.monotonic() < end and tracer.poll() is None
        return tracer

    def sent(self):
        return len(self.tenant.acts())

    def new(self):
        return self.site.whole_records()[self.had:]

    def again(self):
        """The same once more. True if it was answered well."""
        with Kmcp(self.site) as k:
            r = k.call(self.tool, self.args)
            assert "content" in r, r
            return not r.get("isError")

    def settled(self):
        """What a restart makes of it: each intent has an end on record, and the chain is whole."""
        p = self.site.run("acts")
        assert p.returncode == 0 and "still under way" not in p.stdout, p.stdout + p.stderr
        ended = {r["id"] for r in self.site.whole_records() if r["event"] in ("outcome", "resolved")}
        for r in self.site.whole_records():
            if r["event"] == "intent" and r["id"] not in ended:
                shown = self.site.run("audit", "show", "--open", "--json").stdout
                assert r["tool"] == "secret open" and r["id"] in shown, f"an intent was lost: {r}"
        if not self.site.audit.exists() or not self.site.audit.stat().st_size:
            return  # it was killed before the first record
        p = self.site.run("audit", "verify")
        assert p.returncode == 0, p.stdout + p.stderr


class Lock(Flow):
    tool, most, serves = "lock_device", 1, True

    def prepare(self):
        self.args = {"device_id": self.d["device_id"], "confirm": True}

    def check(self):
        sent = self.sent()
        intents = [r for r in self.new() if r["event"] == "intent"]
        assert sent <= self.most, "sent twice"
        assert len(intents) == 1 or not sent and not intents, "sent without an intent on record"
        self.settled()
        if sent:
            ends = [r for r in self.new() if r["event"] in ("outcome", "resolved") and r["id"] == intents[0]["id"]]
            assert re.search("it was received|\"result\": ?\"ok\"", json.dumps(ends)) or self.most > 1, ends
        good = self.again()
        self.settled()
        assert self.sent() <= self.most, "sent twice"
        assert good or sent or intents, "what was never begun cannot be done"
        return sent, len(intents)


class Erase(Lock):
    """With the approval of a person, which is spent once."""
    tool, policy = "erase_device", ""

    def prepare(self):
        self.args = {"device_id": self.d["device_id"], "serial_number": self.d["serial_number"], "confirm": True}
        with Kmcp(self.site) as k:
            self.id = re.search("approve ([2-9A-Z-]{9})", k.bad(self.tool, self.args)).group(1)
        text, status = on_terminal(self.site, "approve", self.id, answers=[YES])
        assert status == 0, text

    def again(self):
        with Kmcp(self.site) as k:
            k.call(self.tool, self.args)
        used = [r for r in self.new() if r["event"] == "intent" and r["consent"].startswith("approval " + self.id)]
        assert len(used) <= 1, "the approval counted twice"
        return True


class Reveal(Lock):
    """A second read is allowed, and has an intent of its own."""
    tool, what, most = "get_filevault_key", "platform:Mac,filevault:on", 2

    def prepare(self):
        self.args = {"device_id": self.d["device_id"], "reason": "locked out", "confirm": True}

    def sent(self):
        return sum("filevaultkey" in r for r in map(json.dumps, self.tenant.stats()["last_requests"]))


class Open(Flow):
    """kmcp secret open: at most one copy comes out of the vault, and never without an intent."""
    what = "platform:Mac,filevault:on"

    def prepare(self):
        with Kmcp(self.site) as k:
            text = k.text("get_filevault_key", {"device_id": self.d["device_id"], "reason": "locked out", "confirm": True})
        self.handle = re.search(r"secret:[a-z2-7]{16}", text).group(0)

    def out(self, n):
        return self.site.dir / f"out{n}"

    def run(self, under, late=False):
        on_terminal(self.site, "secret", "open", self.handle, "--reason", "ticket 4711", "--out", str(self.out(1)), under=under)

    def check(self):
        first = self.out(1).exists() and self.d["filevault_key"] in self.out(1).read_text()
        intents = [r for r in self.new() if r["event"] == "intent"]
        assert intents or not first, "out without an intent on record"
        self.settled()
        text, status = on_terminal(self.site, "secret", "open", self.handle, "--reason", "again", "--out", str(self.out(2)))
        assert not (status == 0 and first), "out twice"
        assert status == 0 or intents, text
        self.settled()
        return int(first), len(intents)


class Approve(Erase):
    """kmcp approve itself: no approval counts that is not on record."""
    serves = False

    def prepare(self):
        self.args = {"device_id": self.d["device_id"], "serial_number": self.d["serial_number"], "confirm": True}
        self.id = self.ask()

    def ask(self):
        with Kmcp(self.site) as k:
            r = k.call(self.tool, self.args)
            found = re.search("approve ([2-9A-Z-]{9})", r["content"][0]["text"])
            assert found or not r.get("isError"), r
            return found and found.group(1)

    def run(self, under, late=False):
        on_terminal(self.site, "approve", self.id, answers=[YES], under=under)

    def check(self):
        approved = [r for r in self.new() if r["event"] == "approved"]
        assert self.sent() == 0
        self.settled()
        waits = self.ask()
        assert bool(waits) != bool(self.sent()) and self.sent() <= 1
        assert approved or not self.sent(), "it counts, and is not on record"
        if waits:
            assert waits == self.id, "the request was lost"
            text, status = on_terminal(self.site, "approve", waits, answers=[YES])
            assert status == 0, text
            assert self.ask() is None
        assert self.sent() == 1
        self.settled()
        return int(not waits), len(approved)


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Crash(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kmcp-crash-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def flow(self, kind, tenant, devices):
        f = kind(tenant, devices)
        self.addCleanup(f.site.close)
        return f

    def recorded(self, kind, tenant, devices, late=False):
        f = self.flow(kind, tenant, devices)
        log = self.dir / "record"
        f.run(strace(log), late)
        trace = events(log, f.site.dir)
        f.check()
        return trace

    def one(self, kind, tenant, devices, point):
        """Killed as POINT begins: what was seen. How many pages a transaction writes, and which thread is first
        to open a library, differ at times, so it has a few tries. None: it is a page of the state's log that the
        recorded run had more than all of these; its transaction has others."""
        for _ in range(TRIES):
            cut, seen = self.killed(kind, tenant, devices, point)
            if cut:
                return seen
        if label(point.event) == ("pwrite64", "/state.db-wal"):
            return None
        raise AssertionError(f"was not killed at {label(point.event)}, {point}")

    def killed(self, kind, tenant, devices, point):
        e = point.event
        f = self.flow(kind, tenant, devices)
        log = self.dir / f"{threading.get_ident()}"
        where = ["-P", str(f.site.dir) + point.path] if point.path else []
        f.run(strace(log, *where, "-e", f"inject={e.call}:signal=SIGKILL:when={point.count}"), point.late)
        trace = events(log, f.site.dir)
        cut = [x for x in trace if x.rest.endswith(("= ?", "<unfinished ...>")) and label(x) == label(e)]
        try:
            return bool(cut), f.check()
        except AssertionError as error:
            raise AssertionError(f"killed at {label(e)}, {point}: {error}") from error
        finally:
            f.site.close()

    def through(self, kind, *seen):
        """Steps through KIND. The recording; SEEN are the (sent, intents) that there must be among its points."""
        tenants = [Tenant("--devices", 2500) for _ in range(WORKERS)]
        for t in tenants:
            self.addCleanup(t.__exit__)
        numbers = [itertools.count() for _ in tenants]
        trace = self.recorded(kind, tenants[0], numbers[0])
        todo = points(trace)
        if kind.serves:
            todo += points(self.recorded(kind, tenants[0], numbers[0], True), True)
        queue, lock, done = iter(todo), threading.Lock(), []

        def work(tenant, devices):
            while True:
                with lock:
                    point = next(queue, None)
                if point is None:
                    return
                done.append(self.one(kind, tenant, devices, point))

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for job in [pool.submit(work, t, n) for t, n in zip(tenants, numbers)]:
                job.result()
        self.assertEqual(len(done), len(todo))
        self.assertGreater(len(done), 30)
        self.assertLessEqual(done.count(None), 2)
        self.assertLessEqual(set(seen), set(done))
        return trace

    def on_disk_before(self, trace, sent):
        """The intent is synced, and the ledger after it, before SENT goes out."""
        send = next(n for n, e in enumerate(trace) if e.call == "sendto" and sent in e.rest)
        before = [label(e) for e in trace[:send]]
        audit = len(before) - before[::-1].index(("write", "/audit.jsonl"))
        self.assertIn(("fsync", "/audit.jsonl"), before[audit:])
        ledger = before.index(("fsync", "/audit.jsonl"), audit)
        self.assertIn(("fdatasync", "/state.db-wal"), before[ledger:])

    def test_lock(self):
        self.on_disk_before(self.through(Lock, (0, 0), (0, 1), (1, 1)), "POST ")

    def test_approved_erase(self):
        self.on_disk_before(self.through(Erase, (0, 0), (0, 1), (1, 1)), "POST ")

    def test_reveal(self):
        self.on_disk_before(self.through(Reveal, (0, 0), (0, 1), (1, 1)), "filevaultkey")

    def test_secret_open(self):
        self.through(Open, (0, 0), (0, 1), (1, 1))

    def test_approve(self):
        self.through(Approve, (0, 0), (0, 1), (1, 1))


if __name__ == "__main__":
    unittest.main()
