"""Thousands of mutated requests over both transports and both eras: every request is answered exactly once, with a message of
the published schema, and kmcp lives and leaks nothing.  KMCP_MUTATIONS: how many of each kind (default 1500).
SPDX-License-Identifier: Apache-2.0"""
import copy
import json
import os
import random
import threading
import unittest

from e2e import DEADLINE, EVERYTHING, LEGACY, MODERN, PREFIX, TASKS, Case, HttpSession, validator

COUNT = int(os.environ.get("KMCP_MUTATIONS", "1500"))
WEIRD = [None, True, False, 0, -1, 1.5, 1e308, 2**70, "", "x", "\u0000", "\ud7ff", "é" * 50, "../..", "A" * 3000, [], {}, [[]], {"": {}}, [None], {"a": {"b": [1, "2"]}},
         "test://static-text", "notifications/cancelled", "tools/call", MODERN, "2025-11-25"]
REQUESTS = [("tools/list", {}), ("tools/call", {"name": "test_simple_text", "arguments": {}}), ("tools/call", {"name": "test_multiple_content_types"}),
            ("tools/call", {"name": "test_input_required_result_multi_round", "inputResponses": {"step1": {"action": "accept", "content": {"name": "a"}}}}),
            ("tools/call", {"name": "test_echo_arguments", "arguments": {"a": [1, {"b": "c"}]}}), ("tools/call", {"name": "greet", "arguments": {"name": "n"}}),
            ("prompts/list", {}), ("prompts/get", {"name": "test_prompt_with_arguments", "arguments": {"arg1": "1", "arg2": "2"}}), ("resources/list", {}),
            ("resources/read", {"uri": "test://template/1/data"}), ("resources/templates/list", {}), ("logging/setLevel", {"level": "info"}), ("ping", {}),
            ("completion/complete", {"ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"}, "argument": {"name": "arg1", "value": "p"}}),
            ("resources/subscribe", {"uri": "test://watched-resource"}), ("server/discover", {}), ("tasks/get", {"taskId": "0" * 32}),
            ("tasks/update", {"taskId": "0" * 32, "inputResponses": {}}), ("tasks/cancel", {"taskId": "0" * 32}), ("nope", {})]


def places(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def mutate(r, message):
    """One to three changes somewhere in the message; its id stays, so that its answer can be told."""
    message = copy.deepcopy(message)
    for _ in range(r.randint(1, 3)):
        path = r.choice([p for p in places(message) if p and p[0] not in ("id", "jsonrpc")])
        parent = message
        for key in path[:-1]:
            parent = parent[key]
        what = r.random()
        if what < 0.25 and isinstance(parent, dict):
            del parent[path[-1]]
        elif what < 0.4 and isinstance(parent, dict):
            parent[r.choice(["x", "name", "cursor", "_meta", "task", "requestState", "inputResponses", "uri", "\u00e9"])] = copy.deepcopy(r.choice(WEIRD))
        else:
            parent[path[-1]] = copy.deepcopy(r.choice(WEIRD))
        if "method" not in message:
            message["method"] = "nope"
        if not isinstance(message["method"], str) or message["method"] == "subscriptions/listen":
            message["method"] = "nope" if r.random() < 0.9 else 5
    return message


class Mutated(Case):
    TENANT_ARGS = ("--devices", 5)

    def messages(self, seed, modern):
        r = random.Random(seed)
        for n in range(COUNT):
            method, params = r.choice(REQUESTS)
            params = copy.deepcopy(params)
            if modern:
                caps = r.choice([{}, EVERYTHING, {**EVERYTHING, **TASKS}])
                params["_meta"] = {PREFIX + "protocolVersion": MODERN, PREFIX + "clientCapabilities": caps, "progressToken": n}
            m = {"jsonrpc": "2.0", "id": f"m{n}" if n % 2 else 100000 + n, "method": method, "params": params}
            yield mutate(r, m) if n % 5 else m

    def judge(self, messages, answers, schema, modern):
        """Answers by id: one each, all of the schema."""
        for m in messages:
            got = answers.get(json.dumps(m["id"]), [])
            self.assertEqual(len(got), 1, (m, got))
            params = m.get("params") if isinstance(m.get("params"), dict) else {}
            claims = isinstance(params.get("_meta"), dict) and PREFIX + "protocolVersion" in params["_meta"]
            judge = schema if claims or not modern else validator(LEGACY[-1])  # what claims nothing is answered as of old
            errors = list(judge.iter_errors(got[0])) if judge else []
            self.assertFalse(errors, (m, got[0], errors[:1]))

    def test_stdio(self):
        for n, rev in enumerate((*LEGACY, MODERN)):
            k = self.kmcp(self.fixtures(limits="workers = 4"), rev=rev, caps={})
            sent = []
            for m in self.messages(n, rev == MODERN):
                if m["method"] == "initialize":
                    continue
                sent.append(m)
                with k.lock:
                    k.waiting.setdefault(json.dumps(m["id"]), __import__("queue").Queue())
                k.send(m)
            k.result("tools/list") if rev == MODERN else k.result("ping")
            answers = {}
            for m in sent:
                q = k.waiting[json.dumps(m["id"])]
                answers[json.dumps(m["id"])] = [q.get(timeout=DEADLINE)] + [q.get() for _ in range(q.qsize())]
            self.judge(sent, answers, validator(rev), rev == MODERN)
            self.assertEqual(k.close(), 0)
            self.assertNotIn("ERROR", k.stderr)

    def test_http(self):
        h = self.http(self.fixtures())
        for n, rev in enumerate(("2025-11-25", MODERN)):
            sent, answers, lock = list(self.messages(100 + n, rev == MODERN)), {}, threading.Lock()
            s = HttpSession(h, rev) if rev != MODERN else None
            queue = list(sent)

            def work():
                while True:
                    with lock:
                        if not queue:
                            return
                        m = queue.pop()
                    if s:
                        r = s.post(m)
                    else:
                        params = m.get("params") if isinstance(m.get("params"), dict) else {}
                        name = params.get("name", params.get("uri", params.get("taskId")))
                        own = {"MCP-Protocol-Version": MODERN}
                        for header, value in (("Mcp-Method", m["method"]), ("Mcp-Name", name)):
                            if isinstance(value, str) and value.isascii() and value.isprintable() and value:
                                own[header] = value
                        r = h.post(m, own)
                    final = [x for x in r.messages() if "method" not in x]
                    with lock:
                        answers[json.dumps(m["id"])] = final
                    if r.status not in (200, 400, 404, 406):
                        answers[json.dumps(m["id"])] = [r.status]
            threads = [threading.Thread(target=work) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join(DEADLINE * 4)
            self.judge(sent, answers, validator(rev), rev == MODERN)
        self.assertEqual(h.close(), 0)


if __name__ == "__main__":
    unittest.main()
