"""Approvals used for what they were not given for: each is refused, and has a record of its own that names the tool,
what was asked for, which approval it was and why it does not count.  SPDX-License-Identifier: Apache-2.0"""
import base64
import contextlib
import ctypes
import ctypes.util
import json
import os
import re
import sqlite3
import subprocess
import unittest

from e2e import DEADLINE, KMCP, Case
from test_policy import YES, on_terminal

ACCEPT = {"action": "accept", "content": {"approve": True}}
CAN_ASK = {"elicitation": {}}


def gcm(key, nonce, data, encrypt, tag=None):
    """AES-256-GCM, through the libcrypto that kmcp uses."""
    lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
    lib.EVP_CIPHER_CTX_new.restype = lib.EVP_aes_256_gcm.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.EVP_CIPHER_CTX_new())
    out, n = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
    try:
        assert lib.EVP_CipherInit_ex(context, ctypes.c_void_p(lib.EVP_aes_256_gcm()), None, key, nonce, int(encrypt)) == 1
        assert lib.EVP_CipherUpdate(context, out, ctypes.byref(n), data, len(data)) == 1
        if not encrypt:
            assert lib.EVP_CIPHER_CTX_ctrl(context, 0x11, 16, tag) == 1
        assert lib.EVP_CipherFinal_ex(context, ctypes.byref(out, len(data)), ctypes.byref(n)) == 1
        if encrypt:
            tag = ctypes.create_string_buffer(16)
            assert lib.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, tag) == 1
            return out.raw[:len(data)] + tag.raw
        return out.raw[:len(data)]
    finally:
        lib.EVP_CIPHER_CTX_free(context)


