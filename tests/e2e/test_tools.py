"""Every tool, in both dialects of the API and every revision of the protocol.  SPDX-License-Identifier: Apache-2.0"""
import json
import unicodedata
import unittest

from e2e import LEGACY, MODERN, Case, Proxy, jsonschema, validator


class Tools:
    """Runs once per dialect."""
    DIALECT = "real"

    @classmethod
    def setUpClass(cls):
        cls.TENANT_ARGS = ("--devices", 700, "--dialect", cls.DIALECT)
        super().setUpClass()

    def calls(self):
        mac = self.device("platform:Mac,filevault:on,online:yes")
        lock, restart, shutdown, erase, delete = (self.device() for _ in range(5))
        uuid = mac["device_id"]
        pinned = self.device()["device_id"]  # a Mac that was locked before, so that there is a PIN
        self.tenant.post(f"/api/v1/devices/{pinned}/action/lock")
        blueprint = sorted(self.tenant.truth()["by_blueprint"])[0]
        yes = {"confirm": True}
        return mac, {
            "list_devices": {"platform": "Mac", "limit": 3},
            "summarize_fleet": {},
            "get_compliance_summary": {"platform": "AppleTV"},
            "get_device": {"device_id": mac["serial_number"]},
            "get_device_details": {"device_id": uuid},
            "get_device_status": {"device_id": uuid},
            "get_device_apps": {"device_id": uuid, "limit": 5},
            "get_device_activity": {"device_id": uuid},
            "get_device_commands": {"device_id": uuid},
            "list_blueprints": {},
            "get_blueprint": {"blueprint_id": blueprint},
            "query_prism": {"category": "device_information", "platform": "Mac", "limit": 3},
            "get_filevault_key": {"device_id": uuid, "reason": "user forgot the password", **yes},
            "get_device_secret": {"device_id": pinned, "secret": "unlock_pin", "reason": "found it locked", **yes},
            "lock_device": {"device_id": lock["device_id"], "message": "call us", **yes},
            "restart_device": {"device_id": restart["serial_number"], **yes},
            "shutdown_device": {"device_id": shutdown["device_id"], **yes},
            "erase_device": {"device_id": erase["device_id"], "serial_number": erase["serial_number"], "pin": "123456", **yes},
            "delete_device": {"device_id": delete["device_id"], "serial_number": delete["serial_number"], **yes},
        }

    def having(self, part, field):
        """A Mac for which the tenant holds this secret."""
        for n in range(200):
            d = self.tenant.find(f"platform:Mac,nth:{n}")
            if self.tenant.get(f"/api/v1/devices/{d['device_id']}/secrets/{part}").get(field):
                return d["device_id"]
        raise AssertionError(f"no Mac has a {field}")

    def test_every_tool_answers(self):
        for rev in [*LEGACY, MODERN]:
            with self.subTest(rev=rev):
                self.every_tool(rev)

    def every_tool(self, rev):
        asks = rev in ("2025-06-18", "2025-11-25", MODERN)
        site = self.site(policy="" if asks else "unasked_destroy = yes\nunasked_reveal = yes")
        k = self.kmcp(site, rev=rev, ask="accept" if asks else None)
        mac, calls = self.calls()
        listed = k.result("tools/list")["tools"]
        self.assertEqual([t["name"] for t in listed], sorted([*calls, "get_job"]))
        for tool in listed:
            if tool["name"] == "get_job":  # for clients without tasks, when the compliance summary takes long
                continue
            name, before = tool["name"], len(k.asked)
            r = k.call(name, calls[name])
            self.assertFalse(r.get("isError"), (name, r))
            text = r["content"][0]["text"]
            self.assertTrue(text.strip(), name)
            if "outputSchema" in tool:
                self.assertIn("structuredContent", r, name)
                if jsonschema:
                    jsonschema.validate(r["structuredContent"], tool["outputSchema"])
            else:
                self.assertNotIn("structuredContent", r)
            if asks:
                self.assertEqual(len(k.asked) - before, 1 if "confirm" in calls[name] else 0, name)
        key = k.good("get_filevault_key", calls["get_filevault_key"])
        self.assertRegex(key["content"][0]["text"], "secret:[a-z2-7]{16}")
        self.assertNotIn(mac["filevault_key"], b"".join(k.raw).decode())
        self.check_schema(k, rev)

    def test_every_secret(self):
        k = self.kmcp(ask="accept")
        for part, field, secret in (("recoverypassword", "recovery_password", "recovery_password"),
                                    ("bypasscode", "device_based_albc", "bypass_code"),
                                    ("bypasscode", "user_based_albc", "bypass_code")):
            uuid = self.having(part, field)
            text = k.text("get_device_secret", {"device_id": uuid, "secret": secret, "reason": "repair", "confirm": True})
            self.assertRegex(text, "secret:[a-z2-7]{16}")
            value = self.tenant.get(f"/api/v1/devices/{uuid}/secrets/{part}")[field]
            self.assertNotIn(value, b"".join(k.raw).decode())

    def check_schema(self, k, rev):
        """Every line kmcp wrote is a message of the published schema."""
        check = validator(rev)
        if not check:
            return
        for line in k.raw:
            message = json.loads(line)
            errors = list(check.iter_errors(message))
            self.assertFalse(errors, (line[:300], errors[:1]))

    def test_answers_are_the_truth(self):
        k = self.kmcp(ask="accept")
        mac, calls = self.calls()
        truth = self.tenant.truth()
        listed = k.structured("list_devices", {"limit": 1})
        self.assertEqual((listed["total"], listed["complete"]), (truth["devices"], True))
        for platform, n in truth["by_platform"].items():
            self.assertEqual(k.structured("list_devices", {"platform": platform, "limit": 1})["total"], n, platform)
        for blueprint, b in truth["by_blueprint"].items():
            self.assertEqual(k.structured("list_devices", {"blueprint_id": blueprint, "limit": 1})["total"], b["count"])
        device = k.structured("get_device", {"device_id": mac["device_id"]})
        self.assertEqual(device["serial_number"], mac["serial_number"])
        self.assertEqual(device["device_name"], mac["device_name"])
        self.assertIn("is_supervised", device)
        self.assertEqual(k.structured("list_blueprints")["total"], truth["blueprints"])
        prism = k.structured("query_prism", {"category": "device_information", "platform": "AppleTV", "limit": 1})
        self.assertEqual((prism["total"], prism["complete"]), (truth["by_platform"].get("AppleTV", 0), True))
        blueprint = k.structured("get_blueprint", calls["get_blueprint"])
        self.assertTrue(blueprint["library_items"])
        name = truth["by_blueprint"][calls["get_blueprint"]["blueprint_id"]]["name"]
        self.assertEqual(k.structured("get_blueprint", {"blueprint_id": name})["id"], blueprint["id"])
        uuid, name = next((i, b["name"]) for i, b in truth["by_blueprint"].items() if "ü" in b["name"])
        for said in (name, name.upper(), name.lower(), unicodedata.normalize("NFD", name)):
            self.assertEqual(k.structured("get_blueprint", {"blueprint_id": said})["id"], uuid, said)
        self.assertIn("not found", k.bad("get_blueprint", {"blueprint_id": name[:-1]}))
        apps = k.structured("get_device_apps", calls["get_device_apps"])
        self.assertGreater(apps["total"], 5)
        self.assertEqual(apps["next"], "5")

    def test_lock_is_carried_out_and_can_be_followed(self):
        k = self.kmcp(ask="accept")
        mac = self.device()
        self.assertTrue(k.structured("lock_device", {"device_id": mac["device_id"], "confirm": True})["accepted"])
        self.tenant.set(clock_advance_s=3600)
        rows = k.structured("get_device_commands", {"device_id": mac["device_id"], "request_type": "DeviceLock"})["rows"]
        self.assertEqual(rows[0][2], "done")


