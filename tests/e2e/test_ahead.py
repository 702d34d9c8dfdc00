"""What a call will ask for goes out beside what it waits for: nothing is lost, asked twice or waited for in a circle.
SPDX-License-Identifier: Apache-2.0"""
import json
import random
import threading
import time
import unittest

from e2e import BIN, DEADLINE, Case
from test_property import CLOSED, memory_of

NOTHING_KEPT = "devices = 0\nblueprints = 0\ncompliance = 0"


class Ahead(Case):
    TENANT_ARGS = ("--devices", 40)

    def warm(self, **kw):
        """A server that knows that records lack enrolment, behind a proxy."""
        proxy = self.proxy()
        k = self.kmcp(self.site(url=proxy.url, **kw), rev="2025-11-25")
        k.good("get_device", {"device_id": self.tenant.find("platform:Mac,nth:0")["device_id"]})
        proxy.log.clear()
        return k, proxy, self.tenant.find("platform:Mac,nth:1")

    def test_the_details_do_not_wait_for_the_record(self):
        k, proxy, d = self.warm()
        both = threading.Barrier(2)

        def before(method, path, body):
            both.wait(DEADLINE)  # breaks unless the two are under way at one time

        proxy.before = before
        text = k.text("get_device", {"device_id": d["device_id"]})
        self.assertIn(d["serial_number"], text)
        self.assertIn("is_supervised", text)
        self.assertEqual(len(proxy.log), 2)

    def test_the_api_says_no(self):
        """To either, or is gone: what the call says is what it would have said."""
        for status, body in ((403, b'{"detail":"You do not have permission"}'), (404, b'{"detail":"Not found."}'), (400, b'["no"]'), (200, b"{")):
            k, proxy, d = self.warm(cache=NOTHING_KEPT)
            for part, good in (("/details", True), (d["device_id"], False)):
                with self.subTest(status=status, part=part):
                    proxy.before = lambda method, path, _: (status, body) if path.endswith(part) else None
                    m = k.request("tools/call", {"name": "get_device", "arguments": {"device_id": d["device_id"]}})
                    self.assertEqual("result" in m and not m["result"].get("isError"), good, m)
                    proxy.before = lambda *_: None
                    self.assertIn("is_supervised", k.text("get_device", {"device_id": self.tenant.find("platform:Mac,nth:2")["device_id"]}))
                    self.assertIn(d["serial_number"], k.text("get_device", {"device_id": d["device_id"]}))

    def test_a_failed_attempt_is_made_again(self):
        k, proxy, d = self.warm()
        failed = []

        def before(method, path, body):
            if path.endswith("/details") and not failed:
                failed.append(path)
                return 503, b""

        proxy.before = before
        self.assertIn("is_supervised", k.text("get_device", {"device_id": d["device_id"]}))
        self.assertEqual(len(proxy.log), 3)

    def test_many_share(self):
        k, proxy, d = self.warm()
        calls = [k.start("tools/call", {"name": "get_device", "arguments": {"device_id": d["device_id"]}}) for _ in range(32)]
        for q in calls:
            self.assertIn("is_supervised", json.dumps(k.finish(q)))
        self.assertEqual(len(proxy.log), 2)

    def test_an_unwanted_one_is_given_up(self):
        """The record is refused while its details hang: the call does not wait for them, nor does who comes next."""
        k, proxy, d = self.warm()
        release = threading.Event()
        self.addCleanup(release.set)

        def before(method, path, body):
            if path.endswith("/details"):
                release.wait(DEADLINE)
                return None
            return 404, b'{"detail":"Not found."}'

        proxy.before = before
        k.bad("get_device", {"device_id": d["device_id"]})
        proxy.before = lambda *_: None
        self.assertIn("is_supervised", k.text("get_device", {"device_id": d["device_id"]}))

    def test_a_cancelled_call_ends(self):
        k, proxy, d = self.warm()
        arrived, release = threading.Semaphore(0), threading.Event()
        self.addCleanup(release.set)

        def before(method, path, body):
            arrived.release()
            release.wait(DEADLINE)

        proxy.before = before
        k.start("tools/call", {"name": "get_device", "arguments": {"device_id": d["device_id"]}}, request_id="gone")
        for _ in range(2):
            self.assertTrue(arrived.acquire(timeout=DEADLINE))
        k.notify("notifications/cancelled", {"requestId": "gone"})
        proxy.before = lambda *_: None
        self.assertIn("is_supervised", k.text("get_device", {"device_id": d["device_id"]}))

    def test_the_budget_is_not_overdrawn(self):
        """With room for one request only, the second waits its turn and is asked once."""
        k, proxy, d = self.warm(limits="requests_per_second = 1")
        self.assertIn("is_supervised", k.text("get_device", {"device_id": d["device_id"]}))
        self.assertEqual(len(proxy.log), 2)

    def test_all_at_once(self):
        """Readers of a few devices, some of which leave: every answer is right, and none is missing."""
        k, proxy, _ = self.warm(cache=NOTHING_KEPT)
        devices = [self.tenant.find(f"platform:Mac,nth:{n}") for n in range(3)]
        r, calls = random.Random(7), []
        for n in range(300):
            d = r.choice(devices)
            q = k.start("tools/call", {"name": "get_device", "arguments": {"device_id": d["device_id"]}}, request_id=f"call {n}")
            if r.random() < 0.2:
                k.notify("notifications/cancelled", {"requestId": f"call {n}"})
            else:
                calls.append((d, q))
        for d, q in calls:
            text = json.dumps(k.finish(q))
            self.assertIn(d["serial_number"], text)
            self.assertIn("is_supervised", text)