class Misuse(Case):
    POLICY = "repeat_minutes = 0"

    def erase(self, d, **more):
        return {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True, **more}

    def change_hands(self, d, who="Somebody Else"):
        self.tenant.set(device={"device_id": d["device_id"], "user_name": who,
                                "user_email": who.split()[0].lower() + "@example.org"})

    def change_policy(self, site):
        site.write(site.ini.read_text().replace("[audit]", "[rule vip]\ntags = vip\nthen = deny\n[audit]"))

    def judged(self, site, before, tool, device, why, names):
        """Since BEFORE there is one record of a refusal (beside that it waits for a person now), for TOOL on DEVICE
        because of WHY, and it names NAMES."""
        refused = [r for r in site.records()[before:] if r["event"] == "refused" and "was not done yet" not in r["detail"]]
        self.assertEqual(len(refused), 1, refused)
        r = refused[0]
        self.assertEqual((r["tool"], [s["id"] for s in r.get("subjects", [])]), (tool, [device["device_id"]]))
        self.assertRegex(r["detail"], why)
        self.assertEqual(r.get("consent"), names)
        self.assertEqual(site.run("audit", "verify").returncode, 0)
        return r

    # ---- level 2: the person at the client ----

    def resealed(self, site, state):
        """A state that is ours, ten minutes older."""
        key = bytes.fromhex((site.dir / "seal.key").read_text())
        raw = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
        plain = json.loads(gcm(key, raw[:12], raw[12:-16], False, raw[-16:]))
        plain["until"] -= 600001
        nonce = os.urandom(12)
        return base64.urlsafe_b64encode(nonce + gcm(key, nonce, json.dumps(plain).encode(), True)).decode().rstrip("=")

    def test_the_state_of_a_question(self):
        def other_device(c):
            return c.give("erase_device", self.erase(c.b))

        def other_arguments(c):
            return c.give("erase_device", self.erase(c.a, preserve_data_plan=True))

        def other_pin(c):
            return c.give("erase_device", self.erase(c.a, pin="735192"))

        def other_tool(c):
            return c.give("delete_device", self.erase(c.a))

        def forged(c):
            c.state = ("B" if c.state[0] == "A" else "A") + c.state[1:]
            return c.give("erase_device", self.erase(c.a))

        def truncated(c):
            c.state = c.state[:-8]
            return c.give("erase_device", self.erase(c.a))

        def of_another_site(c):
            with self.kmcp(self.site(), ask="accept") as k:
                c.state = k.call_once("erase_device", self.erase(c.a))["result"]["requestState"]
            return c.give("erase_device", self.erase(c.a))

        def none(c):
            return c.k.call_once("erase_device", self.erase(c.a), inputResponses={"approve": ACCEPT})

        def malformed(answer):
            return lambda c: c.give("erase_device", self.erase(c.a), answer)

        def responses(what):
            return lambda c: c.k.call_once("erase_device", self.erase(c.a), requestState=c.state, inputResponses=what)

        def no_state(c):
            return c.k.call_once("erase_device", self.erase(c.a), requestState=5, inputResponses={"approve": ACCEPT})

        def no_answers(c):
            return c.k.call_once("erase_device", self.erase(c.a), inputResponses=["approve"])

        def after_a_malformed_one(c):
            c.give("erase_device", self.erase(c.a), "yes")
            c.before = len(c.site.records())
            return c.give("erase_device", self.erase(c.a))

        def expired(c):
            c.state = self.resealed(c.site, c.state)
            return c.give("erase_device", self.erase(c.a))

        def twice(c):
            self.assertFalse(c.give("erase_device", self.erase(c.a))["result"].get("isError"))
            return c.give("erase_device", self.erase(c.a))

        def after_a_no(c):
            c.give("erase_device", self.erase(c.a), {"action": "decline"})
            c.before = len(c.site.records())
            return c.give("erase_device", self.erase(c.a))

        def policy_changed(c):
            c.k.close()
            self.change_policy(c.site)
            c.k = self.kmcp(c.site, ask="accept")
            return c.give("erase_device", self.erase(c.a))

        def user_changed(c):
            self.change_hands(c.a)
            return c.give("erase_device", self.erase(c.a))

        class Given:
            def give(self, tool, args, answer=ACCEPT):
                return self.k.call_once(tool, args, requestState=self.state, inputResponses={"approve": answer})

        erase = "erase_device"
        table = [  # what is done, why it is refused, of which tool and device, is the question known, requests sent
            (other_device, "for other arguments", erase, "b", True, 0),
            (other_arguments, "for other arguments", erase, "a", True, 0),
            (other_pin, "for other arguments", erase, "a", True, 0),
            (other_tool, "for another tool", "delete_device", "a", True, 0),
            (forged, "not issued here, or was changed or cut", erase, "a", False, 0),
            (truncated, "not issued here, or was changed or cut", erase, "a", False, 0),
            (of_another_site, "not issued here, or was changed or cut", erase, "a", False, 0),
            (none, "without its requestState", erase, "a", False, 0),
            (malformed(5), "^malformed answer: .* must have the action", erase, "a", True, 0),
            (malformed({}), "^malformed answer: .* must have the action", erase, "a", True, 0),
            (malformed(None), "^malformed answer: .* must have the action", erase, "a", True, 0),
            (malformed({"action": "maybe"}), "^malformed answer: .* must have the action", erase, "a", True, 0),
            (responses([{"approve": ACCEPT}]), '^malformed answer: "inputResponses" must be an object', erase, "a", True, 0),
            (responses("accept"), '^malformed answer: "inputResponses" must be an object', erase, "a", True, 0),
            (no_state, '"requestState" is not one of ours', erase, "a", False, 0),
            (no_answers, '"inputResponses" must be an object', erase, "a", False, 0),
            (after_a_malformed_one, "used already", erase, "a", True, 0),
            (malformed({"action": "accept"}), "said no", erase, "a", True, 0),
            (malformed({"action": "accept", "content": {"approve": "yes"}}), "said no", erase, "a", True, 0),
            (malformed({"action": "cancel"}), "without a yes or no", erase, "a", True, 0),
            (expired, "expired", erase, "a", True, 0),
            (twice, "used already", erase, "a", True, 1),
            (after_a_no, "used already", erase, "a", True, 0),
            (policy_changed, "the policy has changed", erase, "a", True, 0),
            (user_changed, "the device, its user", erase, "a", True, 0),
        ]
        for act, why, tool, which, known, sent in table:
            with self.subTest(act.__name__, why=why):
                c = Given()
                c.site = self.site(policy=self.POLICY, cache="devices = 0")
                c.k, c.a, c.b = self.kmcp(c.site, ask="accept"), self.device(), self.device()
                self.tenant.reset()
                c.state = c.k.call_once(erase, self.erase(c.a))["result"]["requestState"]
                asked = c.site.records()[-1]
                self.assertRegex(asked["consent"], "^elicitation [0-9a-f]{32}$")
                c.before = len(c.site.records())
                m = act(c)
                r = m.get("result", {})
                self.assertTrue("error" in m or r.get("isError") or r["resultType"] == "input_required", m)
                self.judged(c.site, c.before, tool, getattr(c, which), why, asked["consent"] if known else None)
                self.assertEqual(len(self.tenant.acts()), sent)
                if "malformed" in why:  # that is the question's end: it is not unanswered, later
                    self.assertEqual(m["error"]["code"], -32602)
                    self.assertEqual(c.site.run("audit", "show", "--open").stdout, "")
                    with contextlib.closing(sqlite3.connect(c.site.dir / "state.db")) as db:
                        self.assertEqual(db.execute("SELECT count(*) FROM record WHERE space = 'asked'").fetchone(), (0,))
                if r.get("resultType") == "input_required":  # asked anew, as another question
                    self.assertEqual(c.site.records()[-1]["event"], "asked")
                    self.assertNotEqual(c.site.records()[-1]["consent"], asked["consent"])
                c.k.close()

    def test_requests_of_ours(self):
        """Before 2026-07-28 the client is asked by a request, and never sees a state."""
        def after(change):
            """Says yes once CHANGE is made, and no to what is asked then."""
            def answer(c):
                change(c)
                return ACCEPT if len(c.k.asked) == 1 else {"action": "decline"}
            return answer

        table = [
            ("malformed", lambda c: {"action": "maybe"}, "without a yes or no", 1),
            ("no object", lambda c: [], "without a yes or no", 1),
            ("empty", lambda c: {}, "without a yes or no", 1),
            ("half", lambda c: {"action": "accept"}, "said no", 1),
            ("no", lambda c: {"action": "decline"}, "said no", 1),
            ("changed hands", after(lambda c: self.change_hands(c.a)), "the device, its user", 2),
        ]
        for rev in ("2025-06-18", "2025-11-25"):
            for name, reply, why, rounds in table:
                with self.subTest(name, rev=rev):
                    class Given:
                        pass
                    c = Given()
                    c.site = self.site(policy=self.POLICY, cache="devices = 0")
                    c.a = self.device()
                    c.k = self.kmcp(c.site, rev=rev, ask="accept",
                                    replies={"elicitation/create": lambda _, c=c, reply=reply: reply(c)})
                    self.assertTrue(c.k.call("erase_device", self.erase(c.a)).get("isError"))
                    self.assertEqual(len(c.k.asked), rounds)
                    records = c.site.records()
                    self.assertEqual([r["event"] for r in records], ["asked", "refused"] * rounds)
                    self.assertEqual(records[1]["consent"], records[0]["consent"])
                    self.assertEqual([s["id"] for s in records[1]["subjects"]], [c.a["device_id"]])
                    self.assertRegex(records[1]["detail"], why)
                    self.assertEqual(self.tenant.acts(), [])
                    c.k.close()

    # ---- level 3: a person outside ----

    def ask(self, k, tool, args):
        why = k.bad(tool, args)
        found = re.search(r"kmcp approve ([2-9A-Z]{4}-[2-9A-Z]{4})", why)
        self.assertTrue(found, why)
        return found.group(1)

    def test_the_approval_of_a_person(self):
        def other_device(c):
            return self.ask(c.k, "erase_device", self.erase(c.b))

        def other_arguments(c):
            return self.ask(c.k, "erase_device", self.erase(c.a, preserve_data_plan=True))

        def other_pin(c):
            return self.ask(c.k, "erase_device", self.erase(c.a, pin="735192"))

        def other_tool(c):
            return self.ask(c.k, "delete_device", self.erase(c.a))

        def twice(c):
            c.k.good("erase_device", self.erase(c.a))
            return self.ask(c.k, "erase_device", self.erase(c.a))

        def expired(c):
            db = sqlite3.connect(c.site.dir / "state.db")
            for key, value in db.execute("SELECT key, value FROM record WHERE space='pending'").fetchall():
                v = json.loads(value)
                v["expires"] -= 2 * 3600000
                db.execute("UPDATE record SET value=? WHERE space='pending' AND key=?", (json.dumps(v).encode(), key))
            db.commit()
            db.close()
            return self.ask(c.k, "erase_device", self.erase(c.a))

        def policy_changed(c):
            c.k.close()
            self.change_policy(c.site)
            c.k = self.kmcp(c.site)
            return self.ask(c.k, "erase_device", self.erase(c.a))

        def user_changed(c):
            self.change_hands(c.a)
            return self.ask(c.k, "erase_device", self.erase(c.a))

        erase = "erase_device"
        table = [
            (other_device, "is for other arguments", erase, "b", 0),
            (other_arguments, "is for other arguments", erase, "a", 0),
            (other_pin, "is for other arguments", erase, "a", 0),
            (other_tool, "is for another tool", "delete_device", "a", 0),
            (twice, "was used already", erase, "a", 1),
            (expired, "it has expired", erase, "a", 0),
            (policy_changed, "the policy has changed", erase, "a", 0),
            (user_changed, "the device, its user", erase, "a", 0),
        ]
        for act, why, tool, which, sent in table:
            with self.subTest(act.__name__):
                class Given:
                    pass
                c = Given()
                c.site = self.site(policy=self.POLICY, cache="devices = 0")
                c.k, c.a, c.b = self.kmcp(c.site), self.device(), self.device()
                self.tenant.reset()
                pending = self.ask(c.k, erase, self.erase(c.a))
                text, status = on_terminal(c.site, "approve", pending, answers=[YES])
                self.assertEqual(status, 0, text)
                before = len(c.site.records())
                self.assertNotEqual(act(c), pending)  # it waits for one of its own
                self.judged(c.site, before, tool, getattr(c, which), why, "approval " + pending)
                self.assertIn("pending", [r["event"] for r in c.site.records()[before:]])
                self.assertEqual(len(self.tenant.acts()), sent)
                c.k.close()

    # ---- another principal ----

    def test_another_principal(self):
        site = self.site(policy=self.POLICY, cache="devices = 0")
        tokens = {}
        file = site.dir / "tokens"
        for who in ("ana", "bob"):
            p = subprocess.run([KMCP, "token", who, "read,write,destroy"], capture_output=True, text=True, timeout=DEADLINE)
            file.write_text((file.read_text() if file.exists() else "") + p.stdout)
            tokens[who] = {"Authorization": "Bearer " + p.stderr.split()[-1]}
        file.chmod(0o600)
        site.write(site.ini.read_text() + f"[http]\ntokens = {file}\n")
        h = self.http(site)
        d = self.device()
        call = {"name": "erase_device", "arguments": self.erase(d)}
        state = h.result("tools/call", call, headers=tokens["ana"], caps=CAN_ASK)["requestState"]
        asked, before = site.records()[-1]["consent"], len(site.records())
        given = {**call, "requestState": state, "inputResponses": {"approve": ACCEPT}}
        self.assertEqual(h.request("tools/call", given, headers=tokens["bob"], caps=CAN_ASK).code, -32602)
        self.assertEqual(self.judged(site, before, "erase_device", d, "to another principal", asked)["principal"], "http:bob")
        why = h.result("tools/call", call, headers=tokens["ana"])["content"][0]["text"]
        pending = re.search("approve ([2-9A-Z-]{9})", why).group(1)
        text, status = on_terminal(site, "approve", pending, answers=[YES])
        self.assertEqual(status, 0, text)
        self.assertIn("http:ana", text)
        before = len(site.records())
        why = h.result("tools/call", call, headers=tokens["bob"])["content"][0]["text"]
        self.assertNotEqual(re.search("approve ([2-9A-Z-]{9})", why).group(1), pending)
        self.judged(site, before, "erase_device", d, "is for another principal", "approval " + pending)
        self.assertEqual(self.tenant.acts(), [])
        self.assertFalse(h.result("tools/call", call, headers=tokens["ana"]).get("isError"))  # hers still counts
        self.assertEqual(len(self.tenant.acts()), 1)


if __name__ == "__main__":
    unittest.main()
