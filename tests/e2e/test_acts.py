"""Acts: who must agree to what, what is recorded, and what never happens.  SPDX-License-Identifier: Apache-2.0"""
import json
import os
import unittest

from e2e import MODERN, PREFIX, Case, pin_pattern


class Acts(Case):
    def mac(self):
        return self.device()

    def erase(self, d, **more):
        return {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True, **more}

    def test_confirm_is_demanded_and_says_what_would_happen(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        d = self.mac()
        for tool in ("lock_device", "restart_device", "shutdown_device"):
            why = k.bad(tool, {"device_id": d["device_id"]})
            self.assertIn('"confirm": true', why)
            self.assertIn(d["serial_number"], why)
        self.assertIn("confirm", k.bad("get_filevault_key", {"device_id": d["device_id"], "reason": "test"}))
        for tool in ("erase_device", "delete_device"):
            self.assertIn("confirm", k.bad(tool, {**self.erase(d), "confirm": False}))
        self.assertEqual((self.tenant.acts(), k.asked), ([], []))
        self.assertEqual([r["event"] for r in site.records()], ["refused"] * 6)

    def test_the_person_sees_the_real_device(self):
        for rev in ("2025-06-18", "2025-11-25", MODERN):
            k = self.kmcp(rev=rev, ask="decline")
            d = self.mac()
            self.assertIn("said no", k.bad("erase_device", self.erase(d)))
            message = k.asked[-1]["message"]
            for part in (d["device_name"], d["serial_number"], d["blueprint_name"], "Everything on it is lost"):
                self.assertIn(part, message)
            self.assertEqual("mode" in k.asked[-1], rev != "2025-06-18")
        self.assertEqual(self.tenant.acts(), [])

    def test_no_argument_hides_another(self):
        k = self.kmcp(ask="decline")
        d = self.mac()
        for message in ("x" * 250, "\u00e9" * 250, "\\" * 250, "\U0001F600" * 250, '","PhoneNumber":"1"}' * 12):
            k.bad("lock_device", {"device_id": d["device_id"], "confirm": True, "message": message, "phone_number": "+1 900 SCAM"})
            question = k.asked[-1]["message"]
            self.assertTrue(question.endswith('"PhoneNumber":"+1 900 SCAM"}'), question)
            self.assertLess(len(question), 1500)
        self.assertEqual(self.tenant.acts(), [])

    def test_cancel_and_half_answers_are_no(self):
        for answer in ("cancel", "decline"):
            for rev in ("2025-11-25", MODERN):
                k = self.kmcp(rev=rev, ask=answer)
                k.bad("lock_device", {"device_id": self.mac()["device_id"], "confirm": True})
        k = self.kmcp(rev="2025-11-25", ask="accept")
        k.answer = lambda: {"action": "accept", "content": {"approve": False}}
        k.bad("lock_device", {"device_id": self.mac()["device_id"], "confirm": True})
        k.answer = lambda: {"action": "accept"}
        k.bad("lock_device", {"device_id": self.mac()["device_id"], "confirm": True})
        self.assertEqual(self.tenant.acts(), [])

    def test_without_a_way_to_ask(self):
        k = self.kmcp()
        d = self.mac()
        k.good("lock_device", {"device_id": d["device_id"], "confirm": True})
        for tool, args in (("erase_device", self.erase(d)), ("delete_device", self.erase(d)),
                           ("get_filevault_key", {"device_id": d["device_id"], "confirm": True, "reason": "test"})):
            self.assertRegex(k.bad(tool, args), r"not done yet.*kmcp approve [2-9A-Z]{4}-[2-9A-Z]{4}")
        self.assertEqual(len(self.tenant.acts()), 1)
        k = self.kmcp(self.site(policy="unasked_destroy = yes\nunasked_reveal = yes"))
        d = self.mac()
        k.good("get_filevault_key", {"device_id": self.device("platform:Mac,filevault:on")["device_id"],
                                     "confirm": True, "reason": "test"})
        k.good("erase_device", self.erase(d))

    def test_erase_and_delete_want_the_right_serial(self):
        k = self.kmcp(ask="accept")
        d, other = self.mac(), self.mac()
        for tool in ("erase_device", "delete_device"):
            self.assertIn("serial_number", k.bad(tool, {**self.erase(d), "serial_number": other["serial_number"]}))
            self.assertIn("missing", k.bad(tool, {"device_id": d["device_id"], "confirm": True}))
        self.assertEqual((self.tenant.acts(), k.asked), ([], []))
        k.good("delete_device", {**self.erase(d), "serial_number": d["serial_number"].lower()})
        self.assertIn("list_devices", k.bad("get_device", {"device_id": d["device_id"]}))

    def test_platforms_that_cannot_are_told_before_anything_is_sent(self):
        k = self.kmcp(ask="accept")
        tv = self.device("platform:AppleTV")
        for tool in ("lock_device", "shutdown_device"):
            self.assertIn("AppleTV", k.bad(tool, {"device_id": tv["device_id"], "confirm": True}))
        self.assertIn("Macs only", k.bad("get_filevault_key",
                                         {"device_id": tv["device_id"], "confirm": True, "reason": "test"}))
        self.assertEqual(self.tenant.acts(), [])

    def question(self, k, tool, args):
        r = k.call_once(tool, args)["result"]
        self.assertEqual(r["resultType"], "input_required")
        return r["requestState"]

    def approve(self, k, tool, args, state):
        return k.call_once(tool, args, requestState=state,
                           inputResponses={"approve": {"action": "accept", "content": {"approve": True}}})

    def test_an_approval_counts_for_exactly_that_once(self):
        site = self.site(policy="repeat_minutes = 0")
        k = self.kmcp(site, ask="accept")
        a, b = self.mac(), self.mac()
        state = self.question(k, "erase_device", self.erase(a))
        for tool, args in (("erase_device", self.erase(b)), ("erase_device", self.erase(a, preserve_data_plan=True)),
                           ("delete_device", self.erase(a)),
                           ("lock_device", {"device_id": a["device_id"], "confirm": True})):
            m = self.approve(k, tool, args, state)
            self.assertEqual(m["error"]["code"], -32602, m)
        flipped = ("B" if state[0] == "A" else "A") + state[1:]
        for bad in (flipped, state[:-1], state + "A", "", "x", state[:20] + state[21:], state[:40]):
            self.assertEqual(self.approve(k, "erase_device", self.erase(a), bad)["error"]["code"], -32602, bad)
        self.assertEqual(self.approve(k, "erase_device", self.erase(a), 5)["error"]["code"], -32602)
        foreign = self.kmcp(ask="accept")  # of another site: another key
        self.assertIn("error", self.approve(foreign, "erase_device", self.erase(a), state))
        self.assertEqual(self.tenant.acts(), [])
        k.close()
        fresh = self.kmcp(site, ask="accept")  # it survives a restart
        self.assertFalse(self.approve(fresh, "erase_device", self.erase(a), state)["result"].get("isError"))
        for other in (fresh, self.kmcp(site, ask="accept")):  # and counts once, wherever
            self.assertIn("used already", self.approve(other, "erase_device", self.erase(a), state)["error"]["message"])
        self.assertEqual(len(self.tenant.acts()), 1)

    def test_a_plan_looks_at_the_device_as_it_is_now(self):
        k = self.kmcp(ask="accept")  # with the cache as it is by default
        a = self.mac()
        k.good("get_device", {"device_id": a["device_id"]})
        self.tenant.set(device={"device_id": a["device_id"], "device_name": "Renamed Since"})
        r = k.call_once("lock_device", {"device_id": a["device_id"], "confirm": True})["result"]
        self.assertIn("Renamed Since", r["inputRequests"]["approve"]["params"]["message"])

    def test_a_no_ends_its_question(self):
        k = self.kmcp(ask="accept")
        a = self.mac()
        args = {"device_id": a["device_id"], "confirm": True}
        state = self.question(k, "lock_device", args)
        m = k.call_once("lock_device", args, requestState=state, inputResponses={"approve": {"action": "decline"}})
        self.assertIn("said no", m["result"]["content"][0]["text"])
        self.assertIn("used already", self.approve(k, "lock_device", args, state)["error"]["message"])
        self.assertEqual(self.tenant.acts(), [])

    def test_a_gateway_error_says_nothing_of_the_act(self):
        for status in (502, 504):
            site = self.site()
            k = self.kmcp(site, ask="accept")
            a = self.mac()
            self.tenant.set(faults=[f"{status},path=/action/,method=POST"])
            text = k.bad("lock_device", {"device_id": a["device_id"], "confirm": True})
            self.tenant.set(faults=[])
            self.assertIn("is unknown", text)
            self.assertEqual(site.records()[-1]["result"], "unknown")

    def test_a_2xx_that_the_api_does_not_give_says_nothing(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        self.tenant.set(faults=["badjson,path=/action/,method=POST"])
        text = k.bad("lock_device", {"device_id": self.mac()["device_id"], "confirm": True})
        self.tenant.set(faults=[])
        self.assertIn("is unknown", text)
        self.assertEqual(site.records()[-1]["result"], "unknown")

    def test_an_answer_without_its_question_is_nothing(self):
        k = self.kmcp(ask="accept")
        args = {"device_id": self.mac()["device_id"], "confirm": True}
        m = k.call_once("lock_device", args, inputResponses={"approve": {"action": "accept", "content": {"approve": True}}})
        self.assertEqual(m["error"]["code"], -32602)
        for bad in ([], "x", {"approve": 5}, {"approve": {"action": "maybe"}}):
            m = k.call_once("lock_device", args, inputResponses=bad, requestState=self.question(k, "lock_device", args))
            self.assertEqual(m["error"]["code"], -32602, bad)
        m = k.call_once("lock_device", args, inputResponses=None, requestState=self.question(k, "lock_device", args))
        self.assertEqual(m["result"]["resultType"], "input_required")
        self.assertEqual(self.tenant.acts(), [])

    def test_a_device_that_changed_hands_is_asked_again(self):
        site = self.site(cache="devices = 0")
        k = self.kmcp(site, ask="accept")
        d = self.mac()
        state = self.question(k, "erase_device", self.erase(d))
        self.tenant.set(device={"device_id": d["device_id"], "user_name": "Somebody Else", "user_email": "else@example.org"})
        m = self.approve(k, "erase_device", self.erase(d), state)
        self.assertEqual(m["result"]["resultType"], "input_required")
        question = m["result"]["inputRequests"]["approve"]["params"]["message"]
        self.assertIn("changed", question)
        self.assertIn("Somebody Else", question)
        self.assertEqual(self.tenant.acts(), [])

    def test_pins_are_nowhere(self):
        for dialect in ("real", "seed"):
            self.tenant.set(dialect=dialect)
            site = self.site(extra="[log]\nlevel = debug")
            k = self.kmcp(site, ask="accept")
            d = self.mac()
            r = k.good("lock_device", {"device_id": d["device_id"], "confirm": True, "message": "hello"})
            self.assertTrue(r["structuredContent"]["pin_set"])
            e = self.mac()
            k.good("erase_device", self.erase(e, pin="735192"))
            k.close()
            pin = self.tenant.truth("?device_id=" + d["device_id"])["pin"]
            self.assertTrue(pin)
            everything = b"".join(k.raw).decode() + k.stderr + site.audit.read_text()
            for secret in (pin_pattern(pin), pin_pattern("735192"), "kmcp-demo-token"):
                self.assertNotRegex(everything, secret)
            sent = [json.loads(a["body"]) for a in self.tenant.acts() if a["body"]]
            self.assertIn({"Message": "hello"}, sent)
            self.assertIn({"PIN": "735192"}, sent)
            self.tenant.reset()
        self.tenant.set(dialect="real")

    def test_keys_are_in_no_log_and_no_record(self):
        site = self.site(extra="[log]\nlevel = debug", policy="inline_secrets = get_filevault_key")
        k = self.kmcp(site, ask="accept")
        d = self.device("platform:Mac,filevault:on")
        r = k.good("get_filevault_key", {"device_id": d["device_id"], "confirm": True, "reason": "locked out"})
        self.assertIn(d["filevault_key"], r["content"][0]["text"])
        k.close()
        self.assertNotIn(d["filevault_key"], k.stderr + site.audit.read_text())
        self.assertEqual([(x["event"], x["tool"]) for x in site.records()],
                         [(e, "get_filevault_key") for e in ("asked", "intent", "outcome")])

    def test_the_record_frames_the_act(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        d = self.mac()
        k.good("lock_device", {"device_id": d["device_id"], "confirm": True})
        asked, intent, outcome = site.records()
        self.assertEqual(asked["event"], "asked")
        self.assertIn(d["serial_number"], asked["detail"])
        self.assertEqual((intent["event"], outcome["event"], outcome["result"]), ("intent", "outcome", "ok"))
        self.assertEqual(intent["id"], outcome["id"])
        self.assertEqual(outcome["request"], f"POST /api/v1/devices/{d['device_id']}/action/lock")
        self.assertEqual(intent["subjects"][0]["id"], d["device_id"])
        self.assertTrue(intent["consent"].startswith("elicitation "))
        self.assertLessEqual(intent["time"], outcome["time"])
        self.assertEqual(site.audit.stat().st_mode & 0o777, 0o600)

    def test_no_record_no_act(self):
        site = self.site()
        site.audit.mkdir()
        k = self.kmcp(site, ask="accept")
        d = self.device("platform:Mac,filevault:on")
        for tool, args in (("lock_device", {"device_id": d["device_id"], "confirm": True}),
                           ("get_filevault_key", {"device_id": d["device_id"], "confirm": True, "reason": "test"})):
            why = k.bad(tool, args)
            self.assertIn("was not done", why)
            self.assertIn(str(site.audit), why)
        self.assertEqual(self.tenant.acts(), [])
        self.assertNotIn("filevaultkey", " ".join(self.tenant.stats()["last_requests"]))
        k.good("list_devices", {"limit": 1})
        self.assertNotEqual(site.run("check").returncode, 0)

    def test_read_only_binds_everything(self):
        site = self.site(read_only=True)
        k = self.kmcp(site, ask="accept")
        names = [t["name"] for t in k.result("tools/list")["tools"]]
        self.assertFalse({"lock_device", "erase_device", "get_filevault_key"} & set(names))
        self.assertIn("read_only = yes", k.bad("lock_device", {"device_id": self.mac()["device_id"], "confirm": True}))
        self.assertEqual(self.tenant.acts(), [])

    def test_a_refusal_of_the_api_is_told(self):
        k = self.kmcp(self.site(policy="repeat_minutes = 0"), ask="accept")
        d = self.mac()
        k.good("lock_device", {"device_id": d["device_id"], "confirm": True})
        why = k.bad("lock_device", {"device_id": d["device_id"], "confirm": True})
        self.assertRegex(why, "already locked|already running")
        self.assertIn("get_device_commands shows it", why)

    def test_nothing_stale_after_an_act(self):
        k = self.kmcp(ask="accept")
        d = self.mac()
        for tool in ("get_device", "get_device_status", "get_device_commands", "get_device_activity"):
            k.good(tool, {"device_id": d["device_id"]})
        k.good("list_devices", {"limit": 1})
        self.tenant.reset()
        k.good("get_device", {"device_id": d["device_id"]})
        self.assertEqual(self.tenant.requests(), 0)  # all from the cache so far
        k.good("lock_device", {"device_id": d["device_id"], "confirm": True})
        self.tenant.reset()
        for tool in ("get_device", "get_device_status", "get_device_commands", "get_device_activity"):
            before = self.tenant.requests()
            k.good(tool, {"device_id": d["device_id"]})
            self.assertGreater(self.tenant.requests(), before, tool)
        before = self.tenant.requests()
        k.good("list_devices", {"limit": 1})
        self.assertGreater(self.tenant.requests(), before)


if __name__ == "__main__":
    unittest.main()