class Hasty(Case):
    """tests/abi/hasty.c: whatever a plugin asks ahead for, and when, nobody waits for what does not come."""
    TENANT_ARGS = ("--devices", 40)

    def hasty(self, **kw):
        proxy = self.proxy()
        kw.setdefault("cache", NOTHING_KEPT)
        k = self.kmcp(self.site(url=proxy.url, extra=f"[plugin hasty]\npath = {BIN.parent}/tests/abi/bad/kmcp-hasty.so", **kw), rev="2025-11-25", ask="accept")
        self.ids = [self.tenant.find(f"platform:Mac,nth:{n}")["device_id"] for n in range(6)]
        return k, proxy

    def hurry(self, k, *steps):
        return k.text("hurry", {"steps": list(steps)})

    def start(self, k, *steps, **kw):
        return k.start("tools/call", {"name": "hurry", "arguments": {"steps": list(steps)}}, **kw)

    def test_each_of_what_was_asked_ahead(self):
        """The threads that read for each() meet the call's own early request, which waits for them."""
        k, proxy = self.hasty(limits="call_seconds = 20")
        a, b, c = self.ids[:3]
        for first in (a, b, c):
            for before in ((), (f"http record {a}",)):
                began = time.monotonic()
                text = self.hurry(k, f"ahead details {first}", *before, f"each details {' '.join(self.ids)}")
                self.assertIn("6 of 6\ndone", text)
                self.assertLess(time.monotonic() - began, 10)

    def test_nobody_waits_for_a_call_that_waits(self):
        k, proxy = self.hasty()
        a, b = self.ids[:2]
        for before in ((), (f"http record {b}",)):
            del proxy.log[:]
            self.start(k, f"ahead details {a}", *before, "wait 600000", request_id=f"sleeper {len(before)}")
            if before:
                self.until(lambda: len(proxy.log) == 2, "both are under way")
            began = time.monotonic()
            self.assertIn("done", self.hurry(k, f"http details {a}"))
            self.assertLess(time.monotonic() - began, 5)
            k.notify("notifications/cancelled", {"requestId": f"sleeper {len(before)}"})

    def test_what_an_act_touched_is_asked_again(self):
        k, proxy = self.hasty()
        d = self.device()
        other = next(i for i in self.ids if i != d["device_id"])
        early, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)
        n = []

        def before(method, path, body):
            if path.endswith("/details"):
                n.append(path)
                early.set()
                return 200, json.dumps({"reading": f"number {len(n)}"}).encode()
            if path.endswith(other):
                release.wait(DEADLINE)

        proxy.before = before
        q = self.start(k, f"ahead details {d['device_id']}", f"http record {other}", f"http details {d['device_id']}")
        self.assertTrue(early.wait(DEADLINE))
        k.good("restart_device", {"device_id": d["device_id"], "confirm": True})
        release.set()
        self.assertIn("number 2", json.dumps(k.finish(q)))

    def test_what_may_not_be_asked_ahead_is_not(self):
        """Other classes, undeclared routes, in plan() and in an act's run(), and more than four."""
        k, proxy = self.hasty()
        a, b = self.ids[:2]
        self.assertIn("done", self.hurry(k, f"ahead lock {a}", f"ahead elsewhere {a}", "ahead record", f"http record {b}"))
        self.assertEqual([p for _, p in proxy.log], [f"/api/v1/devices/{b}"])
        del proxy.log[:]
        k.good("hurry_act", {"device_id": a})
        self.assertEqual(proxy.log, [("POST", f"/api/v1/devices/{a}/action/lock")])
        del proxy.log[:]
        self.assertIn("done", self.hurry(k, *[f"ahead {what} {i}" for _ in range(20) for i in self.ids for what in ("details", "record")], "http list"))
        self.assertLessEqual(len(proxy.log), 5)

    def test_each_whatever_fails(self):
        """Counts, and what is said of what failed, as the header has it: three noes or ten failures in a row end it."""
        k, proxy = self.hasty()
        answers = {"good": None, "absent": (404, b'{"detail":"Not found."}'), "no": (403, b'{"detail":"You do not have permission"}'), "broken": (200, b"{")}
        r, ids = random.Random(3), [self.tenant.find(f"nth:{n}")["device_id"] for n in range(24)]
        for weights in ((8, 2, 1, 1), (1, 1, 4, 4), (1, 0, 0, 20), (0, 0, 1, 3), (2, 1, 6, 0)) * 12:
            how = r.choices(list(answers), weights, k=r.randrange(1, 25))
            what_of = dict(zip(ids, how))  # one that nobody wants any more may come late
            proxy.before = lambda method, path, _, what_of=what_of: answers[what_of.get(path.split("/")[-2], "good")]
            good = seen = failed = in_row = at = 0
            for at, what in enumerate(how, 1):
                in_row = in_row + 1 if what in ("no", "broken") else 0
                good, seen, failed = good + (what == "good"), seen + (in_row == 0), failed + (in_row > 0)
                if (what == "no" and in_row >= 3) or in_row == 10:
                    break
            m = k.request("tools/call", {"name": "hurry", "arguments": {"steps": [f"each details {' '.join(ids[:len(how)])}"]}})["result"]
            text = m["content"][0]["text"]
            with self.subTest(how=how, text=text):
                self.assertEqual(bool(m.get("isError")), seen == 0)
                if seen:
                    self.assertTrue(text.startswith(f"{good} of {seen}" + (": " if failed else "\n")))
                    self.assertEqual(f"(failed: {failed}: {ids[next(i for i, w in enumerate(how) if w in ('no', 'broken'))]}" in text if failed else "failed" not in text, True)
                    self.assertEqual(f"; not read: {len(how) - at})" in text if at < len(how) else "not read" not in text, True)

    def test_who_takes_replies_may_refuse_one(self):
        """What the plugin says of a reply of each() is the call's answer, as with a page of sweep()."""
        k, proxy = self.hasty()
        self.assertIn("device 2 is one too many", k.bad("hurry", {"steps": [f"two details {' '.join(self.ids)}"]}))

    @unittest.skipIf(CLOSED, CLOSED)
    def test_a_secret_nobody_asked_for_after_all_is_wiped(self):
        k, proxy = self.hasty(read_only=True)
        pin, held = b"pin-" + random.randbytes(8).hex().encode(), threading.Event()
        a, b = self.ids[:2]

        def before(method, path, body):
            if path.endswith("/secret"):
                return 200, b'{"pin":["' + b'","'.join([pin] * 2000) + b'"]}'
            held.wait(0.5)  # the other is answered meanwhile

        proxy.before = before
        self.assertIn("done", self.hurry(k, f"ahead secret {a}", f"http record {b}"))
        self.until(lambda: not any(pin in data for _, data in memory_of(k.p.pid)), "nothing of it is left")

    def test_who_looks_and_waits_sees_a_change(self):
        """An act's reading stands for one look, but not across a wait of the plugin's own."""
        k, proxy = self.hasty()
        n = []

        def before(method, path, body):
            if method == "GET":
                n.append(path)
                return 200, json.dumps({"reading": len(n)}).encode()

        proxy.before = before
        k.good("hurry_act", {"device_id": self.ids[3], "wait": True})

    def test_never_asked(self):
        k, proxy = self.hasty()
        for _ in range(20):
            self.assertIn("done", self.hurry(k, f"ahead details {self.ids[0]}"))
            k.result("resources/read", {"uri": f"hasty://device/{self.ids[0]}"})
        self.assertEqual(proxy.log, [])

    def test_at_random(self):
        """Calls that ask ahead, wait, leave and act at one time: all end, and no answer is missing."""
        k, proxy = self.hasty(limits="call_seconds = 30")
        r, calls, ids = random.Random(11), [], self.ids
        step = [lambda: f"ahead details {r.choice(ids)}", lambda: f"ahead record {r.choice(ids)}", lambda: f"http details {r.choice(ids)}",
                lambda: f"http record {r.choice(ids)}", lambda: f"each details {' '.join(r.sample(ids, 4))}", lambda: "sweep list", lambda: "wait 5"]
        for n in range(300):
            q = k.start("tools/call", {"name": "hurry", "arguments": {"steps": [r.choice(step)() for _ in range(r.randrange(1, 8))]}}, request_id=f"call {n}")
            if r.random() < 0.2:
                k.notify("notifications/cancelled", {"requestId": f"call {n}"})
            else:
                calls.append(q)
        for q in calls:
            m = k.finish(q)
            self.assertIn("done", json.dumps(m["result"]), m)


if __name__ == "__main__":
    unittest.main()
