"""What plugins can do through the SDK, in every revision, over stdio: the fixtures of the conformance suite, and what it
does not look at.  SPDX-License-Identifier: Apache-2.0"""
import json
import unittest

from e2e import EVERYTHING, LEGACY, MODERN, PREFIX, TASKS, Case, validator

ALL = LEGACY + [MODERN]
PERSON = {"action": "accept", "content": {"name": "Ana", "username": "ana", "email": "a@example.com", "confirm": True,
                                          "ok": True, "color": "red", "context": "a test"}}
REPLIES = {"elicitation/create": lambda p: PERSON,
           "sampling/createMessage": lambda p: {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m",
                                                "stopReason": "endTurn"},
           "roots/list": lambda p: {"roots": [{"uri": "file:///work", "name": "work"}]}}


NO_JOBS = ("actions", "secrets")  # no tool of theirs takes long


class Features(Case):
    TENANT_ARGS = ("--devices", 5)

    def client(self, rev=MODERN, caps=EVERYTHING, replies=None, extra=""):
        k = self.kmcp(self.fixtures(extra), rev=rev, caps=caps, replies=replies or REPLIES)
        self.addCleanup(self.all_valid, k, rev)
        return k

    def all_valid(self, k, rev):
        """Every line was a message of the published schema."""
        check = validator(rev)
        for line in k.raw if check else ():
            errors = list(check.iter_errors(json.loads(line)))
            self.assertFalse(errors, (line[:300], errors[:1]))

    def check_result(self, rev, name, result):
        check = validator(rev, name)
        if check:
            self.assertFalse(list(check.iter_errors(result)), result)

    # ---- what is offered ----

    def test_capabilities_are_what_is_there(self):
        caps = self.client().result("server/discover")["capabilities"]
        self.assertEqual(caps, {"tools": {"listChanged": True}, "prompts": {"listChanged": True},
                                "resources": {"subscribe": True, "listChanged": True}, "completions": {}, "logging": {},
                                "extensions": {PREFIX + "tasks": {}}})
        k = self.kmcp(self.site(plugins=NO_JOBS))
        self.assertEqual(k.result("server/discover")["capabilities"], {"tools": {}})
        for method in ("prompts/list", "resources/list", "completion/complete", "subscriptions/listen", "tasks/get"):
            self.assertEqual(k.request(method)["error"]["code"], -32601, method)

    def test_methods_belong_to_their_era(self):
        modern, legacy = self.client(), self.client("2025-11-25")
        for method in ("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list"):
            self.assertEqual(modern.request(method)["error"]["code"], -32601, method)
        for method in ("server/discover", "subscriptions/listen", "tasks/get", "tasks/result"):
            self.assertEqual(legacy.request(method)["error"]["code"], -32601, method)

    # ---- lists ----

    def test_lists_in_every_revision(self):
        for rev in ALL:
            k = self.client(rev)
            for method, key, name in (("tools/list", "tools", "ListToolsResult"), ("prompts/list", "prompts", "ListPromptsResult"),
                                      ("resources/list", "resources", "ListResourcesResult"),
                                      ("resources/templates/list", "resourceTemplates", "ListResourceTemplatesResult")):
                r = k.result(method)
                self.check_result(rev, name, r)
                self.assertTrue(r[key])
                self.assertEqual("title" in json.dumps(r[key][-1]), rev >= "2025-06-18" and key in ("tools", "prompts") and
                                 bool(r[key][-1].get("title")), (rev, key))
                self.assertEqual("ttlMs" in r, rev == MODERN)

    def test_pages(self):
        for rev in (LEGACY[0], MODERN):
            k = self.client(rev, extra="[server]\nlist_page = 7\n")
            whole = [t["name"] for t in self.client(rev).result("tools/list")["tools"]]
            seen, cursor, pages = [], None, 0
            while pages == 0 or cursor:
                r = k.result("tools/list", {"cursor": cursor} if cursor else {})
                seen += [t["name"] for t in r["tools"]]
                cursor, pages = r.get("nextCursor"), pages + 1
            self.assertEqual((seen, pages), (whole, -(-len(whole) // 7)))
            cursor = k.result("tools/list")["nextCursor"]
            for bad in ("", "7", "7.", cursor + "x", "8" + cursor[1:], "14" + cursor[1:], 7, None):
                self.assertEqual(k.request("tools/list", {"cursor": bad})["error"]["code"], -32602, bad)
            self.assertEqual(k.request("prompts/list", {"cursor": cursor})["error"]["code"], -32602)  # of another list
            k.good("test_trigger_tool_change")
            self.assertEqual(k.request("tools/list", {"cursor": cursor})["error"]["code"], -32602)  # of a list that was

    # ---- content ----

    def test_all_kinds_of_content(self):
        for rev in ALL:
            k = self.client(rev)
            kinds = [c["type"] for c in k.good("test_multiple_content_types")["content"]]
            self.assertEqual(kinds, ["text", "image", "resource"])
            sound = k.good("test_audio_content")["content"][0]
            self.assertEqual(sound["type"], "text" if rev == "2024-11-05" else "audio")
            self.check_result(rev, "CallToolResult", k.good("test_multiple_content_types"))
            self.assertIn("intentionally", k.bad("test_error_handling"))

    def test_what_goes_with_content(self):
        for rev in ALL:
            k = self.client(rev)
            text, link = k.good("test_annotated_content")["content"]
            self.assertEqual(text["annotations"], {"audience": ["user"], "priority": 0.5, **(
                {"lastModified": "2026-01-12T15:00:58Z"} if rev >= "2025-06-18" else {})})
            self.assertEqual(link["type"], "resource_link" if rev >= "2025-06-18" else "text")
            self.assertEqual(k.good("greet", {"name": "Ana"})["_meta"]["example.com/greeted"], "Ana")
            greet = [t for t in k.result("tools/list")["tools"] if t["name"] == "greet"][0]
            self.assertEqual("icons" in greet, rev >= "2025-11-25")

    # ---- prompts ----

    def test_prompts(self):
        for rev in ALL:
            k = self.client(rev)
            r = k.result("prompts/get", {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a", "arg2": "b"}})
            self.check_result(rev, "GetPromptResult", r)
            self.assertEqual(r["messages"][0]["content"]["text"], "Prompt with arguments: arg1='a', arg2='b'")
            self.assertEqual(len(k.result("prompts/get", {"name": "test_prompt_with_image"})["messages"]), 2)
            for params in ({"name": "nope"}, {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a"}},
                           {"name": "test_simple_prompt", "arguments": {"x": "y"}}, {}, {"name": 5},
                           {"name": "test_prompt_with_arguments", "arguments": {"arg1": 1, "arg2": "b"}}):
                self.assertEqual(k.request("prompts/get", params)["error"]["code"], -32602, params)

    # ---- resources ----

    def test_resources(self):
        for rev in ALL:
            k = self.client(rev)
            r = k.result("resources/read", {"uri": "test://static-text"})
            self.check_result(rev, "ReadResourceResult", r)
            self.assertEqual(r["contents"][0]["text"], "This is the content of the static text resource.")
            self.assertEqual(r.get("ttlMs"), 60000 if rev == MODERN else None)
            self.assertEqual(k.result("resources/read", {"uri": "test://static-binary"})["contents"][0]["mimeType"], "image/png")
            data = json.loads(k.result("resources/read", {"uri": "test://template/a%20b/data"})["contents"][0]["text"])
            self.assertEqual(data["id"], "a b")
            missing = -32602 if rev == MODERN else -32002
            for uri in ("test://nope", "test://template//data", "test://template/../data", "test://template/%2e%2e/data",
                        "test://template/a%2Fb/data", "test://template/a%00b/data", "test://template/%ff/data", "test://template/a/data/x",
                        "test://template/{id}/data2", "test://template/none/data"):
                m = k.request("resources/read", {"uri": uri})
                self.assertIn(m["error"]["code"], (missing, -32602), uri)
                if "{" not in uri and "%ff" not in uri:
                    self.assertEqual((m["error"]["code"], m["error"]["data"]), (missing, {"uri": uri}), uri)
            for params in ({}, {"uri": 5}, {"uri": "no scheme"}, {"uri": ""}):
                self.assertEqual(k.request("resources/read", params)["error"]["code"], -32602, params)

    def test_subscriptions_of_old(self):
        for rev in LEGACY:
            k = self.client(rev)
            k.good("test_touch_watched")
            self.assertEqual(k.result("resources/subscribe", {"uri": "test://watched-resource"}), {})
            k.good("test_touch_watched")
            self.until(lambda: k.notes, "the update")
            self.assertEqual([(n["method"], n["params"]) for n in k.notes],
                             [("notifications/resources/updated", {"uri": "test://watched-resource"})])
            self.assertEqual(k.result("resources/unsubscribe", {"uri": "test://watched-resource"}), {})
            k.good("test_touch_watched")
            k.good("test_trigger_prompt_change")
            self.until(lambda: len(k.notes) == 3, "the lists")
            self.assertEqual({n["method"] for n in k.notes[1:]}, {"notifications/prompts/list_changed"})
            for uri in ("test://static-text", "test://nope"):
                self.assertIn("error", k.request("resources/subscribe", {"uri": uri}))

    def test_subscriptions_listen(self):
        k = self.client()
        k.start("subscriptions/listen", {"notifications": {"toolsListChanged": True, "resourceSubscriptions": [
            "test://watched-resource", "test://static-text"], "promptsListChanged": False, "unheardOf": True}}, request_id="one")
        k.start("subscriptions/listen", {"notifications": {"promptsListChanged": True}}, request_id=2)
        self.until(lambda: len(k.notes) == 2, "the acknowledgements")
        self.assertEqual([n["params"]["notifications"] for n in k.notes],
                         [{"toolsListChanged": True, "resourceSubscriptions": ["test://watched-resource"]}, {"promptsListChanged": True}])
        k.good("test_touch_watched")
        k.good("test_trigger_tool_change")
        k.good("test_trigger_prompt_change")
        self.until(lambda: len(k.notes) == 7, "what happened")
        by = {}
        for n in k.notes[2:]:
            by.setdefault(n["params"]["_meta"][PREFIX + "subscriptionId"], []).append(n["method"].split("/", 1)[1])
        self.assertEqual(by, {"one": ["resources/updated", "tools/list_changed", "tools/list_changed"], 2: ["prompts/list_changed"] * 2})
        k.notify("notifications/cancelled", {"requestId": 2})
        k.good("test_trigger_prompt_change")
        k.good("test_trigger_tool_change")
        self.until(lambda: len(k.notes) == 9, "what is still listened to")
        for params in ({}, {"notifications": []}, {"notifications": {"resourceSubscriptions": "x"}}):
            self.assertEqual(k.request("subscriptions/listen", params)["error"]["code"], -32602, params)
        self.assertEqual(k.request("subscriptions/listen", {"notifications": {"taskIds": []}})["error"]["code"], -32021)
        k.close()
        last = [json.loads(x) for x in k.raw[-2:]]
        self.assertEqual(last[0]["result"]["_meta"][PREFIX + "subscriptionId"], "one")
        self.assertEqual((last[1]["method"], last[1]["params"]["requestId"]), ("notifications/cancelled", "one"))

    # ---- completion ----

    def test_completion(self):
        for rev in ALL:
            k = self.client(rev)

            def complete(ref, name, value, **more):
                return k.request("completion/complete", {"ref": ref, "argument": {"name": name, "value": value}, **more})
            prompt = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
            template = {"type": "ref/resource", "uri": "test://template/{id}/data"}
            r = complete(prompt, "arg1", "par", context={"arguments": {"arg2": "x"}})["result"]
            self.assertEqual(r["completion"], {"values": ["paris", "park", "party"], "total": 3, "hasMore": False})
            self.check_result(rev, "CompleteResult", r)
            self.assertEqual(complete(template, "id", "te")["result"]["completion"]["values"], ["test", "test-two"])
            for bad in ((prompt, "nope", ""), ({"type": "ref/prompt", "name": "nope"}, "a", ""), ({"type": "x"}, "a", ""),
                        ({"type": "ref/resource", "uri": "test://nope"}, "id", ""), (prompt, 5, "")):
                self.assertEqual(complete(*bad)["error"]["code"], -32602, bad)

    # ---- logging and progress ----

    def test_log_lines_go_to_those_who_want_them(self):
        for rev in LEGACY:
            k = self.client(rev)
            k.good("test_tool_with_logging")
            self.assertEqual(k.notes, [])  # the default is warning
            self.assertEqual(k.result("logging/setLevel", {"level": "info"}), {})
            k.good("test_tool_with_logging")
            self.assertEqual([n["params"]["data"] for n in k.notes],
                             ["Tool execution started", "Tool processing data", "Tool execution completed"])
            for bad in ("INFO", "", 5, None):
                self.assertEqual(k.request("logging/setLevel", {"level": bad})["error"]["code"], -32602, bad)
        k = self.client()
        for level, n in ((None, 0), ("debug", 3), ("info", 3), ("notice", 0)):
            k.notes.clear()
            k.finish(k.start("tools/call", {"name": "test_tool_with_logging"}, meta={PREFIX + "logLevel": level} if level else None))
            self.assertEqual(len(k.notes), n, level)
        m = k.finish(k.start("tools/call", {"name": "test_tool_with_logging"}, meta={PREFIX + "logLevel": "loud"}))
        self.assertEqual(m["error"]["code"], -32602)

    def test_progress(self):
        for rev in ALL:
            k = self.client(rev)
            for token in (0, "t", 7):
                k.notes.clear()
                k.finish(k.start("tools/call", {"name": "test_tool_with_progress", "arguments": {}}, meta={"progressToken": token}))
                self.assertEqual([(n["params"]["progressToken"], n["params"]["progress"]) for n in k.notes],
                                 [(token, 0), (token, 50), (token, 100)])
            k.notes.clear()
            k.good("test_tool_with_progress")
            self.assertEqual(k.notes, [])

    def test_a_wait_can_be_cancelled(self):
        for rev in (LEGACY[-1], MODERN):
            k = self.client(rev)
            k.start("tools/call", {"name": "slow_compute", "arguments": {"seconds": 500}}, request_id="slow")
            k.good("test_simple_text")
            k.notify("notifications/cancelled", {"requestId": "slow"})
            k.finish(k.start("tools/list", request_id="slow"))
            self.assertEqual(k.close(), 0)  # within the deadline, not in 500 seconds

    # ---- asking ----

    def test_one_handler_asks_in_every_revision(self):
        for rev in ALL:
            k = self.client(rev)
            if rev >= "2025-06-18":
                self.assertEqual(k.text("test_input_required_result_elicitation"), "Hello, Ana!")
                self.assertIn("action=accept", k.text("test_elicitation", {"message": "Who?"}))
                self.assertEqual(k.text("test_input_required_result_multi_round"), "Ana likes red")
                self.assertEqual(k.text("test_input_required_result_multiple_inputs"), "Paris, Ana")
                self.assertEqual(k.text("test_input_required_result_request_state"), "state-ok")
            else:
                self.assertIn("does not offer", k.bad("test_input_required_result_elicitation"))
            self.assertEqual(k.text("test_sampling", {"prompt": "Where?"}), "LLM response: Paris")
            self.assertEqual(k.text("test_input_required_result_list_roots"), "1 roots")
            self.assertEqual(k.text("test_input_required_result_capabilities"), "All questions were answered.")

    def test_pages_to_open(self):
        for rev in LEGACY[-1], MODERN:
            k = self.client(rev)
            self.assertEqual(k.text("test_elicitation_url"), "action=accept")
            self.assertEqual((k.asked[-1]["mode"], "elicitationId" in k.asked[-1]), ("url", rev != MODERN))
        self.assertIn("does not offer", self.client("2025-06-18").bad("test_elicitation_url"))

    def test_forms_fit_the_revision(self):
        k = self.client("2025-06-18", replies={"elicitation/create": lambda p: {"action": "decline"}})
        self.assertIn("action=decline", k.text("test_elicitation_sep1034_defaults"))
        fields = k.asked[-1]["requestedSchema"]["properties"]
        self.assertEqual([n for n, f in fields.items() if "default" in f], ["verified"])
        self.assertNotIn("mode", k.asked[-1])
        self.assertIn("several choices", k.bad("test_elicitation_sep1330_enums"))
        k = self.client("2025-11-25", replies={"elicitation/create": lambda p: {"action": "accept", "content": {"titledSingle": "value1"}}})
        self.assertIn("value1", k.text("test_elicitation_sep1330_enums"))

    def test_answers_are_checked(self):
        wrong = iter([{"action": "accept", "content": {"name": 5}}, {"action": "accept"}, {"action": "accept", "content": {"name": "Eva"}}])
        for rev in ("2025-11-25", MODERN):
            wrong = iter([{"action": "accept", "content": {"name": 5}}, {"action": "accept"}, {"action": "accept", "content": {"name": "Eva"}}])
            k = self.client(rev, replies={"elicitation/create": lambda p: next(wrong)})
            self.assertEqual(k.text("test_input_required_result_elicitation"), "Hello, Eva!")
            self.assertEqual(len(k.asked), 3)
        k = self.client("2025-11-25", replies={"elicitation/create": lambda p: {"action": "accept"}})
        self.assertIn("rounds", k.bad("test_input_required_result_elicitation"))  # not for ever
        k = self.client()
        for bad in ({"user_name": 12345}, {"user_name": {"action": "maybe"}}, {"user_name": None}):
            m = k.call_once("test_input_required_result_elicitation", inputResponses=bad)
            self.assertEqual(m["error"]["code"], -32602, bad)
        for bad in ([], "x", 5):
            self.assertEqual(k.call_once("test_input_required_result_elicitation", inputResponses=bad)["error"]["code"], -32602)
        self.assertEqual(k.call_once("test_input_required_result_elicitation", inputResponses=None)["result"]["resultType"], "input_required")

    def test_what_the_client_lacks_is_named(self):
        k = self.client(caps={})
        for tool, needs in (("test_missing_capability", {"sampling": {}}), ("test_input_required_result_elicitation", {"elicitation": {"form": {}}}),
                            ("test_elicitation_url", {"elicitation": {"url": {}}}), ("test_input_required_result_list_roots", {"roots": {}})):
            m = k.call_once(tool)
            self.assertEqual((m["error"]["code"], m["error"]["data"]), (-32021, {"requiredCapabilities": needs}), tool)
        self.assertEqual(k.call_once("failing_job")["error"]["data"], {"requiredCapabilities": TASKS})
        self.assertIn("needs sampling, which this client does not offer", self.client("2025-11-25", caps={}).bad("test_missing_capability"))
        m = self.client("2025-11-25", caps={}).request("prompts/get", {"name": "test_input_required_result_prompt"})
        self.assertEqual(m["error"]["code"], -32603)

    def test_a_state_is_good_for_its_call_alone(self):
        k = self.client()
        site_key = k.call_once("test_input_required_result_request_state")["result"]["requestState"]
        answer = {"inputResponses": {"confirm": {"action": "accept", "content": {"ok": True}}}}
        flipped = ("B" if site_key[9] == "A" else "A")
        for bad in (site_key + "-TAMPERED", site_key[:-1], site_key[:9] + flipped + site_key[10:], "", "x", 5, "A" * 400000):
            m = k.call_once("test_input_required_result_request_state", requestState=bad, **answer)
            self.assertEqual(m["error"]["code"], -32602, str(bad)[:40])
        m = k.call_once("test_input_required_result_tampered_state", requestState=site_key, **answer)
        self.assertEqual(m["error"]["code"], -32602)  # another tool
        m = k.call_once("test_input_required_result_request_state", {"x": 1}, requestState=site_key, **answer)
        self.assertEqual(m["error"]["code"], -32602)  # other arguments
        m = self.client().call_once("test_input_required_result_request_state", requestState=site_key, **answer)
        self.assertEqual(m["error"]["code"], -32602)  # another process
        m = k.call_once("test_input_required_result_request_state", requestState=site_key, **answer)
        self.assertIn("state-ok", json.dumps(m))

    def test_prompts_ask_too(self):
        for rev in ("2025-06-18", "2025-11-25"):
            r = self.client(rev).result("prompts/get", {"name": "test_input_required_result_prompt"})
            self.assertIn("a test", r["messages"][0]["content"]["text"])
        k = self.client()
        r = k.result("prompts/get", {"name": "test_input_required_result_prompt"})
        self.assertEqual((r["resultType"], list(r["inputRequests"])), ("input_required", ["user_context"]))
        r = k.result("prompts/get", {"name": "test_input_required_result_prompt", "requestState": r["requestState"],
                                     "inputResponses": {"user_context": PERSON}})
        self.assertIn("a test", r["messages"][0]["content"]["text"])

    def test_clients_may_refuse_to_answer(self):
        k = self.client("2025-11-25")
        k._take = lambda m: (k.send({"jsonrpc": "2.0", "id": m["id"], "error": {"code": -1, "message": "no"}}) if "method" in m and "id" in m
                             else type(k)._take(k, m))
        self.assertIn("did not answer", k.bad("test_sampling", {"prompt": "x"}))
        self.assertIn("action=cancel", k.text("test_elicitation", {"message": "x"}))

    # ---- tasks ----

    def task(self, k, tool, arguments=None):
        r = k.result("tools/call", {"name": tool, "arguments": arguments or {}})
        self.assertEqual(r["resultType"], "task", r)
        return r["taskId"]

    def get(self, k, task):
        return k.result("tasks/get", {"taskId": task})

    def wait(self, k, task, *states):
        end = []
        self.until(lambda: end.append(self.get(k, task)) or end[-1]["status"] in states, f"{states}")
        return end[-1]

    def test_tasks(self):
        caps = {**EVERYTHING, **TASKS}
        k = self.client(caps=caps)
        done = self.wait(k, self.task(k, "slow_compute", {"seconds": 0.2, "label": "x"}), "completed")
        self.assertEqual(done["result"]["content"][0]["text"], "Computed x for 0.2 seconds.")
        self.assertEqual(self.get(k, done["taskId"])["result"], done["result"])
        failed = self.wait(k, self.task(k, "failing_job"), "completed", "failed")
        self.assertEqual((failed["status"], failed["result"]["isError"]), ("completed", True))
        broken = self.wait(k, self.task(k, "protocol_error_job"), "completed", "failed")
        self.assertEqual((broken["status"], broken["error"]["code"]), ("failed", -32603))
        slow = self.task(k, "slow_compute", {"seconds": 500})
        self.assertEqual(self.get(k, slow)["status"], "working")
        k.result("tasks/cancel", {"taskId": slow})
        self.wait(k, slow, "cancelled")
        k.result("tasks/cancel", {"taskId": slow})
        for method in ("tasks/get", "tasks/cancel"):
            self.assertEqual(k.request(method, {"taskId": "0" * 32})["error"]["code"], -32602)
        other = self.client(caps=EVERYTHING)
        self.assertEqual(other.request("tasks/get", {"taskId": slow})["error"]["code"], -32021)
        self.assertEqual(self.client(caps=caps).request("tasks/get", {"taskId": slow})["error"]["code"], -32602)

    def test_tasks_that_ask(self):
        k = self.client(caps={**EVERYTHING, **TASKS})
        t = self.task(k, "multi_input")
        asked = self.wait(k, t, "input_required")
        self.assertEqual(set(asked["inputRequests"]), {"first_name", "last_name"})
        self.assertEqual(k.request("tasks/update", {"taskId": t, "inputResponses": {"first_name": 5}})["error"]["code"], -32602)
        k.result("tasks/update", {"taskId": t, "inputResponses": {"first_name": PERSON, "unknown": 1}})
        self.assertEqual(list(self.get(k, t)["inputRequests"]), ["last_name"])
        k.result("tasks/update", {"taskId": t, "inputResponses": {"last_name": {"action": "accept", "content": {"name": "Li"}}}})
        self.assertEqual(self.wait(k, t, "completed")["result"]["content"][0]["text"], "Hello, Ana Li!")
        t = self.task(k, "confirm_delete", {"filename": "x"})
        self.wait(k, t, "input_required")
        k.result("tasks/cancel", {"taskId": t})
        self.assertEqual(self.get(k, t)["status"], "cancelled")
        r = k.result("tools/call", {"name": "test_tool_with_task"})
        self.assertEqual((r["resultType"], "taskId" in r), ("input_required", False))

    def test_those_who_listen_hear_of_tasks(self):
        k = self.client(caps={**EVERYTHING, **TASKS})
        t = self.task(k, "slow_compute", {"seconds": 1})
        k.start("subscriptions/listen", {"notifications": {"taskIds": [t, "0" * 32]}}, request_id="l")
        self.until(lambda: any(n["method"] == "notifications/tasks" for n in k.notes), "the task's end")
        self.assertEqual(k.notes[0]["params"]["notifications"], {"taskIds": [t]})
        self.assertEqual((k.notes[-1]["params"]["taskId"], k.notes[-1]["params"]["status"]), (t, "completed"))

    def test_jobs_for_clients_without_tasks(self):
        for rev in (LEGACY[0], "2025-11-25", MODERN):
            k = self.client(rev, extra="[server]\njob_after = 1\n")
            self.assertIn("Computed", k.text("slow_compute", {"seconds": 0.1}))  # quick enough to wait for
            text = k.text("slow_compute", {"seconds": 1.5, "label": "it"})
            self.assertIn("get_job", text)
            job = text.split("as job ")[1].split(".")[0]
            answers = []
            self.until(lambda: answers.append(k.good("get_job", {"job_id": job})["content"][0]["text"]) or "running" not in answers[-1],
                       "the job")
            self.assertEqual(answers[-1], "Computed it for 1.5 seconds.")
            self.assertRegex(k.bad("get_job", {"job_id": "x"}), "no such job.* called again, gives a new one")
            self.assertIn("job_id", k.bad("get_job", {}))
            if rev != MODERN:
                self.assertIn("get_job", k.text("failing_job"))  # never waited for
        self.assertIn("get_job", [t["name"] for t in k.result("tools/list")["tools"]])
        self.assertNotIn("get_job", [t["name"] for t in self.kmcp(self.site(plugins=NO_JOBS)).result("tools/list")["tools"]])

    # ---- trace context ----

    def test_trace_context_goes_upstream(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        k = self.kmcp()
        for parent, sent in ((trace, trace), (trace[:-1], None), ("00-" + "0" * 32 + trace[35:], None), (trace.upper(), None)):
            self.tenant.reset()
            k.finish(k.start("tools/call", {"name": "list_blueprints", "arguments": {}}, meta={"traceparent": parent, "tracestate": "a=b"}))
            seen = self.tenant.stats().get("last_traceparent")
            self.assertEqual(seen, sent)
            k.close()
            k = self.kmcp()


if __name__ == "__main__":
    unittest.main()
