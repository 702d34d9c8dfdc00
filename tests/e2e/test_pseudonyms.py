"""redact_pii = pseudonyms: stable tokens that can be joined on and passed back, and that open with the key alone.
SPDX-License-Identifier: Apache-2.0"""
import json
import re
import unittest

from e2e import MODERN, Case
from test_policy import YES, approvers, on_terminal
from test_privacy import MARK

TOKEN = re.compile(r"\b(user|mail|serial|device|asset|phone|place|person):[0-9a-f]{12}\b")


class Pseudonyms(Case):
    TENANT_ARGS = ("--devices", 60, "--mark", MARK)
    POLICY = "redact_pii = pseudonyms\nrepeat_minutes = 0"

    def rows(self, k, **args):
        r = k.structured("list_devices", {"limit": 60, **args})
        rows = [dict(zip(r["columns"], row)) for row in r["rows"]]
        for row in rows:  # it moves on when a device carries out what another test asked of it
            row.pop("last_check_in", None)
        return rows

    def test_stable_joined_and_passed_back(self):
        site = self.site(policy=self.POLICY)
        with self.kmcp(site) as k:
            first = self.rows(k)
            self.assertGreater(len({r["serial_number"] for r in first}), 50)
            for r in first:
                self.assertRegex(r["serial_number"], "^serial:[0-9a-f]{12}$")
            one = next(r for r in first if r["user_email"].startswith("mail:"))
        with self.kmcp(site) as k:  # another process
            self.assertEqual(self.rows(k), first)
            got = k.structured("get_device", {"device_id": one["serial_number"]})
            self.assertEqual(got["serial_number"], one["serial_number"])
            prism = k.structured("query_prism", {"category": "device_information", "serial_number": one["serial_number"]})
            self.assertIn(one["serial_number"], json.dumps(prism))
            mine = self.rows(k, where=["user_email = " + one["user_email"]])
            self.assertIn(one, mine)
            self.assertEqual({r["user_email"] for r in mine}, {one["user_email"]})
            why = k.bad("get_device", {"device_id": "serial:" + "0" * 12})
            self.assertIn("stands for nobody", why)
            self.assertNotIn(MARK, b"".join(k.raw).decode())
        other = self.site(policy=self.POLICY)  # another key
        with self.kmcp(other) as k:
            self.assertFalse({r["serial_number"] for r in self.rows(k)} & {r["serial_number"] for r in first})
            self.assertIn("stands for nobody", k.bad("get_device", {"device_id": one["serial_number"]}))

    def test_acts_by_token(self):
        for rev in ("2025-11-25", MODERN):
            site = self.site(policy=self.POLICY)
            k = self.kmcp(site, rev=rev, ask="accept")
            d = self.device("platform:Mac")
            serial = k.structured("get_device", {"device_id": d["device_id"]})["serial_number"]
            k.good("erase_device", {"device_id": serial, "serial_number": serial, "confirm": True})
            self.assertIn(d["serial_number"], k.asked[0]["message"])  # the person sees who it is
            why = k.bad("erase_device", {"device_id": serial, "serial_number": "WRONG", "confirm": True})
            why += k.bad("lock_device", {"device_id": serial})
            self.assertNotIn(MARK, why)
            self.assertIn(serial, why)
            k.close()
            self.assertNotIn(MARK, b"".join(x for x in k.raw if b"elicitation" not in x and b"inputRequests" not in x).decode())
            self.assertNotIn(MARK, site.audit.read_text() + k.stderr)
        self.assertEqual(len(self.tenant.acts()), 2)

    def test_no_person_stands_in_the_state(self):
        """An act by token, a request that waits, caps for each user: what is kept tells nobody who it was."""
        site = self.site(policy="redact_pii = pseudonyms\n[cap each]\nlimit = 5\nper = hour\neach = user\n"
                                "[cap serials]\nlimit = 5\nper = hour\neach = serial")
        fleet = [self.tenant.truth(f"?device={n}") for n in range(60)]
        d, e = self.device("platform:Mac"), self.device("platform:Mac")
        with self.kmcp(site, ask="accept") as k:
            serial = k.structured("get_device", {"device_id": d["device_id"]})["serial_number"]
            k.good("lock_device", {"device_id": serial, "message": "call the office", "confirm": True})
        with self.kmcp(site) as k:
            serial = k.structured("get_device", {"device_id": e["device_id"]})["serial_number"]
            args = {"device_id": serial, "serial_number": serial, "confirm": True}
            pending = re.search(r"kmcp approve ([2-9A-Z-]{9})", k.bad("erase_device", args)).group(1)
            kept = b"".join(p.read_bytes() for p in site.dir.glob("state.db*"))
            self.assertNotIn(MARK.encode(), kept)
            for one in fleet:
                for field in ("serial_number", "device_name", "user_name", "user_email"):
                    if one.get(field):
                        self.assertNotIn(one[field].encode(), kept, field)
            text, status = on_terminal(site, "approve", pending, answers=[YES])  # who decides sees who it is
            self.assertEqual(status, 0, text)
            self.assertIn(e["serial_number"], text)
            k.good("erase_device", args)
        self.assertNotIn(MARK, site.audit.read_text())

    def test_what_echoes_is_a_token(self):
        k = self.kmcp(self.site(policy=self.POLICY))
        row = self.rows(k)[0]
        for tool, args in (("list_devices", {"name": row["name"]}),
                           ("list_devices", {"serial_number": row["serial_number"] + "x"}),
                           ("get_device", {"device_id": "the one of " + row["serial_number"]}),
                           ("get_device_apps", {"device_id": row["serial_number"]})):
            k.call(tool, args)
        self.assertNotIn(MARK, b"".join(k.raw).decode() + k.stderr)

    def test_what_a_token_stands_for_is_not_asked_out(self):
        """Neither by cutting a sentence in the middle of it, nor by ordering it among what is known."""
        d = self.tenant.find("user:yes,nth:3")
        k = self.kmcp(self.site(policy=self.POLICY))
        row = next(r for r in self.rows(k, where=["serial_number = " + d["serial_number"]]))
        serial, mail = row["serial_number"], row["user_email"]
        for pad in range(0, 120, 3):
            for args in ({"where": ["last_check_in = " + "-" * pad + " " + serial]}, {"where": ["x " + "-" * pad + serial]}, {"fields": "-" * pad + serial},
                         {"fields": "x," + serial}, {"group_by": "platform:" + "-" * pad + serial}, {"next": "@" + "-" * pad + serial}):
                why = k.bad("list_devices", args)
                self.assertNotRegex(why, "(?i)" + re.escape(d["serial_number"][:2]), args)
        self.assertNotIn(d["serial_number"][:4], k.bad("get_device", {"device_id": "-" * 1380 + serial}))
        for tool, more in (("list_devices", {}), ("query_prism", {"category": "apps"})):
            for condition in ("name < ", "name >= ", "os_version = ", "os_version ~ ", "agent_version < ", "last_check_in > "):
                if tool == "list_devices" or condition[0] == "n":
                    for token in (serial, mail):
                        k.bad(tool, {**more, "where": [condition + token], "limit": 0})
        self.assertEqual(len(self.rows(k, where=["serial_number = " + serial])), 1)
        self.assertEqual(len(self.rows(k, serial_number=serial)), 1)

    def test_only_the_key_opens(self):
        site = self.site(policy=self.POLICY)
        with self.kmcp(site) as k:
            token = k.structured("get_device", {"device_id": self.tenant.truth("?device=3")["device_id"]})["serial_number"]
        serial = self.tenant.truth("?device=3")["serial_number"]
        self.assertEqual(on_terminal(site, "pseudonym", "open", token, "--reason", "ticket"), (serial + "\n", 0))
        self.assertEqual(site.run("pseudonym", "of", "serial", serial.lower()).stdout, token + "\n")
        self.assertEqual([r["tool"] for r in site.records()], ["pseudonym open"] * 2)
        self.assertNotIn(serial, site.audit.read_text())
        for path in site.dir.iterdir():
            if path.is_file():
                self.assertNotIn(serial.encode(), path.read_bytes(), path)
        (site.dir / "pseudonym.key").unlink()
        text, status = on_terminal(site, "pseudonym", "open", token, "--reason", "ticket")
        self.assertEqual(status, 1)
        self.assertIn("pseudonym.key", text)

    def test_it_opens_as_a_secret_does(self):
        """For a reason, on a terminal, by an approver where there are some, not while acts are frozen; whoever tried is on record."""
        freeze = self.site().dir / "freeze"
        site = self.site(policy=self.POLICY + f"\nfreeze_file = {freeze}")
        path = approvers(self, site, "ana")
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {path}\n[audit]"))
        one = self.tenant.truth("?device=5")
        with self.kmcp(site) as k:
            token = k.structured("get_device", {"device_id": one["device_id"]})["serial_number"]
        what, serial = ("pseudonym", "open", token, "--reason", "ticket 4711"), one["serial_number"]
        for args, why in ((what[:3], "--reason TEXT"), (what[:4] + ("x",), "at least three characters"), (what, "a person has to do this on a terminal")):
            p = site.run(*args)
            self.assertEqual((p.returncode, p.stdout), (1, ""))
            self.assertIn(why, p.stderr)
        self.assertEqual(site.records(), [])
        text, status = on_terminal(site, *what, answers=[("Your name", "ana"), ("Your passphrase", "wrong")])
        self.assertEqual(status, 1)
        self.assertIn("name and passphrase are not those of an approver", text)
        self.assertNotIn(serial, text)
        freeze.touch()
        text, status = on_terminal(site, *what)
        self.assertEqual(status, 1)
        self.assertIn("acts are frozen", text)
        freeze.unlink()
        text, status = on_terminal(site, *what, answers=[("Your name", "ana"), ("Your passphrase", "secret of ana")])
        self.assertEqual(status, 0, text)
        self.assertIn(serial, text)
        self.assertEqual([(r["event"], r["tool"], r["class"], r["consent"], r["reason"]) for r in site.records()],
                         [(event, "pseudonym open", "REVEAL", token, "ticket 4711") for event in ("refused", "refused", "intent", "outcome")])
        self.assertEqual([r["principal"].split(" on ")[0] for r in site.records()][::2], ["somebody unknown", "ana"])
        self.assertEqual((site.records()[1]["rule"], site.records()[-1]["result"]), ("freeze", "ok"))
        self.assertNotIn(serial, site.audit.read_text())
        self.assertEqual(site.run("audit", "verify").returncode, 0)

    def test_without_state_it_is_still_private(self):
        site = self.site(policy=self.POLICY)
        (site.dir / "state.db").write_bytes(b"x" * 5000)
        (site.dir / "state.db").chmod(0o600)
        k = self.kmcp(site)
        self.assertRegex(self.rows(k)[0]["serial_number"], TOKEN)
        k.close()
        self.assertNotIn(MARK, b"".join(k.raw).decode() + k.stderr)
        self.assertIn("cannot be passed back", k.stderr)

    def test_no_person_leaves_through_any_tool(self):
        uuids = [self.tenant.truth(f"?device={n}")["device_id"] for n in range(0, 60, 9)]
        blueprint = sorted(self.tenant.truth()["by_blueprint"])[0]
        for policy in (self.POLICY, "redact_pii = yes\nrepeat_minutes = 0"):
            site = self.site(policy=policy, extra="[log]\nlevel = debug")
            for faults in ([], ["error-detail,path=/action"], ["500,path=/apps,count=6"]):
                self.tenant.set(faults=faults)
                k = self.kmcp(site)
                k.call("list_devices", {"limit": 60})
                k.call("list_blueprints")
                k.call("get_blueprint", {"blueprint_id": blueprint})
                k.call("query_prism", {"category": "device_information", "limit": 60})
                for uuid in uuids:
                    for tool in ("get_device", "get_device_details", "get_device_status", "get_device_apps",
                                 "get_device_activity", "get_device_commands"):
                        k.call(tool, {"device_id": uuid})
                    for section in ("general", "network", "users", "lost_mode", "volumes", "cellular"):
                        k.call("get_device_details", {"device_id": uuid, "section": section})
                    k.call("lock_device", {"device_id": uuid, "confirm": True})
                    k.call("erase_device", {"device_id": uuid, "confirm": True, "serial_number": "WRONG"})
                    k.call("get_filevault_key", {"device_id": uuid, "confirm": True, "reason": "privacy test"})
                    k.call("get_device_secret", {"device_id": uuid, "secret": "bypass_code", "confirm": True, "reason": "test"})
                k.close()
                everything = b"".join(k.raw).decode() + k.stderr + site.audit.read_text()
                at = everything.find(MARK)
                self.assertEqual(at, -1, everything[max(0, at - 200):at + 100])
        self.tenant.set(faults=[])


class ShortName(Case):
    TENANT_ARGS = ("--devices", 700)

    def test_a_device_with_an_ordinary_name(self):
        uuid = self.tenant.truth("?device=3")["device_id"]
        self.tenant.set(device={"device_id": uuid, "device_name": "Mac"})
        k = self.kmcp(self.site(policy="redact_pii = pseudonyms"))
        token = k.structured("get_device", {"device_id": uuid})["device_name"]
        r = k.structured("list_devices", {"name": token, "limit": 1000})
        rows = [dict(zip(r["columns"], row)) for row in r["rows"]]
        self.assertIn((uuid, token), [(row["device_id"], row["name"]) for row in rows])
        for row in rows:  # many names hold "Mac"; what is nobody's is as it is without a token
            self.assertIn(row["platform"], ("Mac", "iPhone", "iPad", "AppleTV", "Windows", "Android"))
            self.assertRegex(row["name"], TOKEN)
        self.assertIn(token, k.call("list_devices", {"name": token, "limit": 1000})["content"][0]["text"])


if __name__ == "__main__":
    unittest.main()
