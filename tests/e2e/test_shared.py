"""One tenant, many processes, several machines: the budget and every cap hold.  SPDX-License-Identifier: Apache-2.0"""
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from e2e import DEADLINE, KMCP, Case


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

    def close(self):
        if self.p.poll() is None:
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Shared(Case):
    LIMITS = "requests_per_hour = 60\nrequests_per_second = 1000\nreserve_for_acts = 10\ncall_seconds = 2"

    def hammer(self, sites, calls=20):
        """Reads from all sites at once until none gets through; how many did."""
        clients = [self.kmcp(s) for s in sites]
        done, lock = [0], threading.Lock()
        uuids = [self.tenant.truth(f"?device={n}")["device_id"] for n in range(20)]

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
        return done[0]

    def test_eight_processes_one_budget(self):
        one = self.site(limits=self.LIMITS, cache="devices = 0")
        self.tenant.reset()
        began = time.monotonic()
        done = self.hammer([one] * 8)
        regained = int((time.monotonic() - began) * 60 / 3600) + 1
        sent = self.tenant.requests()
        self.assertGreaterEqual(sent, 50)  # all of it, but for what only acts may use
        self.assertLessEqual(sent, 50 + regained)
        self.assertLessEqual(done, sent)
        k = self.kmcp(one, ask="accept")  # the reserve is there for an act and what it looks up
        k.good("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True})


    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_three_machines_one_redis(self):
        redis = Redis()
        self.addCleanup(redis.close)
        sites = []
        for _ in range(3):
            site = self.site(limits=self.LIMITS, cache="devices = 0",
                             policy="repeat_minutes = 0\n[cap few]\nlimit = 4\nper = day\n[rule all]\nthen = allow")
            site.write(site.ini.read_text().replace("[state]\n", f"[state]\nredis = {redis.url}\n"))
            sites.append(site)
        locked = 0
        for n in range(6):  # every cap over all machines
            with self.kmcp(sites[n % 3]) as k:
                r = k.call("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True})
                locked += not r.get("isError")
        self.assertEqual((locked, len(self.tenant.acts())), (4, 4))
        self.tenant.reset()
        done = self.hammer(sites * 2)
        self.assertLessEqual(done, self.tenant.requests())
        self.assertLessEqual(self.tenant.requests(), 52)
        self.assertGreater(self.tenant.requests(), 20)
        k = self.kmcp(sites[0])
        redis.stop()  # lost: reads go on with a tenth, acts do not
        k.good("get_device", {"device_id": self.tenant.truth("?device=0")["device_id"]})
        why = k.bad("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True})
        self.assertIn("Redis", why)
        redis.start()
        end = time.monotonic() + DEADLINE
        while "Redis" in k.bad("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True}):
            self.assertLess(time.monotonic(), end)
        self.assertIn("[cap few]", k.bad("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True}))
        self.assertEqual(len(self.tenant.acts()), 0)

    def test_a_429_is_told_to_all(self):
        site = self.site(cache="devices = 0", limits="call_seconds = 2")
        self.tenant.set(faults=["429"])
        with self.kmcp(site) as k:
            k.bad("get_device", {"device_id": self.tenant.truth("?device=1")["device_id"]})
        self.tenant.set(faults=[])
        db = sqlite3.connect(site.dir / "state.db")
        closed = db.execute("SELECT closed_until, at FROM bucket WHERE key LIKE '%|budget:hour'").fetchone()
        db.close()
        self.assertGreater(closed[0], closed[1])

    def test_a_sweep_says_what_it_needs(self):
        site = self.site(limits="requests_per_hour = 2\nreserve_for_acts = 0\ncall_seconds = 2", cache="devices = 0")
        k = self.kmcp(site)
        r = k.structured("list_devices", {"limit": 1})
        self.assertFalse(r["complete"])
        self.assertRegex(r["note"], r"needs 1 more calls, 0 left, resets in \d+ min")


if __name__ == "__main__":
    unittest.main()
