"""Whole fleets: exact counts, nothing beyond page one lost, partial answers that say so.  SPDX-License-Identifier: Apache-2.0"""
import re
import unittest

from e2e import Case, Kmcp, Tenant


SWEEP = {"group_by": "platform"}  # a question for which every page must be read


class Fleet(Case):
    TENANT_ARGS = ("--devices", 5000)

    def test_macs_of_5000_are_counted_exactly(self):
        k = self.kmcp()
        r = k.structured("list_devices", {"platform": "Mac", "limit": 10})
        self.assertEqual(r["total"], self.tenant.truth()["by_platform"]["Mac"])
        self.assertEqual((r["returned"], r["complete"], r["next"]), (10, True, "10"))

    def test_offsets_walk_the_whole_list_once(self):
        k = self.kmcp()
        for page in (lambda at: {"offset": int(at)}, lambda at: {"next": at}):
            self.walk(k, page)

    def walk(self, k, page):
        seen, at = [], "0"
        while at is not None:
            r = k.structured("list_devices", {"platform": "AppleTV", "limit": 40, **page(at)})
            seen += [row[-1] for row in r["rows"]]
            at = r.get("next")
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(len(seen), self.tenant.truth()["by_platform"]["AppleTV"])

    def test_a_fault_in_the_middle_is_said(self):
        self.tenant.set(faults=["500,path=/devices,after=5"])
        k = self.kmcp(self.site(limits="call_seconds = 3"))
        r = k.structured("list_devices", SWEEP)
        self.assertFalse(r["complete"])
        self.assertNotIn("total", r)
        self.assertIn("500", r["note"])
        text = k.text("list_devices", SWEEP)
        self.assertIn("INCOMPLETE", text)
        counted = int(re.search(r"at least (\d+) devices", text).group(1))
        self.assertTrue(300 <= counted <= 1500, text)  # pages are fetched side by side: which five came is chance

    def test_rows_that_come_twice_are_counted_once(self):
        self.tenant.set(faults=["dup,path=/devices"])
        k = self.kmcp()
        self.assertEqual(k.structured("list_devices", SWEEP)["total"], 5000)

    def test_429_in_the_middle_slows_and_loses_nothing(self):
        self.tenant.set(faults=["429bare,path=/devices,every=5"])
        k = self.kmcp()
        r = k.structured("list_devices", SWEEP)
        self.assertEqual((r["total"], r["complete"]), (5000, True))
        self.assertEqual({p: int(n) for p, n in r["rows"]}, self.tenant.truth()["by_platform"])
        self.assertIn("429", self.tenant.stats()["by_status"])

    def test_progress_grows(self):
        k = self.kmcp()
        k.finish(k.start("tools/call", {"name": "list_devices", "arguments": SWEEP}, meta={"progressToken": "p-1"}))
        done = [n["params"]["progress"] for n in k.notes if n["method"] == "notifications/progress"]
        self.assertTrue(done)
        self.assertEqual(done, sorted(set(done)))
        self.assertTrue(all(n["params"]["progressToken"] == "p-1" for n in k.notes))

    def test_a_stated_cap_is_said(self):
        k = self.kmcp(self.site(limits="sweep_rows = 600"))
        r = k.structured("list_devices", SWEEP)
        self.assertFalse(r["complete"])
        self.assertIn("sweep_rows", r["note"])


class PageThree(Case):
    def test_a_name_on_page_three_is_found(self):
        with Tenant("--devices", 700, "--seed", 7) as t:
            late = t.truth("?device=651")
            for dialect in ("real", "seed"):
                t.set(dialect=dialect)
                with Kmcp(self.site(url=t.url)) as k:
                    r = k.structured("list_devices", {"name": late["device_name"]})
                    self.assertIn(late["device_id"], [row[-1] for row in r["rows"]])
                    self.assertTrue(r["complete"])
                    self.assertEqual(k.structured("get_device", {"device_id": late["serial_number"]})["device_id"],
                                     late["device_id"])

    def test_300_devices_answer_in_20_kb(self):
        with Tenant("--devices", 300) as t, Kmcp(self.site(url=t.url)) as k:
            k.good("list_devices")
            self.assertLessEqual(len(k.raw[-1]), 20 * 1024)

    def test_ipads_are_not_non_compliant_for_lack_of_an_agent(self):
        with Tenant("--devices", 20, "--platform-only", "iPad") as t, Kmcp(self.site(url=t.url)) as k:
            ipad = t.truth("?device=0")
            r = k.structured("get_device_status", {"device_id": ipad["device_id"]})
            self.assertFalse([f for f in r["failing"] if f["status"] in ("INCOMPATIBLE", "EXCLUDED")])
            self.assertNotIn("agent", str(r["failing"]).lower())


if __name__ == "__main__":
    unittest.main()
