"""Rules and caps for who asks, told apart by tokens over HTTP.  SPDX-License-Identifier: Apache-2.0"""
import subprocess
import unittest

from e2e import DEADLINE, KMCP, Case

POLICY = """repeat_minutes = 0
[rule guests]
principals = http:guest
classes = READ
tools = list_devices
then = deny
because = guests look at one device at a time
[rule helpdesk]
principals = http:helpdesk-*
platforms = Mac
classes = WRITE
then = allow
[rule others]
principals = http:*
then = deny
because = only the help desk acts over HTTP
[rule local]
transports = stdio
then = allow
[cap each]
limit = 2
per = day
each = principal
[cap small]
principals = http:helpdesk-2
limit = 1
per = day"""


class Principals(Case):
    def setUp(self):
        super().setUp()
        self.s = self.site(policy=POLICY)
        self.tokens, file = {}, self.s.dir / "tokens"
        for who in ("helpdesk-1", "helpdesk-2", "ops", "guest"):
            p = subprocess.run([KMCP, "token", who, "read,write,destroy"], capture_output=True, text=True, timeout=DEADLINE)
            file.write_text((file.read_text() if file.exists() else "") + p.stdout)
            self.tokens[who] = {"Authorization": "Bearer " + p.stderr.split()[-1]}
        file.chmod(0o600)
        self.s.write(self.s.ini.read_text() + f"[http]\ntokens = {file}\n")
        self.h = self.http(self.s)

    def call(self, who, tool, args):
        """The text, and whether it went well."""
        r = self.h.result("tools/call", {"name": tool, "arguments": args}, headers=self.tokens[who])
        return r["content"][0]["text"], not r.get("isError")

    def lock(self, who, what="platform:Mac"):
        return self.call(who, "lock_device", {"device_id": self.device(what)["device_id"], "confirm": True})

    def test_rules_and_caps_of_each(self):
        for _ in range(2):
            text, good = self.lock("helpdesk-1")
            self.assertTrue(good, text)
        text, good = self.lock("helpdesk-1")
        self.assertFalse(good)
        self.assertIn("[cap each]", text)
        self.assertTrue(self.lock("helpdesk-2")[1])  # has a count of its own
        text, good = self.lock("helpdesk-2")
        self.assertFalse(good)
        self.assertIn("[cap small]", text)
        for who, what in (("ops", "platform:Mac"), ("guest", "platform:Mac"), ("helpdesk-1", "platform:iPad")):
            text, good = self.lock(who, what)
            self.assertFalse(good, who)
            self.assertIn("only the help desk acts over HTTP", text)
        with self.kmcp(self.s) as k:  # and who started kmcp another
            k.good("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True})
        self.assertEqual(len(self.tenant.acts()), 4)
        done = [(r["principal"], r["rule"]) for r in self.s.records() if r["event"] == "outcome"]
        self.assertEqual([r for r, _ in done[:3]], ["http:helpdesk-1"] * 2 + ["http:helpdesk-2"])
        self.assertTrue(done[3][0].startswith("local:"))
        refused = [(r["principal"], r["rule"]) for r in self.s.records() if r["event"] == "refused"]
        self.assertEqual(refused, [("http:helpdesk-1", "cap each"), ("http:helpdesk-2", "cap small"), ("http:ops", "rule others"),
                                   ("http:guest", "rule others"), ("http:helpdesk-1", "rule others")])

    def test_what_may_be_read(self):
        text, good = self.call("guest", "list_devices", {"limit": 1})
        self.assertFalse(good)
        self.assertIn("one device at a time", text)
        self.assertTrue(self.call("guest", "get_device", {"device_id": self.device()["device_id"]})[1])
        self.assertTrue(self.call("ops", "list_devices", {"limit": 1})[1])

    def test_explain_says_the_same(self):
        args = '{"device_id": "%s", "confirm": true}' % self.device("platform:Mac")["device_id"]
        for who, rule in (("http:helpdesk-1", "decided by rule helpdesk: allow"), ("http:ops", "decided by rule others: deny")):
            self.assertIn(rule, self.s.run("policy", "explain", "lock_device", args, "--as", who).stdout)


if __name__ == "__main__":
    unittest.main()
