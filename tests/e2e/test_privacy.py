"""Privacy mode, beside the property that holds everywhere (test_property).  SPDX-License-Identifier: Apache-2.0"""
import json
import re
import unittest

from e2e import MODERN, Case
from test_policy import on_terminal

MARK = "ZQX9"


class Privacy(Case):
    TENANT_ARGS = ("--devices", 60, "--mark", MARK)

    def test_an_explanation_is_an_answer(self):
        d = self.tenant.truth("?device=3")
        args = ("policy", "explain", "lock_device", json.dumps({"device_id": d["device_id"]}))
        for mode, shown in (("no", True), ("yes", False), ("pseudonyms", False)):
            site = self.site(policy=f"redact_pii = {mode}\n[rule one]\ndevices = nobody\nthen = deny")
            p = site.run(*args)
            self.assertEqual((p.returncode, MARK in p.stdout + p.stderr), (0, shown), p)
            self.assertIn(f"device {d['device_id']}", p.stdout)
            self.assertIn("decided by the default of ", p.stdout)
            self.assertRegex(p.stdout, {"no": "serial = ", "yes": r"serial = \[redacted\]", "pseudonyms": "serial = serial:[0-9a-f]{12}"}[mode])
            self.assertIn(d["serial_number"], site.run(*args, "--real").stdout)
        self.assertEqual(site.run("call", "list_devices", "--real").returncode, 2)

    def test_serial_numbers_still_find_their_device(self):
        k = self.kmcp(self.site(policy="redact_pii = yes"))
        d = self.tenant.truth("?device=3")
        r = k.structured("get_device", {"device_id": d["serial_number"]})
        self.assertEqual(r["device_id"], d["device_id"])
        self.assertEqual(r["serial_number"], "[redacted]")
        self.assertEqual(k.structured("list_devices", {"name": d["device_name"]})["rows"][0][0], "[redacted]")

    def test_the_person_who_agrees_sees_the_real_name(self):
        for rev in ("2025-11-25", MODERN):
            k = self.kmcp(self.site(policy="redact_pii = yes"), rev=rev, ask="accept")
            d = self.device()
            r = k.good("erase_device", {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True})
            self.assertIn(d["device_name"], k.asked[0]["message"])
            self.assertIn(f"It is {d['device_id']}, \"{d['device_name']}\" (", k.asked[0]["message"])
            self.assertNotIn(MARK, json.dumps(r))


    def test_a_name_that_is_written_otherwise_in_a_sentence_is_still_one(self):
        for policy in ("redact_pii = yes", "redact_pii = pseudonyms"):
            for name in (f'SPEAK "{MARK}" \\ {MARK}', f"Z\u200bQX\u200b9 {MARK}\n{MARK}", "B" * 205 + MARK):
                d = self.device("platform:Mac")
                self.tenant.set(device={"device_id": d["device_id"], "device_name": name})
                with self.kmcp(self.site(policy=policy)) as k:
                    why = k.bad("erase_device", {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True})
                    self.assertIn("kmcp approve", why)
                    self.assertIn(f"It is {d['device_id']}, ", why)  # which one it is, whatever is not shown
                    for part in (MARK, "SPEAK", "BBBB"):
                        self.assertNotIn(part, why)


class Lost(Case):
    TENANT_ARGS = ("--devices", 2000)

    def test_lost_mode_is_told_and_its_place_is_not(self):
        d = self.tenant.find("lost:yes")
        args = {"device_id": d["device_id"], "section": "lost_mode"}
        place = self.tenant.get(f"/api/v1/devices/{d['device_id']}/details")["lost_mode"]
        k = self.kmcp()
        k.good("get_device_details", args)
        seen = b"".join(k.raw).decode()
        self.assertIn("ENABLED", seen)
        self.assertIn(str(place["last_location"]["latitude"]), seen)
        k = self.kmcp(self.site(policy="redact_pii = yes"))
        k.good("get_device_details", args)
        seen = b"".join(k.raw).decode()
        self.assertIn("ENABLED", seen)
        for key in ("latitude", "longitude"):
            self.assertNotIn(str(place["last_location"][key]), seen)

    def test_a_place_is_a_pseudonym(self):
        d = self.tenant.find("lost:yes")
        args = {"device_id": d["device_id"], "section": "lost_mode"}
        place = self.tenant.get(f"/api/v1/devices/{d['device_id']}/details")["lost_mode"]["last_location"]
        site, tokens = self.site(policy="redact_pii = pseudonyms"), []
        for _ in range(2):  # two processes say the same
            k = self.kmcp(site)
            k.good("get_device_details", args)
            k.close()
            seen = b"".join(k.raw).decode()
            self.assertIn("ENABLED", seen)
            tokens.append({key: re.search(rf'\\?"{key}\\?": ?\\?"(place:[0-9a-f]{{12}})', seen).group(1)
                           for key in ("latitude", "longitude")})
            for key in tokens[0]:
                self.assertNotIn(str(place[key]), seen)
        self.assertEqual(tokens[0], tokens[1])
        self.assertNotEqual(tokens[0]["latitude"], tokens[0]["longitude"])
        for key, token in tokens[0].items():  # opens with the key, on record
            self.assertEqual(on_terminal(site, "pseudonym", "open", token, "--reason", "it was found"), (f"{place[key]}\n", 0))
        self.assertEqual([r["tool"] for r in site.records()], ["pseudonym open"] * 4)
        self.assertNotIn(str(place["latitude"]), site.audit.read_text())


if __name__ == "__main__":
    unittest.main()
