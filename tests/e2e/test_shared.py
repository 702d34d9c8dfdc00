"""One tenant, many processes, several machines: the budget and every cap hold.  SPDX-License-Identifier: Apache-2.0"""
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from e2e import DEADLINE, KMCP, Case
from test_policy import YES, on_terminal


class Redis:
    """A redis-server of the test's own, on a socket in its folder."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kmcp-redis-"))
        self.url = f"unix:{self.dir}/sock"
        self.start()

    def start(self):
        self.p = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", f"{self.dir}/sock", "--dir", str(self.dir),
                                   "--save", "", "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        while subprocess.run(["redis-cli", "-s", f"{self.dir}/sock", "ping"], capture_output=True).stdout != b"PONG\n":
            assert time.monotonic() < end

    def stop(self):
        self.p.terminate()
        self.p.wait(DEADLINE)

    def cli(self, *command):
        subprocess.run(["redis-cli", "-s", f"{self.dir}/sock", *command], check=True, capture_output=True)

    def close(self):
        if self.p.poll() is None:
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Shared(Case):
    LIMITS = "requests_per_hour = 60\nrequests_per_second = 1000\nreserve_for_acts = 10\ncall_seconds = 2"
    ALLOW = "[rule all]\nthen = allow"

    def machines(self, redis, **kw):
        """Three folders as if on three machines, one Redis between them, and the keys that a site would copy."""
        sites = [self.site(**kw) for _ in range(3)]
        for s in sites:
            s.write(s.ini.read_text().replace("[state]\n", f"[state]\nredis = {redis.url}\n"))
        for name in ("seal.key", "vault.key"):
            key = os.urandom(32).hex() + "\n"
            for s in sites:
                (s.dir / name).write_text(key)
                (s.dir / name).chmod(0o600)
        return sites

    def everywhere(self, make):
        """What MAKE(sites) does with eight processes on one machine, then with two on each of three."""
        def one(**kw):
            return [self.site(**kw)] * 8

        with self.subTest("SQLite"):
            make(one)
        if not shutil.which("redis-server"):
            return
        with self.subTest("Redis"):
            redis = Redis()
            try:
                make(lambda **kw: self.machines(redis, **kw) * 2)
            finally:
                redis.close()

    def at_once(self, sites, calls, **kw):
        """Each of CALLS (tool, arguments, more) by the next process, all under way together; their results."""
        clients = [self.kmcp(s, **kw) for s in sites]
        for k in clients:
            k.result("tools/list")
        waiting = []
        for n, (tool, args, more) in enumerate(calls):
            k = clients[n % len(clients)]
            waiting.append((k, k.start("tools/call", {"name": tool, "arguments": args, **more})))
        answers = [k.finish(q) for k, q in waiting]
        for k in clients:
            k.close()
        return answers

    def ended_well(self, answers):
        return sum("result" in m and m["result"].get("resultType") != "input_required" and not m["result"].get("isError")
                   for m in answers)

    def intents(self, sites):
        records = []
        for s in set(sites):
            records += s.records()
            if s.audit.exists():
                p = s.run("audit", "verify")
                self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        return [r for r in records if r["event"] == "intent"]

    def lock(self, d):
        return "lock_device", {"device_id": d["device_id"], "confirm": True}, {}

    def hammer(self, sites, calls=12):
        """Reads from all sites at once, more than there is room for; how many did, and how long it took."""
        clients = [self.kmcp(s) for s in sites]
        done, lock = [0], threading.Lock()
        uuids = [self.tenant.truth(f"?device={n}")["device_id"] for n in range(20)]
        began = time.monotonic()

        def run(n, k):
            for i in range(calls):
                r = k.call("get_device", {"device_id": uuids[(n + i) % 20]})
                with lock:
                    done[0] += not r.get("isError")

        threads = [threading.Thread(target=run, args=(n, k)) for n, k in enumerate(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return done[0], time.monotonic() - began

    def test_one_budget(self):
        def budget(make):
            sites = make(limits=self.LIMITS, cache="devices = 0")
            self.tenant.reset()
            done, seconds = self.hammer(sites)
            regained = int(seconds * 60 / 3600)  # a token a minute
            sent = self.tenant.requests()
            self.assertGreaterEqual(sent, 50)  # all of it, but for what only acts may use
            self.assertLessEqual(sent, 50 + regained)
            self.assertLessEqual(done, sent)
            self.assertGreater(done, 0)
            k = self.kmcp(sites[0], ask="accept")  # the reserve is there for an act and what it looks up
            k.good("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True})

        self.everywhere(budget)

    def test_one_cap(self):
        def cap(make):
            sites = make(policy=f"repeat_minutes = 0\n[cap few]\nlimit = 5\nper = day\n{self.ALLOW}")
            self.tenant.reset()
            answers = self.at_once(sites, [self.lock(self.device("platform:Mac")) for _ in range(16)])
            self.assertEqual((self.ended_well(answers), len(self.tenant.acts()), len(self.intents(sites))), (5, 5, 5))
            for m in answers:
                if m["result"].get("isError"):
                    self.assertIn("[cap few]", m["result"]["content"][0]["text"])

        self.everywhere(cap)

    def test_an_approval_counts_once(self):
        def approval(make):
            sites = make(policy="repeat_minutes = 0")
            d = self.device()
            args = {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True}
            with self.kmcp(sites[0]) as k:
                pending = re.search("approve ([2-9A-Z-]{9})", k.bad("erase_device", args)).group(1)
            text, status = on_terminal(sites[1], "approve", pending, answers=[YES])  # on another machine
            self.assertEqual(status, 0, text)
            self.tenant.reset()
            answers = self.at_once(sites, [("erase_device", args, {})] * 8)
            used = [r for r in self.intents(sites) if r["consent"].startswith("approval " + pending)]
            self.assertEqual((self.ended_well(answers), len(self.tenant.acts()), len(used)), (1, 1, 1))

        self.everywhere(approval)

    def test_an_answer_counts_once(self):
        def answer(make):
            sites = make(policy="repeat_minutes = 0")
            d = self.device()
            args = {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True}
            with self.kmcp(sites[0], ask="accept") as k:
                state = k.call_once("erase_device", args)["result"]["requestState"]
            given = {"requestState": state, "inputResponses": {"approve": {"action": "accept", "content": {"approve": True}}}}
            self.tenant.reset()
            answers = self.at_once(sites, [("erase_device", args, given)] * 8, ask="accept")
            self.assertEqual((self.ended_well(answers), len(self.tenant.acts()), len(self.intents(sites))), (1, 1, 1))

        self.everywhere(answer)

    def test_the_same_act_is_done_once(self):
        def same(make):
            sites = make(policy=self.ALLOW)
            self.tenant.reset()
            answers = self.at_once(sites, [self.lock(self.device("platform:Mac"))] * 16)
            self.assertGreaterEqual(self.ended_well(answers), 1)
            self.assertEqual((len(self.tenant.acts()), len(self.intents(sites))), (1, 1))

        self.everywhere(same)

    def test_what_a_crash_left_has_one_end(self):
        """Acts and questions of a process that is gone, found by eight that start at the same moment."""
        def left(make):
            sites = make(policy="[rule locks]\ntools = lock_device\nthen = allow")
            devices = [self.device("platform:Mac") for _ in range(8)]
            k = self.kmcp(sites[0], ask="accept")
            for d in devices[:4]:
                k.call_once("erase_device", {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True})
            self.tenant.set(faults=["hang,path=/action/,method=POST"])
            self.tenant.reset()
            for d in devices[4:]:  # by the same process: another would begin with the questions, and be killed at it
                tool, args, _ = self.lock(d)
                k.start("tools/call", {"name": tool, "arguments": args})
            self.until(lambda: len(self.tenant.acts()) == 4, "the acts")
            k.p.kill()
            k.p.wait()
            self.tenant.set(faults=[])
            clients = [self.kmcp(s) for s in sites]

            def ends(event):
                return sorted(r["id"] for s in set(sites) for r in s.whole_records() if r["event"] == event)

            ids = {e: ends(e) for e in ("asked", "intent")}
            self.assertEqual([len(ids[e]) for e in ids], [4, 4])
            self.until(lambda: set(ends("resolved")) == set(ids["intent"]) and set(ends("unanswered")) == set(ids["asked"]), "their ends")
            for k in clients:
                k.close()
            self.assertEqual(ends("resolved"), ids["intent"])
            self.assertEqual(ends("unanswered"), ids["asked"])

        self.everywhere(left)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_a_lost_redis(self):
        redis = Redis()
        self.addCleanup(redis.close)
        sites = self.machines(redis, cache="devices = 0",
                              policy=f"repeat_minutes = 0\n[cap few]\nlimit = 1\nper = day\n{self.ALLOW}")
        with self.kmcp(sites[1]) as k:
            k.good(*self.lock(self.device("platform:Mac"))[:2])
        self.tenant.reset()
        k = self.kmcp(sites[0])
        redis.stop()  # reads go on with a tenth, acts do not
        k.good("get_device", {"device_id": self.tenant.truth("?device=0")["device_id"]})
        tool, args, _ = self.lock(self.device("platform:Mac"))
        self.assertIn("Redis", k.bad(tool, args))
        redis.start()
        end = time.monotonic() + DEADLINE
        while "Redis" in k.bad(tool, args):
            self.assertLess(time.monotonic(), end)
        self.assertIn("[cap few]", k.bad(tool, args))
        self.assertEqual(len(self.tenant.acts()), 0)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_an_approval_counts_on_its_machine(self):
        elsewhere = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
        if not shutil.which("unshare") or subprocess.run([*elsewhere, "true"], capture_output=True).returncode:
            self.skipTest("no second host name is to be had here")
        redis = Redis()
        self.addCleanup(redis.close)
        site = self.site()
        site.write(site.ini.read_text().replace("[state]\n", f"[state]\nredis = {redis.url}\n"))
        d = self.device("platform:Mac")
        args = {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True}
        here, there = self.kmcp(site), self.kmcp(site, argv=[*elsewhere, KMCP, "--config", str(site.ini)])
        pending = re.search("kmcp approve (\\S{9})", here.bad("erase_device", args)).group(1)
        text, status = on_terminal(site, "approve", pending, answers=[YES])
        self.assertEqual(status, 0, text)
        self.assertRegex(text, f"on +{socket.gethostname()}\n")
        self.assertNotIn(pending, there.bad("erase_device", args))
        self.assertIn("is for another machine and does not count", site.audit.read_text())
        self.assertEqual(self.tenant.acts(), [])
        here.good("erase_device", args)
        self.assertIn("Done already", there.text("erase_device", args))  # no machine does it again
        self.assertEqual(len(self.tenant.acts()), 1)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_a_user_of_redis_acl(self):
        redis = Redis()
        self.addCleanup(redis.close)
        subprocess.run(["redis-cli", "-s", f"{redis.dir}/sock", "ACL", "SETUSER", "kmcp", "on", ">word", "~kmcp:*", "+eval", "+hmget", "+scan", "+time",
                        "+ping", "+select", "+hset", "+hget", "+del", "+exists", "+zadd", "+zcard", "+zrange", "+zremrangebyscore", "+pexpire",
                        "+pexpireat", "+incr"], check=True, capture_output=True)
        subprocess.run(["redis-cli", "-s", f"{redis.dir}/sock", "ACL", "SETUSER", "default", "off"], check=True, capture_output=True)
        for user, word, good in (("kmcp", "word", True), ("kmcp", "wrong", False), ("", "word", False)):
            site = self.site()
            (site.dir / "pw").write_text(word)
            (site.dir / "pw").chmod(0o600)
            site.write(site.ini.read_text().replace("[state]\n", f"[state]\nredis = {redis.url}\nredis_password_file = {site.dir}/pw\n"
                                                    + (f"redis_user = {user}\n" if user else "")))
            with self.kmcp(site) as k:
                args = {"device_id": self.device("platform:Mac")["device_id"], "confirm": True}
                if good:
                    k.good("lock_device", args)
                else:
                    self.assertIn("redis_user", k.bad("lock_device", args))

    def test_a_429_is_told_to_all(self):
        site = self.site(cache="devices = 0", limits="call_seconds = 2")
        self.tenant.set(faults=["429"])
        with self.kmcp(site) as k:
            k.bad("get_device", {"device_id": self.tenant.truth("?device=1")["device_id"]})
        self.tenant.set(faults=[])
        db = sqlite3.connect(site.dir / "state.db")
        closed, head = db.execute("SELECT closed_until, head FROM allowance WHERE key LIKE '%|budget:hour'").fetchone()
        db.close()
        self.assertGreater(closed, head * 180000)  # the slot it was said in

    def test_a_sweep_says_what_it_needs(self):
        site = self.site(limits="requests_per_hour = 2\nreserve_for_acts = 0\ncall_seconds = 2", cache="devices = 0")
        k = self.kmcp(site)
        r = k.structured("list_devices", {"group_by": "platform"})
        self.assertFalse(r["complete"])
        self.assertRegex(r["note"], r"needs 1 more calls, 0 left, resets in \d+ min")


if __name__ == "__main__":
    unittest.main()
