"""MCP on the wire: both eras, odd ids, bad input, cancellation, the end of input.  SPDX-License-Identifier: Apache-2.0"""
import json
import os
import select
import signal
import subprocess
import threading
import time
import unittest

from e2e import DEADLINE, KMCP, LEGACY, MODERN, PREFIX, SOON, Case, Kmcp

META = {PREFIX + "protocolVersion": MODERN, PREFIX + "clientCapabilities": {}}


class Protocol(Case):
    TENANT_ARGS = ("--devices", 50)

    def talk(self, *lines, site=None):
        """Writes LINES, closes the input; what came back, parsed, and stderr."""
        data = b"".join((x if isinstance(x, bytes) else (x if isinstance(x, str) else json.dumps(x)).encode()) + b"\n"
                        for x in lines)
        p = subprocess.run([KMCP, "--config", str((site or self.site()).ini)], input=data, capture_output=True, timeout=DEADLINE)
        self.assertEqual(p.returncode, 0, p.stderr)
        return [json.loads(x) for x in p.stdout.splitlines()], p.stderr.decode()

    def ask(self, rid, method="ping", **params):
        return {"jsonrpc": "2.0", "id": rid, "method": method, **({"params": params} if params else {})}

    def initialize(self, rev="2025-11-25"):
        return self.ask(0, "initialize", protocolVersion=rev, capabilities={}, clientInfo={"name": "t", "version": "1"})

    def test_initialize_settles_the_revision(self):
        for asked, got in [(r, r) for r in LEGACY] + [(MODERN, "2025-11-25"), ("1999-01-01", "2025-11-25")]:
            out, _ = self.talk(self.initialize(asked))
            self.assertEqual(out[0]["result"]["protocolVersion"], got)
            self.assertNotIn("resultType", out[0]["result"])

    def test_discover(self):
        out, _ = self.talk(self.ask(1, "server/discover", _meta=META))
        r = out[0]["result"]
        self.assertEqual((r["supportedVersions"], r["resultType"]), ([MODERN], "complete"))
        self.assertIn("tools", r["capabilities"])
        self.assertIsInstance(r["ttlMs"], int)

    def test_eras_side_by_side(self):
        out, _ = self.talk(self.ask(1, "tools/list", _meta=META), self.initialize(), self.ask(2, "tools/list"),
                           self.ask(3, "tools/list", _meta=META), self.ask(4, "server/discover"), self.ask(5, "ping", _meta=META))
        by = {m["id"]: m for m in out}
        self.assertIn("resultType", by[1]["result"])
        self.assertNotIn("resultType", by[2]["result"])
        self.assertIn("resultType", by[3]["result"])
        self.assertEqual(by[4]["error"]["code"], -32601)
        self.assertEqual(by[5]["error"]["code"], -32601)

    def test_claims_are_checked(self):
        bad_caps = {PREFIX + "protocolVersion": MODERN}
        rows = [({**META, PREFIX + "protocolVersion": "v999"}, -32022), ({**META, PREFIX + "protocolVersion": "2025-11-25"}, -32022),
                ({**META, PREFIX + "protocolVersion": 5}, -32602), (bad_caps, -32602),
                ({**META, PREFIX + "clientCapabilities": []}, -32602)]
        for meta, code in rows:
            out, _ = self.talk(self.ask(1, "tools/list", _meta=meta))
            self.assertEqual(out[0]["error"]["code"], code, meta)
        out, _ = self.talk(self.ask(1, "tools/list", _meta=rows[0][0]))
        self.assertEqual(out[0]["error"]["data"], {"supported": [MODERN], "requested": "v999"})

    def test_before_initialize(self):
        out, _ = self.talk(self.ask(1), self.ask(2, "tools/list"), self.ask(3, "server/discover"))
        self.assertEqual(out[0]["result"], {})
        self.assertEqual([m["error"]["code"] for m in out[1:]], [-32600, -32602])

    def test_ids_come_back_as_they_were(self):
        ids = ['1', '"1"', '0', '-5', '"\\u00e9\\n"', '9007199254740993', '123456789012345678901234567890', '""']
        p = subprocess.run([KMCP, "--config", str(self.site().ini)], capture_output=True, timeout=DEADLINE,
                           input="".join('{"jsonrpc":"2.0","id":%s,"method":"ping"}\n' % i for i in ids).encode())
        for line, rid in zip(p.stdout.decode().splitlines(), ids):
            self.assertTrue(line.startswith('{"jsonrpc":"2.0","id":%s,' % rid), (line, rid))

    def test_bad_input_gets_its_error_and_nothing_else_is_lost(self):
        deep = "[" * 500 + "]" * 500
        rows = [("{bad", -32700, None), ("", None, None), ('{"jsonrpc":"2.0"', -32700, None), ("5", -32600, None), ("[]", -32600, None),
                ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, None), ('{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
                ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None), ('{"jsonrpc":"2.0","id":7,"method":5}', -32600, 7),
                ('{"id":8,"method":"ping"}', -32600, 8), ('{"jsonrpc":"2.0","id":9,"method":"ping","params":[1]}', -32602, 9),
                ('{"jsonrpc":"2.0","id":10,"method":"ping","method":"x"}', -32600, 10), (deep, -32700, None),
                ('{"jsonrpc":"2.0","id":11,"method":"nope"}', -32601, 11), (b'{"jsonrpc":"2.0","id":"\xff","method":"ping"}', -32700, None),
                ('{"jsonrpc":"2.0","id":12,"method":"tools/call"}', -32602, 12),
                ('{"jsonrpc":"2.0","id":13,"method":"tools/call","params":{"name":"list_devices","arguments":[]}}', -32602, 13),
                ('{"jsonrpc":"2.0","id":14,"method":"tools/call","params":{"name":"no_such_tool"}}', -32602, 14),
                ('{"jsonrpc":"2.0","id":15,"method":"tools/list","params":{"cursor":"x"}}', -32602, 15),
                ('{"jsonrpc":"2.0","method":"notifications/unknown"}', None, None), ('{"jsonrpc":"2.0","id":"none","result":{}}', None, None)]
        site = self.site()
        for text, code, rid in rows:
            out, _ = self.talk(self.initialize(), text, self.ask("after"), site=site)
            out = [m for m in out if m.get("id") != 0]
            ours = [m for m in out if m.get("id") != "after"]
            self.assertTrue([m for m in out if m.get("id") == "after"], text[:60])
            if code is None:
                self.assertEqual(ours, [], text)
            else:
                self.assertEqual([(m["error"]["code"], m.get("id")) for m in ours], [(code, rid)], text[:60])

    def test_a_line_over_the_limit_is_skipped(self):
        big = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"' + "y" * (5 << 20) + '"}}'
        out, _ = self.talk(big, self.ask(2))
        self.assertEqual(out[0]["error"]["code"], -32600)
        self.assertIn("4 MiB", out[0]["error"]["message"])
        self.assertEqual(out[1]["id"], 2)

    def test_last_line_without_newline_and_crlf(self):
        p = subprocess.run([KMCP, "--config", str(self.site().ini)], capture_output=True, timeout=DEADLINE,
                           input=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n\r\n{"jsonrpc":"2.0","id":2,"method":"ping"}')
        self.assertEqual([json.loads(x)["id"] for x in p.stdout.splitlines()], [1, 2])

    def test_arguments_are_checked_with_a_sentence(self):
        k = self.kmcp(rev="2025-11-25")
        for args, part in (({"limit": -1}, '"limit" must be at least 0'), ({"limit": "5"}, "must be an integer, not a string"),
                           ({"platform": "mac"}, 'must be one of "Mac"'), ({"devcie": 1}, "the arguments are: name"),
                           ({"name": "a\u0000b"}, "NUL"), ({"limit": 1e300}, "at most 1000")):
            self.assertIn(part, k.bad("list_devices", args))
        m = k.call_once("list_device", {})
        self.assertIn('did you mean "list_devices"?', m["error"]["message"])

    def test_duplicate_ids_in_flight(self):
        self.tenant.set(latency_ms=400)
        k = self.kmcp(self.site(cache="devices = 0"))
        q = k.start("tools/call", {"name": "list_devices", "arguments": {}}, request_id="same")
        k.send({"jsonrpc": "2.0", "id": "same", "method": "tools/list", "params": {"_meta": k.meta()}})
        first, second = k.finish(q), k.finish(q)
        self.assertEqual(first["error"]["code"], -32600)
        self.assertIn("result", second)

    def test_batches_are_for_2025_03_26(self):
        out, _ = self.talk(self.initialize("2025-03-26"),
                           [self.ask(1), {"jsonrpc": "2.0", "method": "notifications/x"}, self.ask(2, "tools/list"), 5,
                            self.ask(3, "tools/call", name="list_devices", arguments={"limit": 1}),
                            self.ask(4, "initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo={})],
                           [{"jsonrpc": "2.0", "method": "notifications/x"}], self.ask(9))
        batch = [m for m in out if isinstance(m, list)]
        self.assertEqual(len(batch), 1)
        by = {m.get("id"): m for m in batch[0]}
        self.assertEqual(set(by), {1, 2, 3, 4, None})
        self.assertFalse(by[3]["result"].get("isError"))
        self.assertEqual((by[4]["error"]["code"], by[None]["error"]["code"]), (-32600, -32600))

    def test_cancelled_calls_end_and_stay_silent(self):
        for rev in ("2025-11-25", MODERN):
            self.tenant.set(faults=["hang,path=/status"])
            k = self.kmcp(rev=rev)
            uuid = self.tenant.truth("?device=0")["device_id"]
            k.start("tools/call", {"name": "get_device_status", "arguments": {"device_id": uuid}}, request_id="slow")
            self.until(lambda: any("/status" in r for r in self.tenant.stats()["last_requests"]), "the request to arrive")
            k.notify("notifications/cancelled", {"requestId": "slow", "reason": "test"})
            k.notify("notifications/cancelled", {"requestId": "unknown"})
            k.notify("notifications/cancelled", {"requestId": None})
            k.result("tools/list")
            k.finish(k.start("tools/list", request_id="slow"))  # the id is free again
            start = time.monotonic()
            k.close()
            self.assertLess(time.monotonic() - start, SOON)
            self.assertEqual(len([r for r in k.raw if b'"slow"' in r]), 1)
            self.tenant.reset()
            self.tenant.set(faults=[])

    def test_a_question_can_be_cancelled(self):
        k = self.kmcp(rev="2025-11-25", ask="accept")
        k._take = lambda m: k.asked.append(m) if m.get("method") == "elicitation/create" else Kmcp._take(k, m)
        d = self.device()
        k.start("tools/call", {"name": "lock_device", "arguments": {"device_id": d["device_id"], "confirm": True}}, request_id="q")
        self.until(lambda: k.asked, "the question")
        k.notify("notifications/cancelled", {"requestId": "q"})
        k.send({"jsonrpc": "2.0", "id": k.asked[0]["id"], "result": {"action": "accept", "content": {"approve": True}}})
        k.result("tools/list")
        self.assertEqual(self.tenant.acts(), [])

    def test_calls_run_side_by_side(self):
        proxy, go_on = self.proxy(), threading.Event()
        self.addCleanup(go_on.set)
        proxy.before = lambda method, path, body: "/status" in path and go_on.wait(DEADLINE) and None or None
        k = self.kmcp(self.site(url=proxy.url))
        uuids = [self.tenant.truth(f"?device={n}")["device_id"] for n in range(8)]
        waiting = [k.start("tools/call", {"name": "get_device_status", "arguments": {"device_id": u}}) for u in uuids]
        self.until(lambda: len([p for _, p in proxy.log if "/status" in p]) == len(uuids), "all of them")
        k.result("tools/list")
        self.assertTrue(all(q.empty() for q in waiting))
        go_on.set()
        for q in waiting:
            self.assertIn("result", k.finish(q))

    def test_the_end_of_input_ends_the_process(self):
        self.tenant.set(faults=["hang,path=/status"])
        uuid = self.tenant.truth("?device=0")["device_id"]
        for mid_request in (False, True):
            k = Kmcp(self.site())
            if mid_request:
                k.start("tools/call", {"name": "get_device_status", "arguments": {"device_id": uuid}})
                self.tenant.reset()
                self.until(lambda: any("/status" in r for r in self.tenant.stats()["last_requests"]) or True, "the request")
            start = time.monotonic()
            k.p.stdin.close()
            self.assertEqual(k.p.wait(DEADLINE), 0)
            self.assertLess(time.monotonic() - start, SOON)
            k.close()

    def test_signals_end_it_too(self):
        for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            k = Kmcp(self.site())
            k.result("tools/list")
            k.p.send_signal(s)
            self.assertEqual(k.p.wait(DEADLINE), 0)
            k.close()

    def test_a_reader_that_does_not_read_cannot_hold_it(self):
        p = subprocess.Popen([KMCP, "--config", str(self.site().ini)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        lines = "".join(json.dumps(self.ask(n, "tools/list", _meta=META)) + "\n" for n in range(2000)).encode()
        os.set_blocking(p.stdin.fileno(), False)
        sent, end = 0, time.monotonic() + DEADLINE
        while sent < len(lines) and select.select([], [p.stdin], [], max(0, end - time.monotonic()))[1]:
            try:
                sent += os.write(p.stdin.fileno(), lines[sent:sent + 4096])
            except BrokenPipeError:  # it ended, for want of a reader
                break
        self.assertLess(time.monotonic(), end, "the reader was held")
        p.stdin.close()
        p.terminate()
        self.assertEqual(p.wait(DEADLINE), 0)
        p.stdout.close()

    def test_a_closed_output_ends_it(self):
        p = subprocess.Popen([KMCP, "--config", str(self.site().ini)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        p.stdout.close()
        p.stdin.write(json.dumps(self.ask(1)).encode() + b"\n")
        p.stdin.flush()
        self.assertEqual(p.wait(DEADLINE), 0)
        p.stdin.close()

    def test_a_list_in_stable_order_and_small(self):
        k = self.kmcp(self.site(extra="# structured_content as it comes"), rev="2025-11-25")
        one = k.result("tools/list")["tools"]
        self.assertEqual([t["name"] for t in one], sorted(t["name"] for t in one))
        self.assertLessEqual(len(k.raw[-1]), 11 * 1024)
        self.assertFalse([t["name"] for t in one if "outputSchema" in t])
        structured = self.kmcp(rev="2025-11-25").result("tools/list")["tools"]
        self.assertEqual([{n: v for n, v in t.items() if n != "outputSchema"} for t in structured], one)
        self.assertTrue([t for t in structured if "outputSchema" in t])
        for t in one:
            self.assertRegex(t["name"], r"^[a-z][a-z0-9_]{0,63}$")
            self.assertLessEqual({"readOnlyHint", "destructiveHint"}, set(t["annotations"]))
            self.assertEqual(t["inputSchema"]["type"], "object")
            self.assertNotRegex(json.dumps(t["inputSchema"]), r'"(anyOf|oneOf|allOf|\$ref|not|patternProperties)"')
        old = {t["name"]: t for t in self.kmcp(rev="2024-11-05").result("tools/list")["tools"]}
        self.assertEqual(set(old["list_devices"]), {"name", "description", "inputSchema"})
        kinds = {t["name"]: t["annotations"] for t in one}
        self.assertTrue(kinds["list_devices"]["readOnlyHint"])
        self.assertFalse(kinds["get_filevault_key"]["readOnlyHint"])
        self.assertTrue(kinds["erase_device"]["destructiveHint"])
        self.assertFalse(kinds["lock_device"]["destructiveHint"])


if __name__ == "__main__":
    unittest.main()
