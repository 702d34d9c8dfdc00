"""MCP over Streamable HTTP: both eras on one endpoint, who may call, streams, and what must be refused.
SPDX-License-Identifier: Apache-2.0"""
import http.client
import json
import signal
import socket
import subprocess
import threading
import time
import unittest

from e2e import DEADLINE, EVERYTHING, KMCP, MODERN, PREFIX, SOON, Answer, Case, HttpSession, Stream, validator

PERSON = {"action": "accept", "content": {"name": "Ana", "username": "ana", "email": "a@example.com"}}


class Http(Case):
    TENANT_ARGS = ("--devices", 60)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._shared = None

    def server(self, extra=""):
        return self.http(self.fixtures(extra))

    # ---- the modern era ----

    def test_modern_requests_need_no_session(self):
        h = self.http()
        truth = self.tenant.truth()
        r = h.request("tools/call", {"name": "list_devices", "arguments": {"limit": 1}})
        self.assertEqual((r.status, r.headers["content-type"]), (200, "application/json"))
        self.assertEqual(r.json["result"]["structuredContent"]["total"], truth["devices"])
        self.assertNotIn("mcp-session-id", r.headers)
        check = validator(MODERN)
        for method in ("server/discover", "tools/list"):
            m = h.request(method).json
            self.assertEqual((m["id"], m["result"]["resultType"]), (h.next_id, "complete"))
            self.assertFalse(check and list(check.iter_errors(m)))
        self.assertEqual(h.request("tools/list", headers={"Mcp-Session-Id": "whatever", "Last-Event-ID": "x"}).status, 200)

    def test_headers_must_say_what_the_body_says(self):
        h = self.server()
        call = {"name": "test_simple_text", "arguments": {}}
        rows = [({"MCP-Protocol-Version": "2025-11-25"}, 400, -32020), ({"Mcp-Method": "tools/list"}, 400, -32020),
                ({"Mcp-Method": "TOOLS/CALL"}, 400, -32020), ({"Mcp-Name": "other"}, 400, -32020), ({"Mcp-Name": "=?base64?!!?="}, 400, -32020),
                ({"Mcp-Name": "=?base64?dGVzdF9zaW1wbGVfdGV4dA==?="}, 200, None), ({"mcp-name": "  test_simple_text "}, 200, None),
                ({"Mcp-Param-Unknown": "x"}, 200, None)]
        for headers, status, code in rows:
            message, own = h.modern("tools/call", call)
            own = {k: v for k, v in own.items() if k.lower() not in {x.lower() for x in headers}}
            r = h.post(message, {**own, **headers})
            self.assertEqual((r.status, r.json.get("error", {}).get("code")), (status, code), headers)
            self.assertEqual(r.json["id"], message["id"])
        for missing in ("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"):
            message, own = h.modern("tools/call", call)
            del own[missing]
            self.assertEqual(h.post(message, own).code, -32020, missing)
        for level, header, good in ((5, "5", True), (5, "05", True), (5, "6", False), (5, "5.0", False), (None, None, True), (None, "5", False)):
            args = {"region": "eu", **({"level": level} if level is not None else {})}
            headers = {"Mcp-Param-Region": "eu", **({"Mcp-Param-Level": header} if header is not None else {})}
            r = h.request("tools/call", {"name": "test_x_mcp_header", "arguments": args}, headers=headers)
            self.assertEqual(r.status, 200 if good else 400, (level, header))

    def test_statuses_of_errors(self):
        h = self.server()
        self.assertEqual((h.request("nope").status, h.request("nope").code), (404, -32601))
        self.assertEqual(h.request("ping").status, 404)
        self.assertEqual((h.request("tools/call", {"name": "nope"}).status, h.request("tools/call", {"name": "nope"}).code), (200, -32602))
        self.assertEqual((h.request("resources/read", {"uri": "test://x"}).status), 200)
        r = h.request("tools/call", {"name": "test_missing_capability"})
        self.assertEqual((r.status, r.code), (400, -32021))
        message, own = h.modern("tools/list", meta={PREFIX + "protocolVersion": "v9"})
        r = h.post(message, {**own, "MCP-Protocol-Version": "v9"})
        self.assertEqual((r.status, r.code, r.json["error"]["data"]), (400, -32022, {"supported": [MODERN], "requested": "v9"}))
        message["params"]["_meta"] = {PREFIX + "protocolVersion": MODERN}
        r = h.post(message, own)
        self.assertEqual((r.status, r.code), (400, -32602))

    # ---- what is no request at all ----

    def test_bodies_that_are_refused(self):
        h = self.server("[http]\nbody_bytes = 10000\n")
        own = h.modern("tools/list")[1]
        for body, status, code in ((b"", 400, -32700), (b"{", 400, -32700), (b"[]", 400, -32600), (b"5", 400, -32600),
                                   (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600), (b'{"jsonrpc":"2.0","id":1,"method":5}', 400, -32600),
                                   (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600), (b'{"jsonrpc":"2.0","id":1,"result":{}}', 400, -32600),
                                   (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', 400, -32602), (b"\xff", 400, -32700)):
            r = h.post(body, own)
            self.assertEqual((r.status, r.code), (status, code), body)
        self.assertEqual(h.post(b" " * 10001, own).status, 413)
        self.assertEqual(h.ask("POST", headers={"Content-Type": "text/plain"}, body="{}").status, 415)
        self.assertEqual(h.ask("POST", headers={"Content-Type": "application/json-seq"}, body="{}").status, 415)
        message, own = h.modern("tools/list")
        self.assertEqual(h.post(message, {**own, "Accept": "text/html"}).status, 406)
        for accept in ("*/*", "application/json", "text/event-stream", "application/*;q=0.5"):
            r = h.post(message, {**own, "Accept": accept})
            self.assertEqual((r.status, r.messages()[0]["id"]), (200, message["id"]), accept)
        for method, status in (("PUT", 405), ("PATCH", 405), ("OPTIONS", 405), ("GET", 400), ("DELETE", 400)):
            self.assertEqual(h.ask(method).status, status, method)
        r = h.ask("POST", path="/other", body="{}")
        self.assertEqual((r.status, "MCP is at /mcp" in r.json["error"]["message"]), (404, True))
        self.assertEqual(h.post({"jsonrpc": "2.0", "method": "notifications/x"}).status, 202)

    def test_places_it_may_come_from(self):
        h = self.server("[http]\nhosts = kmcp.example.com\norigins = https://console.example.com\n")
        message, own = h.modern("tools/list")
        at = f"127.0.0.1:{h.port}"
        for headers, status in (({}, 200), ({"Host": f"localhost:{h.port}"}, 200), ({"Host": "kmcp.example.com"}, 200), ({"Host": "evil.example.com"}, 403),
                                ({"Host": "127.0.0.1.evil.com"}, 403), ({"Origin": f"http://{at}"}, 200), ({"Origin": "http://evil.example.com"}, 403),
                                ({"Origin": "null"}, 403), ({"Origin": "http://localhost:1"}, 403), ({"Origin": "https://console.example.com"}, 200),
                                ({"Origin": "https://console.example.com.evil.com"}, 403), ({"Origin": ""}, 403)):
            self.assertEqual(h.post(message, {**own, **headers}).status, status, headers)
        r = h.ask("OPTIONS", headers={"Origin": "https://console.example.com", "Access-Control-Request-Method": "POST"})
        self.assertEqual((r.status, r.headers["access-control-allow-origin"]), (204, "https://console.example.com"))
        r = h.post(message, {**own, "Origin": "https://console.example.com"})
        self.assertEqual(r.headers["access-control-allow-origin"], "https://console.example.com")

    # ---- tokens ----

    def token(self, site, name, scopes):
        p = subprocess.run([KMCP, "token", name, scopes], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(p.returncode, 0, p.stderr)
        file = site.dir / "tokens"
        file.write_text((file.read_text() if file.exists() else "# who may use it\n\n") + p.stdout)
        file.chmod(0o600)
        return {"Authorization": "Bearer " + p.stderr.split()[-1]}

    def test_tokens_and_their_scopes(self):
        site = self.site()
        ana, bob = self.token(site, "ana", "read,write"), self.token(site, "bob", "read")
        site.write(site.ini.read_text() + f"[http]\ntokens = {site.dir / 'tokens'}\n")
        h = self.http(site)
        for headers, part in (({}, "realm"), ({"Authorization": "Bearer x"}, "invalid_token"), ({"Authorization": "Basic eDp5"}, "invalid_token"),
                              ({"Authorization": ana["Authorization"] + "x"}, "invalid_token"), ({"Authorization": "Bearer "}, "invalid_token")):
            r = h.request("tools/list", headers=headers)
            self.assertEqual(r.status, 401, headers)
            self.assertIn(part, r.headers["www-authenticate"])
            self.assertIn("is needed" if not headers else "not in the server's token file", r.body)
        names = {who: {t["name"] for t in h.request("tools/list", headers=token).json["result"]["tools"]} for who, token in (("ana", ana), ("bob", bob))}
        self.assertIn("lock_device", names["ana"])
        self.assertNotIn("erase_device", names["ana"])
        self.assertNotIn("lock_device", names["bob"])
        d = self.device()
        call = {"name": "lock_device", "arguments": {"device_id": d["device_id"], "confirm": True}}
        r = h.request("tools/call", call, headers=bob, caps={"elicitation": {}})
        self.assertEqual((r.status, r.headers["www-authenticate"]), (403, 'Bearer error="insufficient_scope", scope="write"'))
        asked = h.request("tools/call", call, headers=ana, caps={"elicitation": {}}).json["result"]
        self.assertEqual(asked["resultType"], "input_required")
        again = {**call, "requestState": asked["requestState"], "inputResponses": {"approve": {"action": "accept", "content": {"approve": True}}}}
        eve = self.token(site, "eve", "read,write")
        self.assertEqual(h.request("tools/call", again, headers=eve, caps={"elicitation": {}}).status, 401)  # read once, at start
        self.assertEqual(h.request("tools/call", again, headers=bob, caps={"elicitation": {}}).status, 403)
        self.assertEqual(self.tenant.acts(), [])
        r = h.request("tools/call", again, headers=ana, caps={"elicitation": {}}).json["result"]
        self.assertTrue(r["structuredContent"]["accepted"], r)
        record = site.records()[-1]
        self.assertEqual((record["principal"], record["transport"]), ("http:ana", "http"))
        session = HttpSession(h, headers=ana)
        self.assertEqual(h.post(session.message("tools/list"), {**session.headers, **bob}).status, 404)  # not his
        h.p.send_signal(signal.SIGHUP)
        self.until(lambda: h.request("tools/list", headers=eve).status == 200, "the new token to count")
        self.assertEqual(session.request("tools/list").status, 200)
        file = site.dir / "tokens"
        good = file.read_text()
        file.write_text(good + "nonsense\n")
        h.p.send_signal(signal.SIGHUP)
        self.until(lambda: "the tokens stay as they were" in h.stderr, "a complaint")
        self.assertEqual(h.request("tools/list", headers=ana).status, 200)
        file.write_text("\n".join(line for line in good.splitlines() if not line.startswith("ana")) + "\n")
        standing = session.listen()
        h.p.send_signal(signal.SIGHUP)
        self.assertIsNone(standing.event())  # the stream of who is gone ends
        self.assertEqual(h.request("tools/list", headers=ana).status, 401)
        self.assertEqual(session.request("tools/list").status, 401)
        for token in (ana, bob, eve):
            self.assertNotIn(token["Authorization"][7:], h.stderr)

    def test_rules_look_at_who_holds_the_token(self):
        site = self.site(policy="[rule bob]\nprincipals = http:bob*\nthen = deny\nbecause = bob only looks\n[rule rest]\nthen = allow\n"
                                "[rule eve]\nclasses = READ\ntools = list_devices\nprincipals = HTTP:eve\nthen = deny")
        who = {name: self.token(site, name, "read,write") for name in ("ana", "bob", "eve")}
        site.write(site.ini.read_text() + f"[http]\ntokens = {site.dir / 'tokens'}\n")
        h = self.http(site)
        call = {"name": "lock_device", "arguments": {"device_id": self.device()["device_id"], "confirm": True}}
        look = {"name": "list_devices", "arguments": {"limit": 1}}
        r = h.request("tools/call", call, headers=who["bob"]).json["result"]
        self.assertTrue(r["isError"])
        self.assertIn("bob only looks", r["content"][0]["text"])
        self.assertEqual(site.records()[-1]["principal"], "http:bob")
        self.assertEqual(self.tenant.acts(), [])
        self.assertTrue(h.request("tools/call", look, headers=who["eve"]).json["result"].get("isError"))
        self.assertFalse(h.request("tools/call", look, headers=who["ana"]).json["result"].get("isError"))
        self.assertFalse(h.request("tools/call", call, headers=who["ana"]).json["result"].get("isError"))
        self.assertEqual(len(self.tenant.acts()), 1)

    def test_a_foreign_approval_is_none(self):
        site = self.site()
        ana, eve = self.token(site, "ana", "read,write"), self.token(site, "eve", "read,write")
        site.write(site.ini.read_text() + f"[http]\ntokens = {site.dir / 'tokens'}\n")
        h = self.http(site)
        call = {"name": "lock_device", "arguments": {"device_id": self.device()["device_id"], "confirm": True}}
        state = h.request("tools/call", call, headers=ana, caps={"elicitation": {}}).json["result"]["requestState"]
        again = {**call, "requestState": state, "inputResponses": {"approve": {"action": "accept", "content": {"approve": True}}}}
        self.assertEqual(h.request("tools/call", again, headers=eve, caps={"elicitation": {}}).code, -32602)
        results = []
        threads = [threading.Thread(target=lambda: results.append(h.request("tools/call", again, headers=ana, caps={"elicitation": {}}).json)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        done = [r["result"] for r in results if "result" in r and not r["result"].get("isError")]
        self.assertEqual(len([r for r in done if "Done already" not in r["content"][0]["text"]]), 1, results)
        self.assertEqual(len(self.tenant.acts()), 1)

    def test_nobody_else_may_reach_it_without_tokens(self):
        def start(extra, *args):
            site = self.site(extra=extra)
            return site.run("http", *args)
        for extra, args, part in (("[http]\nlisten = 0.0.0.0:0\n", (), "anybody who reaches 0.0.0.0"), ("", ("0.0.0.0:0",), "anybody who reaches 0.0.0.0"),
                                  ("", ("localhost:x",), "ADDRESS:PORT"), ("", ("example.com:80",), "numeric address"), ("[http]\npath = mcp\n", (), "must begin with /"),
                                  ("[http]\ntokens = t\n", (), "must begin with /"), ("[http]\ntokens = /none\n", (), "cannot be read"), ("[http]\nfoo = 1\n", (), "unknown key")):
            p = start(extra, *args)
            self.assertEqual(p.returncode, 1 if extra or "0.0.0.0" in args[0] else 2, (extra, args))
            self.assertIn(part, p.stderr)
        site = self.site()
        file = site.dir / "tokens"
        for text, part in (("", "holds no token"), ("ana read x", ":1:"), ("ana all " + "0" * 64, "scopes are"), ("a/b read " + "0" * 64, "the name may"),
                           ("ana read " + "0" * 64 + "\nana read " + "1" * 64, ":2: the name is in line 1 already (name \"ana\"); remove one"), ("# c\n\nana read,", ":3:")):
            file.write_text(text)
            file.chmod(0o600)
            p = self.site(extra=f"[http]\ntokens = {file}\n").run("http", "127.0.0.1:0")
            self.assertEqual(p.returncode, 1, text)
            self.assertIn(part, p.stderr)
        file.chmod(0o644)
        self.assertIn("chmod 600", self.site(extra=f"[http]\ntokens = {file}\n").run("http", "127.0.0.1:0").stderr)
        for args in (("token", "a/b", "read"), ("token", "ana", "everything"), ("token", "ana", "read,")):
            self.assertEqual(subprocess.run([KMCP, *args], capture_output=True, timeout=DEADLINE).returncode, 2)

    # ---- sessions ----

    def test_a_session_from_its_first_to_its_last(self):
        h = self.server()
        s = HttpSession(h)
        self.assertEqual(len(s.id), 32)
        self.assertEqual(s.result("ping"), {})
        self.assertNotIn("resultType", s.result("tools/list"))
        self.assertEqual(s.request("tools/call", {"name": "test_simple_text"}).headers["content-type"], "application/json")
        self.assertEqual(h.post(s.message("tools/list"), {"Mcp-Session-Id": s.id, "MCP-Protocol-Version": "2025-06-18"}).status, 200)
        self.assertEqual(h.post(s.message("tools/list"), {"Mcp-Session-Id": s.id, "MCP-Protocol-Version": "v9"}).status, 400)
        self.assertEqual(h.post(s.message("tools/list"), {"Mcp-Session-Id": "0" * 32}).status, 404)
        self.assertEqual((h.post(s.message("tools/list")).status, h.post(s.message("tools/list")).code), (400, -32600))
        self.assertEqual(h.post(s.message("tools/list"), {"MCP-Protocol-Version": MODERN}).code, -32602)
        self.assertEqual(h.post(s.message("server/discover")).code, -32602)
        self.assertEqual(s.request("initialize", {"protocolVersion": "2025-11-25"}).status, 400)
        self.assertEqual(s.end().status, 204)
        self.assertEqual((s.request("tools/list").status, s.end().status, h.ask("GET", headers=s.headers).status), (404, 404, 404))
        self.assertEqual(h.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}).code, -32602)

    def test_batches(self):
        h = self.server()
        s = HttpSession(h, "2025-03-26")
        batch = [s.message("ping", rid=1), {"jsonrpc": "2.0", "method": "notifications/x"}, s.message("tools/call", {"name": "test_simple_text"}, rid=2)]
        r = s.post(batch)
        self.assertEqual((r.status, {m["id"] for m in r.json}), (200, {1, 2}))
        self.assertEqual(s.post([{"jsonrpc": "2.0", "method": "notifications/x"}]).status, 202)
        self.assertEqual(HttpSession(h).post(batch).status, 400)

    def test_sessions_are_bounded_and_end(self):
        h = self.server("[http]\nsessions = 2\nsession_seconds = 1\n")
        first, _ = HttpSession(h), HttpSession(h)
        stream = first.listen()
        init = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}}
        self.assertEqual(h.post(init).status, 503)
        self.until(lambda: h.post(init).status == 200, "an idle session to end")
        self.assertEqual(first.request("ping").status, 200)  # it listens, so it lives
        stream.close()
        self.until(lambda: first.request("ping").status == 404 or time.sleep(1.5), "the other to end")

    def test_asking_on_the_stream_of_the_call(self):
        h = self.server()
        for rev in ("2025-06-18", "2025-11-25"):
            s = HttpSession(h, rev, EVERYTHING)
            stream = s.stream("tools/call", {"name": "test_elicitation", "arguments": {"message": "Who?"}}, rid="c")
            asked = stream.until("elicitation/create")
            other = HttpSession(h, rev, EVERYTHING)
            self.assertEqual(other.post({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}}).status, 202)  # not his to answer
            self.assertEqual(s.post({"jsonrpc": "2.0", "id": asked["id"], "result": PERSON}).status, 202)
            m = stream.event()
            self.assertIn("action=accept", m["result"]["content"][0]["text"])
            self.assertIsNone(stream.event())
            stream.close()
        s = HttpSession(h, caps=EVERYTHING)
        r = s.post(s.message("tools/call", {"name": "test_sampling", "arguments": {"prompt": "x"}}), {"Accept": "application/json"})
        self.assertEqual(r.status, 200)
        self.assertTrue(r.json["result"]["isError"])  # there is no way to ask

    def test_standing_stream(self):
        h = self.server()
        s, other = HttpSession(h), HttpSession(h, "2025-03-26")
        stream, second = s.listen(), other.listen()
        self.assertEqual(h.ask("GET", headers={**s.headers, "Accept": "text/event-stream"}).status, 409)
        self.assertEqual(h.ask("GET", headers={**s.headers, "Accept": "application/json"}).status, 406)
        s.result("resources/subscribe", {"uri": "test://watched-resource"})
        s.result("tools/call", {"name": "test_touch_watched"})
        s.result("tools/call", {"name": "test_trigger_prompt_change"})
        self.assertEqual([stream.event()["method"] for _ in range(3)], ["notifications/resources/updated"] + ["notifications/prompts/list_changed"] * 2)
        self.assertEqual([second.event()["method"] for _ in range(2)], ["notifications/prompts/list_changed"] * 2)
        last = stream.last_id
        stream.close()
        self.until(lambda: h.ask("GET", headers={**s.headers, "Accept": "text/event-stream", "Last-Event-ID": "0-99x"}).status == 400, "a check of ids")
        s.result("tools/call", {"name": "test_touch_watched"})
        again = None
        end = time.monotonic() + DEADLINE
        while again is None and time.monotonic() < end:
            again = s.listen(last)
            if again.status != 200:
                again.close()
                again = None
        self.assertEqual(again.event()["method"], "notifications/resources/updated")  # it happened while nobody listened
        again.close()
        second.close()

    def test_a_stream_that_breaks_can_be_taken_up(self):
        h = self.server()
        s = HttpSession(h)
        s.result("logging/setLevel", {"level": "debug"})
        stream = s.stream("tools/call", {"name": "test_tool_with_logging"}, rid=77)
        self.assertEqual(stream.event()["method"], "notifications/message")
        last = stream.last_id
        stream.close()  # hanging up does not cancel in this era
        again = s.listen(last)
        rest = []
        while (m := again.event()) is not None:
            rest.append(m)
        self.assertEqual([m.get("method", m.get("id")) for m in rest], ["notifications/message", "notifications/message", 77])
        other = HttpSession(h)
        self.assertEqual(h.ask("GET", headers={**other.headers, "Accept": "text/event-stream", "Last-Event-ID": last}).status, 400)
        old = HttpSession(h, "2025-06-18")
        self.assertIn("completed", old.result("tools/call", {"name": "test_reconnection"})["content"][0]["text"])  # never let go

    # ---- streams of 2026-07-28 ----

    def test_listening(self):
        h = self.server()
        stream = h.stream("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, rid="sub")
        self.assertEqual((stream.status, stream.headers["content-type"], stream.headers["x-accel-buffering"]), (200, "text/event-stream", "no"))
        m = stream.event()
        self.assertEqual((m["method"], m["params"]["_meta"][PREFIX + "subscriptionId"]), ("notifications/subscriptions/acknowledged", "sub"))
        h.result("tools/call", {"name": "test_trigger_prompt_change"})
        h.result("tools/call", {"name": "test_trigger_tool_change"})
        self.assertEqual(stream.event()["method"], "notifications/tools/list_changed")
        message, own = h.modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        self.assertEqual(h.post(message, {**own, "Accept": "application/json"}).status, 406)
        h.p.send_signal(signal.SIGTERM)
        stream.event()
        m = stream.event()
        self.assertEqual(m["result"]["_meta"][PREFIX + "subscriptionId"], "sub")
        self.assertIsNone(stream.event())
        self.assertEqual(h.p.wait(DEADLINE), 0)

    def test_progress_makes_a_stream(self):
        h = self.server()
        stream = h.stream("tools/call", {"name": "test_tool_with_progress", "arguments": {}}, meta={"progressToken": "p"})
        self.assertEqual([stream.event()["params"]["progress"] for _ in range(3)], [0, 50, 100])
        self.assertIn("result", stream.event())
        r = h.request("tools/call", {"name": "test_tool_with_progress"}, meta={"progressToken": "p"}, headers={"Accept": "application/json"})
        self.assertEqual((r.headers["content-type"], len(r.messages())), ("application/json", 1))

    def test_hanging_up_cancels_or_not(self):
        self.tenant.set(faults=["hang,path=/status"])
        h = self.http()
        uuid = self.tenant.truth("?device=0")["device_id"]
        call = {"name": "get_device_status", "arguments": {"device_id": uuid}}

        def send(message, headers):
            s = socket.create_connection(("127.0.0.1", h.port))
            body = json.dumps(message).encode()
            lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
            s.sendall(f"POST {h.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            self.until(lambda: any("/status" in r for r in self.tenant.stats()["last_requests"]), "the request upstream")
            return s
        message, own = h.modern("tools/call", call)
        start = time.monotonic()
        send(message, own).close()
        self.until(lambda: "ended in phase run" in h.stderr, "the cancellation")
        self.assertLess(time.monotonic() - start, SOON)
        self.tenant.reset()
        s = HttpSession(h)
        logged = h.stderr.count("ended in phase run")
        send(s.message("tools/call", call, rid=9), s.headers).close()
        s.request("ping")
        self.assertEqual(h.stderr.count("ended in phase run"), logged)
        s.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}})
        self.until(lambda: h.stderr.count("ended in phase run") > logged, "the cancellation by name")

    def site(self, **kw):
        kw["extra"] = kw.get("extra", "") + ("" if "[log]" in kw.get("extra", "") else "\n[log]\nlevel = debug\n")
        return super().site(**kw)

    # ---- the wire ----

    GOOD = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"n","version":"1"}}}'

    def head(self, h, *lines, body=None, first=b"POST /mcp HTTP/1.1", host=True, length=True):
        body = self.GOOD if body is None else body
        own = [first] + ([b"Host: localhost:%d" % h.port] if host else []) + [b"Content-Type: application/json"]
        own += [b"Content-Length: %d" % len(body)] if length else []
        return b"\r\n".join(own + list(lines)) + b"\r\n\r\n" + body

    def test_requests_that_two_readers_could_read_differently(self):
        h = self.server()
        n = len(self.GOOD)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (n, self.GOOD)
        smuggled = self.GOOD + b"POST /mcp HTTP/1.1\r\nHost: x\r\n\r\n"
        probes = {
            "two lengths": (self.head(h, b"Content-Length: %d" % (n + 5)), 400),
            "the same length twice": (self.head(h, b"Content-Length: %d" % n), 400),
            "length and chunked": (self.head(h, b"Transfer-Encoding: chunked", body=chunked), 400),
            "two codings": (self.head(h, b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=chunked, length=False), 400),
            "a strange coding": (self.head(h, b"Transfer-Encoding: xchunked", body=chunked, length=False), 501),
            "coding list": (self.head(h, b"Transfer-Encoding: gzip, chunked", body=chunked, length=False), 501),
            "coding with a tab": (self.head(h, b"Transfer-Encoding:\tchunked\x0b", body=chunked, length=False), 400),
            "length with a sign": (self.head(h, b"Content-Length: +%d" % n, length=False), 400),
            "length in hex": (self.head(h, b"Content-Length: 0x10", length=False), 400),
            "length list": (self.head(h, b"Content-Length: %d, %d" % (n, n), length=False), 400),
            "huge length": (self.head(h, b"Content-Length: 99999999999999999999", length=False), 413),
            "negative length": (self.head(h, b"Content-Length: -1", length=False), 400),
            "folded line": (self.head(h, b"X-A: b\r\n c: d"), 400),
            "space before colon": (self.head(h, b"Content-Length : 5"), 400),
            "empty name": (self.head(h, b": x"), 400),
            "NUL in a value": (self.head(h, b"X-A: b\x00c"), 400),
            "NUL in a name": (self.head(h, b"X\x00A: b"), 400),
            "control in a value": (self.head(h, b"X-A: b\x01c"), 400),
            "bare LF": (self.head(h).replace(b"\r\n", b"\n", 2), 400),
            "bare CR": (self.head(h, b"X-A: b\rc"), 400),
            "no Host": (self.head(h, host=False), 400),
            "two Hosts": (self.head(h, b"Host: localhost"), 400),
            "malformed line": (self.head(h, first=b"POST  /mcp HTTP/1.1"), 400),
            "no version": (self.head(h, first=b"POST /mcp"), 400),
            "HTTP/2.0": (self.head(h, first=b"POST /mcp HTTP/2.0"), 505),
            "no slash": (self.head(h, first=b"POST mcp HTTP/1.1"), 400),
            "strange method": (self.head(h, first=b"PO\x7fST /mcp HTTP/1.1"), 400),
            "expectation": (self.head(h, b"Expect: 200-maybe"), 417),
            "big head": (self.head(h, b"X-A: " + b"a" * 40000), 431),
            "many fields": (self.head(h, *(b"X-%d: a" % i for i in range(200))), 431),
            "bad chunk size": (self.head(h, b"Transfer-Encoding: chunked", body=b"zz\r\n" + self.GOOD, length=False), 400),
            "chunk without CR": (self.head(h, b"Transfer-Encoding: chunked", body=b"5\nhello\r\n0\r\n\r\n", length=False), 400),
            "chunk too long": (self.head(h, b"Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\n", length=False), 400),
            "chunk with a minus": (self.head(h, b"Transfer-Encoding: chunked", body=b"-5\r\nhello\r\n0\r\n\r\n", length=False), 400),
            "binary noise": (bytes(range(256)) * 4 + b"\r\n\r\n", 400),
            "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60 + b"\r\n\r\n", 400),
        }
        for name, (data, status) in probes.items():
            logged = h.stderr.count("refused (")
            out = h.raw(data + b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n", half_close=True)
            self.assertTrue(out.startswith(b"HTTP/1.1 %d " % status), (name, out[:60]))
            self.assertEqual(out.count(b"HTTP/1.1 "), 1, name)  # nothing after it was read as a request
            self.assertIn(b"Connection: close", out, name)
            self.assertIn(b" GMT\r\n", out, name)
            self.assertNotIn(b"Mcp-Session-Id", out, name)
            self.until(lambda: h.stderr.count("refused (") == logged + 1, f"one line about {name}: {h.stderr[-300:]}")
        out = h.raw(self.head(h, body=smuggled), half_close=True)  # one body, which is no JSON
        self.assertEqual((out.count(b"HTTP/1.1 "), out.count(b"HTTP/1.1 400")), (1, 1))
        self.assertEqual(h.request("tools/list").status, 200)

    def test_good_http_of_every_kind(self):
        h = self.server()
        n = len(self.GOOD)
        half = n // 2
        chunked = b"%x;x=y\r\n%s\r\n%X\r\n%s\r\n0\r\nX-Trailer: t\r\n\r\n" % (half, self.GOOD[:half], n - half, self.GOOD[half:])
        for name, data in {"plain": self.head(h), "chunked": self.head(h, b"Transfer-Encoding: chunked", body=chunked, length=False),
                           "leading blank line": b"\r\n" + self.head(h), "absolute": self.head(h, first=b"POST http://localhost:%d/mcp HTTP/1.1" % h.port),
                           "HTTP/1.0": self.head(h, first=b"POST /mcp HTTP/1.0"), "continue": self.head(h, b"Expect: 100-continue"),
                           "odd case": self.head(h).replace(b"Content-Length", b"cOnTeNt-LeNgTh")}.items():
            data = data if b"HTTP/1.0" in data else data.replace(b"Content-Type", b"Connection: close\r\nContent-Type", 1)
            out = h.raw(data)
            self.assertEqual((out.count(b"HTTP/1.1 200"), out.count(b"\r\nDate: ")), (1, 1), (name, out[:80]))
            self.assertEqual(out.startswith(b"HTTP/1.1 100"), name == "continue")
        out = h.raw(self.head(h) * 3 + self.head(h, b"Connection: close"))  # pipelined
        self.assertEqual(out.count(b"HTTP/1.1 200"), 4)
        with socket.create_connection(("127.0.0.1", h.port), timeout=DEADLINE) as s:
            for byte in self.head(h, b"Connection: close"):
                s.send(bytes([byte]))
            out = b""
            while (part := s.recv(4096)):
                out += part
        self.assertIn(b"HTTP/1.1 200", out)

    def test_those_who_dawdle_are_let_go(self):
        h = self.server("[http]\nhead_seconds = 1\nbody_seconds = 1\nidle_seconds = 1\nunread_bytes = 16384\nconnections = 16\n")
        for data, status in ((b"POST /mcp HTTP/1.1\r\nHost: loc", b"408"), (self.head(h)[:-5], b"408"), (b"", b"")):
            out = h.raw(data)
            self.assertTrue(out.startswith(b"HTTP/1.1 " + status if status else b""), out[:60])
        out = h.raw(self.head(h))  # answered, then idle
        self.assertEqual(out.count(b"HTTP/1.1 200"), 1)
        idle = [socket.create_connection(("127.0.0.1", h.port)) for _ in range(40)]
        self.assertEqual(h.request("tools/list").status, 200)  # they time out, the others get their turn
        for s in idle:
            s.close()
        stream = h.stream("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["test://watched-resource"]}}, rid="x" * 3000, rcvbuf=4096)
        end = time.monotonic() + DEADLINE
        while "does not read its stream" not in h.stderr and time.monotonic() < end:
            h.result("tools/call", {"name": "test_touch_watched"})
        self.assertIn("does not read its stream", h.stderr)
        stream.close()

    def test_many_at_once(self):
        h = self.http()
        truth = self.tenant.truth()["devices"]
        bad = []

        def work():
            s = HttpSession(h)
            for _ in range(10):
                r = s.result("tools/call", {"name": "list_devices", "arguments": {"limit": 1}})
                m = h.request("tools/list").json
                if r["structuredContent"]["total"] != truth or "result" not in m:
                    bad.append(r)
            if s.end().status != 204:
                bad.append("end")
        threads = [threading.Thread(target=work) for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(DEADLINE)
        self.assertEqual(bad, [])

    # ---- the end ----

    def begin(self, h, seconds):
        """A call that takes SECONDS, under way: one that was sent after it is answered. A function that waits for its answer."""
        message, own = h.modern("tools/call", {"name": "slow_compute", "arguments": {"seconds": seconds}})
        c = http.client.HTTPConnection("127.0.0.1", h.port, timeout=DEADLINE)
        self.addCleanup(c.close)
        c.request("POST", h.path, body=json.dumps(message), headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                                                                     **own})
        h.result("tools/list")

        def end():
            r = c.getresponse()
            return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read().decode())
        return end

    def test_a_call_under_way_is_finished_before_it_stops(self):
        h = self.server()
        stream = HttpSession(h).listen()
        answer = self.begin(h, 1.5)
        h.p.send_signal(signal.SIGTERM)
        self.until(lambda: self.refused(h), "the port to close")
        out = answer()
        ended = time.monotonic()
        self.assertIn("Computed", out.json["result"]["content"][0]["text"])
        self.assertIsNone(stream.event())
        self.assertEqual(h.p.wait(DEADLINE), 0)
        self.assertLess(time.monotonic() - ended, SOON)  # nothing more to wait for

    def refused(self, h):
        try:
            socket.create_connection(("127.0.0.1", h.port)).close()
        except OSError:
            return True
        return False

    def test_a_call_that_does_not_end_is_cut(self):
        h = self.server("[http]\ndrain_seconds = 1\n")
        answer = self.begin(h, 600)
        start = time.monotonic()
        self.assertEqual(h.close(), 0)
        self.assertLess(time.monotonic() - start, SOON)
        self.assertIn("kmcp ended before this did; call again", str(answer().messages()))

    def test_a_port_in_use(self):
        h = self.http()
        p = self.site().run("http", f"127.0.0.1:{h.port}")
        self.assertIn("name another port (kmcp http ADDRESS:PORT", p.stderr)
        self.assertEqual(p.returncode, 1)
        self.assertIn("cannot be listened at", p.stderr)


if __name__ == "__main__":
    unittest.main()
