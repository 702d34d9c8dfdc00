"""Acts that nobody knows the end of: what is known of them is not lost, and nothing is done over them unknowingly.
SPDX-License-Identifier: Apache-2.0"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

from e2e import DEADLINE, MODERN, SOON, Case
from test_policy import YES, on_terminal
from test_shared import Redis

AGE = """import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for key, value in db.execute("SELECT key, value FROM record WHERE space=?", sys.argv[2:3]).fetchall():
    e = json.loads(value)
    e[sys.argv[3]] -= 20 * 60000
    db.execute("UPDATE record SET value=? WHERE space=? AND key=?", (json.dumps(e).encode(), sys.argv[2], key))
db.commit()"""


class Unknown(Case):
    """POST is what acts get in place of the tenant's answer; queues cannot be read."""

    def setUp(self):
        super().setUp()
        self.between, self.post = self.proxy(), None
        self.between.before = self.answer

    def answer(self, method, path, body):
        if method == "GET":
            return (403, b'{"detail":"no"}') if path.split("?")[0].endswith(("/commands", "/activity")) else None
        return self.post

    def age(self, site, space="act", member="at"):
        """Twenty minutes go by, for the acts in the ledger or something else in the state."""
        subprocess.run(["/usr/bin/python3", "-c", AGE, str(site.dir / "state.db"), space, member], check=True)

    def args(self, **more):
        return {"device_id": self.device("platform:Mac")["device_id"], "confirm": True, **more}

    def waits(self, k, args):
        return re.search("kmcp approve ([2-9A-Z-]{9})", k.bad("restart_device", args)).group(1)

    def approve(self, site, pending):
        text, status = on_terminal(site, "approve", pending, answers=[YES])
        self.assertEqual(status, 0, text)
        return " ".join(text.split())

    def unknown(self, k, args):
        self.post = (504, b'{"detail":"x"}')
        self.assertIn("is unknown", k.bad("restart_device", args))
        self.post = None

    def test_what_was_not_done_again_is_still_unknown(self):
        """The second try is refused by the API, or never sent: the first one is as unknown as before."""
        for how in ("refused", "not on record"):
            site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
            k, args, kept = self.kmcp(site), self.args(), site.audit.with_name("kept")
            self.unknown(k, args)
            first = site.records()[-1]
            self.age(site)
            self.approve(site, self.waits(k, args))
            if how == "refused":
                self.post = (400, b'{"detail":"no"}')
            else:
                site.audit.rename(kept)
                site.audit.mkdir()
            k.bad("restart_device", args)
            self.post = None
            if kept.exists():
                site.audit.rmdir()
                kept.rename(site.audit)
            sent = len(self.between.sent())
            pending = self.waits(k, args)
            self.assertEqual(len(self.between.sent()), sent, how)
            self.assertIn(first["id"], site.run("acts").stdout)
            self.assertIn("nobody knows whether it was received", self.approve(site, pending))
            k.good("restart_device", args)  # now it is done, and nobody is asked about the first one any more
            self.assertIn("every act has a known end", site.run("acts").stdout)

    def owe(self, site, **more):
        """What became of the act in the ledger is known there, and not on record yet."""
        with contextlib.closing(sqlite3.connect(site.dir / "state.db")) as db:
            key, value = db.execute("SELECT key, value FROM record WHERE space = 'act'").fetchone()
            e = {**json.loads(value), "stage": "failed", "owed": True, **more}
            db.execute("UPDATE record SET value = ? WHERE space = 'act' AND key = ?", (json.dumps(e).encode(), key))
            db.commit()

    def gone(self):
        """The number of a process that is gone."""
        p = subprocess.Popen(["true"])
        p.wait(DEADLINE)
        return p.pid

    def test_two_that_find_out_record_it_once(self):
        """Two processes look for the same act at one moment, and see the same; then for one that could not be recorded."""
        site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
        k, args = self.kmcp(site), self.args()
        self.unknown(k, args)
        k.close()
        self.age(site)
        both, here = threading.Barrier(2), threading.local()

        def answer(method, path, body):
            if path.split("?")[0].endswith(("/commands", "/activity")) and not getattr(here, "met", False):
                here.met = True  # of this connection
                both.wait(DEADLINE)

        self.between.before = answer
        said = [None, None]

        def find_out(n):
            said[n] = site.run("acts").stdout

        for again in (False, True):
            if again:
                self.between.before = lambda *_: None
                self.owe(site)
            before = len(site.records())
            threads = [threading.Thread(target=find_out, args=(n,)) for n in range(2)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual([(r["event"], r["result"]) for r in site.records()[before:]], [("resolved", "failed")], said)
            self.assertIn("every act has a known end", site.run("acts").stdout)
            self.assertEqual(site.run("audit", "verify").returncode, 0)

    def test_who_was_about_to_record_it_died(self):
        """What he was about to record is left to the next at once; what somebody elsewhere is about to, for a minute."""
        site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
        k, args = self.kmcp(site), self.args()
        self.unknown(k, args)
        k.close()
        soon = int(time.time() * 1000) + 50000
        dead = {"pid": self.gone(), "host": socket.gethostname(), "ending": soon}
        for alive in ({"host": "elsewhere"}, {"pid": os.getpid()}):
            self.owe(site, **{**dead, **alive})
            self.assertIn("found out by another process", site.run("acts").stdout)
            with self.kmcp(site) as k:
                self.assertIn("another process finds out", k.bad("restart_device", args))
            self.assertNotIn("resolved", [r["event"] for r in site.records()])
        for n, late in enumerate(({}, {"host": "elsewhere", "ending": soon - 60000}), 1):
            self.owe(site, **{**dead, **late})
            site.run("acts")
            self.assertEqual([r["event"] for r in site.records()].count("resolved"), n)
            self.assertIn("every act has a known end", site.run("acts").stdout)

    def test_who_was_about_to_record_that_nobody_answered_died(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        k.call_once("restart_device", self.args())
        k.p.kill()
        k.p.wait(DEADLINE)
        for who, end in ((f"{os.getpid()} {socket.gethostname()}", []), ("1 elsewhere", []), (f"{self.gone()} {socket.gethostname()}", ["unanswered"])):
            with contextlib.closing(sqlite3.connect(site.dir / "state.db")) as db:
                db.execute("INSERT OR REPLACE INTO record(space, key, value, version, expires) SELECT 'ending', key, ?, 1, ? FROM record WHERE space = 'asked'",
                           (who.encode(), int(time.time() * 1000) + 50000))
                db.commit()
            site.run("acts")
            self.assertEqual([r["event"] for r in site.records()], ["asked", *end], who)

    def test_each_of_two_is_named(self):
        site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
        k, args = self.kmcp(site), self.args()
        self.unknown(k, args)
        self.age(site)
        self.approve(site, self.waits(k, args))
        self.unknown(k, args)
        self.age(site)
        text = self.approve(site, self.waits(k, args))
        self.assertRegex(text, r"The same was tried at \S+Z and \S+Z and nobody knows")

    def test_an_approval_from_before_does_not_count(self):
        site = self.site(url=self.between.url, policy="[rule all]\nthen = approve")
        k, args = self.kmcp(site), self.args()
        other = {**args, "notify_user": True}
        for a in (args, other):
            self.approve(site, self.waits(k, a))
        self.unknown(k, other)
        self.age(site)
        sent = len(self.between.sent())
        pending = self.waits(k, args)
        self.assertEqual(len(self.between.sent()), sent)
        refused = [r for r in site.records() if r["event"] == "refused"][-2]
        self.assertIn("nobody knows whether it was received", refused["detail"])
        self.assertIn("The same was tried", self.approve(site, pending))
        k.good("restart_device", args)

    def test_a_yes_from_before_does_not_count(self):
        site = self.site(url=self.between.url, policy="[rule all]\nthen = ask")
        k, args = self.kmcp(site, ask="accept"), self.args()
        m = k.call_once("restart_device", args)["result"]
        yes = {"approve": {"action": "accept", "content": {"approve": True}}}
        self.unknown(k, {**args, "notify_user": True})
        self.age(site)
        sent = len(self.between.sent())
        m = k.call_once("restart_device", args, requestState=m["requestState"], inputResponses=yes)["result"]
        self.assertIn("The same was tried", m["inputRequests"]["approve"]["params"]["message"])
        self.assertEqual(len(self.between.sent()), sent)
        self.assertIn("the same tried before has changed", json.dumps(site.records()))
        m = k.call_once("restart_device", args, requestState=m["requestState"], inputResponses=yes)["result"]
        self.assertFalse(m.get("isError"), m)

    def test_an_outcome_that_could_not_be_recorded_is_told_and_made_good(self):
        """The audit file becomes unwritable while the act is under way."""
        for answer, result in (((200, b"{}"), "ok"), ((400, b'{"detail":"no"}'), "failed"), ((504, b"{}"), "unknown")):
            site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
            k, args, kept = self.kmcp(site), self.args(), site.audit.with_name("kept")

            def act(method, path, body):
                if method == "GET":
                    return self.answer(method, path, body)
                site.audit.rename(kept)
                site.audit.mkdir()
                return answer

            self.between.before = act
            text = k.call("restart_device", args)["content"][0]["text"]
            self.assertIn("could not be recorded", text, result)
            self.between.before, sent = self.answer, len(self.between.sent())
            self.assertIn("was not done", k.bad("restart_device", args))  # nothing is done on top of it
            self.assertEqual(len(self.between.sent()), sent)
            site.audit.rmdir()
            kept.rename(site.audit)
            self.assertEqual(site.records()[-1]["event"], "intent")
            if result == "unknown":
                with self.kmcp(site):  # a start records it, as does kmcp acts
                    self.until(lambda: site.records()[-1]["event"] == "resolved", "recorded")
            else:
                self.assertIn(result, site.run("acts").stdout)
            self.until(lambda: site.records()[-1]["event"] == "resolved", "recorded")
            intent, resolved = site.records()[-2:]
            self.assertEqual((resolved["id"], resolved["result"]), (intent["id"], result))
            self.assertIn("could not be recorded then", resolved["detail"])
            site.run("acts")
            self.assertEqual([r["event"] for r in site.records()].count("resolved"), 1)

    def loses(self, site, lose):
        """Two unknown acts and one that was done; then the state is lost."""
        with self.kmcp(site) as k:
            lost, done, again = self.args(), self.args(), self.args()
            self.unknown(k, lost)
            k.good("restart_device", done)
            self.unknown(k, again)
        lose()
        with self.kmcp(site) as k:
            sent = len(self.between.sent())
            self.assertIn("unknown outcome", k.bad("restart_device", {**lost, "notify_user": True}))
            self.assertIn("unknown outcome", k.bad("restart_device", again))
            self.assertEqual(len(self.between.sent()), sent)
            self.assertIn("already running", k.bad("restart_device", {**done, "notify_user": True}))  # so the API was asked
        text = site.run("acts").stdout
        self.assertEqual(text.count("restart_device"), 2, text)
        for r in site.records():
            if r.get("result") == "unknown":
                self.assertIn(r["id"], text)

    def test_a_state_that_is_lost_is_read_back_from_the_record(self):
        site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
        self.loses(site, lambda: [f.unlink() for f in site.dir.glob("state.db*")])

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_a_redis_that_kept_nothing(self):
        redis = Redis()
        self.addCleanup(redis.close)
        site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
        site.write(site.ini.read_text().replace("[state]\n", f"[state]\nredis = {redis.url}\n"))
        self.loses(site, lambda: redis.cli("flushall"))
        self.assertIn("Redis keeps what it is told", site.run("doctor").stdout)
        redis.cli("config", "set", "maxmemory-policy", "allkeys-lru")
        self.assertIn("maxmemory-policy is allkeys-lru and should be noeviction", site.run("doctor").stdout)
        redis.cli("config", "set", "appendonly", "no")
        self.assertIn("appendonly is no and should be yes", site.run("doctor").stdout)
        redis.cli("acl", "setuser", "default", "-config")
        self.assertIn("unproven: it does not say", site.run("doctor").stdout)

    def test_a_404_alone_proves_no_deletion(self):
        """Whatever answers 404 to all, or hands out lists that do not say how long they are."""
        args = {**self.args(), "serial_number": ""}
        args["serial_number"] = self.tenant.truth("?device_id=" + args["device_id"])["serial_number"]
        page, own = (404, b"<html><h1>404 Not Found</h1>nginx</html>"), (404, b'{"detail":"Not found."}')
        for one, all_of_them in ((page, page), (page, None), (own, None), (own, (200, b"[]"))):
            site = self.site(url=self.between.url, policy="[rule all]\nthen = allow", cache="devices = 0")
            self.between.before, self.post = self.answer, (504, b"{}")
            self.assertIn("is unknown", site.run("call", "delete_device", json.dumps(args)).stderr)
            self.between.before = lambda method, path, body: one if args["device_id"] in path else all_of_them
            text = site.run("acts").stdout
            self.assertRegex(text, ": unknown")
            self.assertNotIn("resolved", [r["event"] for r in site.records()])

    def ends(self, how):
        """A lock is under way, and its answer does not come, when kmcp is told to end. Its answer and the records."""
        hangs, site = threading.Event(), self.site(url=self.between.url, policy="[rule all]\nthen = allow")
        self.addCleanup(hangs.set)
        self.between.before = lambda method, path, body: method == "POST" and hangs.wait(DEADLINE) and None or self.answer(method, path, body)
        k, args, sent = self.kmcp(site), self.args(), len(self.between.sent())
        q = k.start("tools/call", {"name": "lock_device", "arguments": args})
        self.until(lambda: len(self.between.sent()) > sent, "sent")
        began = time.monotonic()
        how(k.p)
        m = k.finish(q)
        k.p.wait(DEADLINE)
        self.assertLess(time.monotonic() - began, SOON)
        return m, site

    def test_a_call_that_kmcp_cuts_short_is_answered(self):
        for how in (lambda p: p.stdin.close(), lambda p: p.send_signal(signal.SIGTERM)):
            m, site = self.ends(how)
            self.assertTrue(m["result"]["isError"])
            self.assertIn("the outcome of lock_device is unknown: kmcp ended before it did", m["result"]["content"][0]["text"])
            self.assertEqual(site.records()[-1]["result"], "unknown")

    def test_a_question_without_an_answer_has_an_end(self):
        """Whether kmcp is told to end, ends by itself, or is killed, with the question out."""
        ends = {"input": lambda p: p.stdin.close(), "told": lambda p: p.send_signal(signal.SIGTERM), "killed": lambda p: p.kill()}
        for rev in ("2025-11-25", MODERN):
            for how, end in ends.items():
                site, args = self.site(), self.args()
                k = self.kmcp(site, rev=rev, ask="accept")
                over = threading.Event()
                self.addCleanup(over.set)

                def never():
                    over.wait(DEADLINE)
                    raise SystemExit

                k.answer = never
                k.start("tools/call", {"name": "restart_device", "arguments": args})
                self.until(lambda: site.records(), "asked")
                self.assertIn("asked", site.run("audit", "show", "--open").stdout)
                end(k.p)
                k.p.wait(DEADLINE)
                if how == "killed":
                    self.assertEqual([r["event"] for r in site.records()], ["asked"])
                    site.run("acts")  # as a start does
                asked, unanswered = site.records()
                self.assertEqual((unanswered["event"], unanswered["id"], unanswered["consent"]), ("unanswered", asked["id"], asked["consent"]))
                self.assertEqual(unanswered["subjects"][0]["id"], args["device_id"])
                self.assertIn("kmcp ended", unanswered["detail"])
                self.assertNotIn("asked", site.run("audit", "show", "--open").stdout)
                site.run("acts")
                self.assertEqual(len(site.records()), 2)

    def test_a_question_that_expired(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        k.call_once("restart_device", self.args())
        k.call_once("restart_device", self.args())
        self.age(site, "asked", "until")
        k.good("restart_device", self.args())
        self.assertEqual([r["event"] for r in site.records()], ["asked", "asked", "unanswered", "unanswered", "asked", "intent", "outcome"])
        self.assertIn("nobody answered in ten minutes", site.records()[2]["detail"])
        k.close()
        self.assertEqual(len(site.records()), 7)


if __name__ == "__main__":
    unittest.main()