class Compliance(Case):
    TENANT_ARGS = ("--devices", 20)

    def test_what_happened_is_told_whole(self):
        d = self.device()
        k = self.kmcp(self.site(extra="[server]\nstructured_content = no\n"))
        lines = k.text("get_device_activity", {"device_id": d["device_id"]}).split("\n")
        self.assertEqual(lines[1].split("\t"), ["time", "type", "request", "status", "error", "details"])
        rows = [line.split("\t") for line in lines[2:]]
        commands = [r for r in rows if r[1].startswith("mdm_command_")]
        self.assertTrue(commands)
        for row in commands:
            self.assertRegex("\t".join(row[2:4]), r"^[A-Z]\w+\t(done|failed)$")
            self.assertEqual(row[3] == "failed", row[4] != "")
        for row in rows:  # whole, or not at all
            self.assertTrue(row[5] == "{...}" or json.loads(row[5]), row)

    def test_a_state_that_is_none_is_not_known(self):
        proxy = Proxy(self.tenant.url)
        self.addCleanup(proxy.close)
        for body in (b'{"library_items": null, "parameters": 7}', b"{}", b"[]", b"null", b""):
            proxy.before = lambda method, path, _, body=body: (200, body) if path.endswith("/status") else None
            text = self.kmcp(self.site(url=proxy.url)).text("get_compliance_summary")
            self.assertIn("; 20 without a known state", text.split("\n")[0], body)


    def test_a_device_that_fails_is_named(self):
        ids = [d["device_id"] for d in self.tenant.get("/api/v1/devices?limit=20")]
        for policy in ("", "redact_pii = yes"):
            self.tenant.set(faults=[f"500,path={ids[n]}/status" for n in (3, 17)])
            text = self.kmcp(self.site(policy=policy)).text("get_compliance_summary")
            self.assertTrue(text.startswith("18 of 20 devices (INCOMPLETE), as of "), text)
            self.assertIn(f"the API failed with HTTP 500", text)
            self.assertIn(f" (failed: 2: {ids[3]}, {ids[17]})\n", text)
        self.tenant.set(faults=[], deny=["GET /api/v1/devices/{device_id}/status"])
        self.tenant.reset()
        self.assertIn('"Device Status"', self.kmcp().bad("get_compliance_summary"))
        self.assertLess(self.tenant.requests(), 14)


class RealTools(Tools, Case):
    DIALECT = "real"

    def test_filters_match_what_the_tenant_counts(self):
        k = self.kmcp()
        truth = self.tenant.truth()
        for on, key in ((True, "on"), (False, "off")):
            self.assertEqual(k.structured("list_devices", {"filevault_enabled": on, "limit": 1})["total"],
                             truth["filevault"][key])


class SeedTools(Tools, Case):
    DIALECT = "seed"


del Tools
if __name__ == "__main__":
    unittest.main()
