"""Answers that the API does not give: rubbish, refusals that look like successes, the token, persons.
SPDX-License-Identifier: Apache-2.0"""
import json
import unicodedata
import unittest
import urllib.parse

from between import Between, answer
from e2e import TOKEN, Case

RUBBISH = [answer(200, body) for body in (
    "[]", "null", "false", "7", '"Access denied"', '{"success":false}', '{"status":"error","reason":"denied"}', '{"status":"failed"}',
    '{"error":"not allowed","code":17,"request_id":"x"}', '{"Error":"x"}', '[{"error":"x"}]', '{"errors":[],"a":1,"b":2}',
    '{"detail":"sign in","next":"/login","code":1}', "<html>")] + [
    answer(206, '{"a":1}'), answer(206), answer(203), answer(200, "{}", "text/html"), answer(200, '{"a":1}', "text/plain; charset=utf-8")]
FINE = [answer(200), answer(200, "", None), answer(202), answer(204), answer(200, "", "text/html; charset=utf-8"), answer(200, " \n"),
        answer(200, "{}"), answer(200, '{"message":"Lock sent."}'), answer(200, '{"PIN":"123456"}'), answer(200, '{"unlock_pin":"123456"}'),
        answer(200, '{"status":"pending","success":true}', "application/vnd.api+json"), answer(201, '{"id":"1"}', None)]


class Answers(Case):
    TENANT_ARGS = ("--devices", 300)

    def setUp(self):
        super().setUp()
        self.between = Between(self.tenant)
        self.addCleanup(self.between.close)

    def lock(self, site, device):
        return site.run("call", "lock_device", json.dumps({"device_id": device["device_id"], "confirm": True}))

    def test_a_success_that_is_none_is_unknown(self):
        for expected, answers in (("unknown", RUBBISH), ("ok", FINE)):
            for data in answers:
                self.between.act, site, before = data, self.site(url=self.between.url), self.between.acts
                p = self.lock(site, self.device("platform:Mac"))
                self.assertEqual(site.records()[-1]["result"], expected, (data, p.stderr))
                self.assertEqual("is unknown" in p.stderr, expected == "unknown", data)
                self.assertEqual(self.between.acts, before + 1, data)

    def test_the_token_in_any_spelling_goes_nowhere(self):
        d = self.device("platform:Mac")
        path = "/api/v1/devices/" + d["device_id"]
        record = json.dumps({**self.tenant.get(path), "device_name": TOKEN, "asset_tag": "x" + TOKEN})
        for spelled in (record, record.replace(TOKEN, "\\u006b" + TOKEN[1:]), record.replace(TOKEN, "".join(f"\\u{ord(c):04X}" for c in TOKEN))):
            self.between.gets = [(path, answer(200, spelled))]
            site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
            p = site.run("call", "get_device", json.dumps({"device_id": d["device_id"]}))
            self.assertEqual(p.returncode, 0, p.stderr)
            p.stdout += self.lock(site, d).stdout
            for where in (p.stdout + p.stderr, site.audit.read_text(), *(f.read_bytes().decode("latin-1") for f in site.dir.glob("state.db*"))):
                self.assertNotIn(TOKEN, where)

    def test_privacy_quotes_nobody(self):
        """However an error spells a person: in both privacy modes the status and our own advice are all there is."""
        d = self.device("platform:Mac")
        name, mail, serial = (d[k] or "Zoe Quill" for k in ("user_name", "user_email", "serial_number"))
        words = [f"user {name.upper()} blocked", f"user {unicodedata.normalize('NFD', name)} blocked", f"user {name.split()[-1]} blocked",
                 f"user {', '.join(reversed(name.split()))} blocked", f"user {name.replace(' ', '  ')} blocked", "x" * 195 + name, "y" * 180 + mail,
                 urllib.parse.quote(mail, safe=""), serial.lower(), "a device of " + name]
        bodies = [json.dumps({"detail": w}) for w in words] + [json.dumps({name: ["blocked"]}), json.dumps(words), '{"detail": "' + name,
                  "<html><body>" + "".join(f"&#{ord(c)};" for c in name) + "</body></html>", name, json.dumps({"detail": "seen-words"})]
        for mode in ("yes", "pseudonyms"):
            policy = f"redact_pii = {mode}\n[rule all]\nthen = allow"
            site = self.site(url=self.between.url, policy=policy, extra="[log]\nlevel = debug")
            said = {}
            for status in (400, 404, 500):
                for body in bodies:
                    self.between.act = answer(status, body, "text/html" if body[0] == "<" else "application/json")
                    # a 500 leaves the outcome unknown, and the same is not sent to the device again: each has a ledger of its own
                    on = self.site(url=self.between.url, policy=policy) if status == 500 else site
                    said.setdefault(status, set()).add(self.lock(on, d).stderr.split("kmcp: ")[-1])
            for status, texts in said.items():
                self.assertEqual(len(texts), 1, (mode, status, texts))
            self.between.gets = [(f"/devices/{d['device_id']}", answer(404, json.dumps({"detail": f"{name} ({serial}) was archived"})))]
            p = site.run("call", "get_device", json.dumps({"device_id": d["device_id"]}))
            self.between.gets = []
            self.assertNotIn("archived", p.stdout + p.stderr + site.audit.read_text())
        self.between.act = answer(400, bodies[-1])
        self.assertIn("seen-words", self.lock(self.site(url=self.between.url), d).stderr)

    def test_a_secret_that_cannot_be_kept_is_a_failure(self):
        d, key = self.device("platform:Mac,filevault:on"), "K" * 20000  # more than the vault takes
        self.between.gets = [("filevaultkey", answer(200, json.dumps({"key": key})))]
        self.between.act = answer(200, json.dumps({"PIN": key}))
        site = self.site(url=self.between.url, policy="[rule all]\nthen = allow")
        p = site.run("call", "get_filevault_key", json.dumps({"device_id": d["device_id"], "confirm": True, "reason": "locked out"}))
        self.assertEqual(p.returncode, 1, p.stdout)
        self.assertIn("was read but could not be kept", p.stderr)
        self.assertEqual(site.records()[-1]["result"], "failed")
        self.assertIn("could not be kept", site.records()[-1]["detail"])
        p = self.lock(site, d)  # the act is done all the same, and says what is missing
        self.assertEqual((p.returncode, site.records()[-1]["result"]), (0, "ok"), p.stderr)
        self.assertIn("the PIN was read but could not be kept", p.stdout)


if __name__ == "__main__":
    unittest.main()
