"""How lists come in pages: every style of the API, side by side, in order, once, to the end or honestly not.

SPDX-License-Identifier: Apache-2.0
"""
import http.server
import json
import re
import threading
import unittest
import urllib.parse

from e2e import BIN, Case

PLUGIN = f"[plugin pages]\npath = {BIN.parent}/tests/pages/kmcp-pages.so\n"


class Pages(Case):
    TENANT_ARGS = ("--devices", 1000)

    def setUp(self):
        super().setUp()
        self.tenant.set(latency_ms=15)  # so that requests overlap

    def pages(self, **kw):
        return self.kmcp(self.site(plugins=(), extra=PLUGIN, **kw))

    def walk(self, k, name, **args):
        return k.structured("walk_list", {"list": name, **args})

    def test_every_style_to_its_end(self):
        k = self.pages()
        device = self.tenant.truth("?device=0")["device_id"]
        truth = self.tenant.truth()
        audit = self.whole("/api/v1/audit/events?limit=500")
        for name, total, side_by_side in (("devices", 1000, True), ("blueprints", truth["blueprints"], True), ("activity", None, False),
                                          ("scripts", None, True), ("users", truth["users"], False), ("audit", audit, False),
                                          ("prism", self.tenant.truth("?prism=device_information")["rows"], True),
                                          ("vulnerabilities", None, True), ("detections", None, False)):
            with self.subTest(name=name):
                for latency in (100, 1000) if side_by_side else (0,):  # on a busy machine only what takes long overlaps
                    self.tenant.set(latency_ms=latency)
                    self.tenant.reset()
                    r = self.walk(k, name, **({"device_id": device} if name == "activity" else {}))
                    if self.tenant.stats()["max_concurrent"] > 1:
                        break
                self.assertTrue(r["complete"], r)
                self.assertIsNone(r["next"])
                self.assertGreater(r["pages"], 1, r)
                ids = [json.dumps(i) for i in r["first"]]
                self.assertEqual(len(ids), r["rows"])
                if name not in ("detections", "users"):  # whose rows begin with what others have, too
                    self.assertEqual(len(ids), len(set(ids)))
                if total is not None:
                    self.assertEqual(r["rows"], total)
                if r["total"] >= 0:
                    self.assertEqual(r["rows"], r["total"])
                stats = self.tenant.stats()
                self.assertLessEqual(stats["total"], r["pages"] + 1, stats["last_requests"])
                if side_by_side:
                    self.assertGreater(stats["max_concurrent"], 1)
                self.assertLessEqual(stats["max_concurrent"], 8)

    def whole(self, path):
        n, cursor = 0, ""
        while True:
            body = self.tenant.get(path + (f"&cursor={cursor}" if cursor else ""))
            n += len(body["results"])
            if not body["next"]:
                return n
            cursor = urllib.parse.quote(urllib.parse.parse_qs(urllib.parse.urlparse(body["next"]).query)["cursor"][0])

    def test_the_number_side_by_side_is_the_operators(self):
        k = self.pages(limits="requests_per_hour = 1000000\nrequests_per_second = 10000\nsweep_pages = 1")
        self.assertTrue(self.walk(k, "devices")["complete"])
        self.assertLessEqual(self.tenant.stats()["max_concurrent"], 2)

    def test_rows_come_in_the_apis_order(self):
        k = self.pages()
        r = self.walk(k, "devices", fields="device_id")
        expected = [d["device_id"] for offset in range(0, 1000, 300) for d in self.tenant.get(f"/api/v1/devices?limit=300&offset={offset}")]
        self.assertEqual(r["first"], expected)
        self.assertEqual(r["most_members"], 1)  # nothing else was parsed

    def test_a_partial_walk_goes_on_where_it_ended(self):
        for name in ("devices", "scripts", "users", "prism", "detections"):
            with self.subTest(name=name):
                limits = "requests_per_hour = 1000000\nrequests_per_second = 10000\n"
                patient, k = self.pages(limits=limits), self.pages(limits=limits + "call_seconds = 1")
                whole = self.walk(patient, name)["first"]
                self.tenant.set(faults=["500,path=/api/,after=2"])
                self.tenant.reset()
                first = self.walk(k, name)
                self.tenant.set(faults=[])
                self.assertFalse(first["complete"])
                self.assertRegex(first["reason"], "500|in time")
                self.assertTrue(first["next"])
                rest = self.walk(patient, name, **{"from": first["next"]})
                self.assertTrue(rest["complete"], rest)
                self.assertEqual(first["first"] + rest["first"], whole)

    def test_429_in_the_middle(self):
        self.tenant.set(faults=["429bare,path=/devices,every=2"])
        r = self.walk(self.pages(), "devices")
        self.assertEqual((r["rows"], r["complete"]), (1000, True))

    def test_who_has_enough_asks_no_more(self):
        r = self.walk(self.pages(), "devices", stop_after=300)
        self.assertEqual(r["rows"], 300)
        self.assertEqual(self.tenant.requests(), 1)

    def test_what_cannot_be_a_place_is_refused(self):
        k = self.pages()
        for name, place in (("devices", "x"), ("scripts", "0"), ("devices", "-3")):
            self.assertIn("cannot begin at", k.bad("walk_list", {"list": name, "from": place}))
        self.assertEqual(self.tenant.requests(), 0)

    def test_a_cancelled_walk_stops(self):
        self.tenant.set(latency_ms=3000)
        k = self.pages(limits="requests_per_hour = 1000000\nrequests_per_second = 10000\nsweep_pages = 2")
        q = k.start("tools/call", {"name": "walk_list", "arguments": {"list": "scripts"}}, request_id=77)
        self.until(lambda: self.tenant.stats()["max_concurrent"] >= 1, "no request came")
        k.notify("notifications/cancelled", {"requestId": 77})
        k.result("tools/list")
        seen = self.tenant.requests()
        self.assertLessEqual(seen, 3)
        del q

    def test_many_who_ask_the_same_share_one_walk(self):
        self.tenant.set(latency_ms=1000)  # so that the last of them comes before the first is done
        k = self.pages()
        waiting = [k.start("tools/call", {"name": "walk_list", "arguments": {"list": "devices", "fields": "device_id"}}) for _ in range(32)]
        answers = [k.finish(q)["result"]["structuredContent"] for q in waiting]
        self.assertTrue(all(a == answers[0] for a in answers))
        self.assertEqual(answers[0]["rows"], 1000)
        self.assertEqual(self.tenant.requests(), 4)  # pages, though none of them is kept

    def test_each(self):
        k = self.pages()
        ids = [d["device_id"] for d in self.tenant.get("/api/v1/devices?limit=40")]
        ids.insert(7, "00000000-0000-4000-8000-000000000000")  # there is none: no failure
        self.tenant.set(latency_ms=150)
        self.tenant.reset()
        r = k.structured("get_each", {"ids": ids})
        self.assertEqual(r["first"], ids[:7] + [None] + ids[8:])
        self.assertTrue(r["complete"])
        stats = self.tenant.stats()
        self.assertEqual(stats["total"], len(ids))
        self.assertGreater(stats["max_concurrent"], 1)
        self.assertLessEqual(stats["max_concurrent"], 8)
        self.assertTrue(k.structured("get_each", {"ids": []})["complete"])

    def test_what_fails_for_one_is_left_out(self):
        k = self.pages()
        ids = [d["device_id"] for d in self.tenant.get("/api/v1/devices?limit=40")]
        for fault, part in (("500", "HTTP 500"), ("403", "lacks the permission"), ("badjson", "not JSON"), ("cut", "broke")):
            self.tenant.set(faults=[f"{fault},path={ids[n]}" for n in (2, 3, 5, 6, 8)])
            r = k.structured("get_each", {"ids": ids})
            self.assertEqual(r["first"], [i for n, i in enumerate(ids) if n not in (2, 3, 5, 6, 8)], fault)
            self.assertEqual((r["rows"], r["complete"]), (35, False))
            self.assertIn(part, r["reason"])
            self.assertTrue(r["reason"].endswith(f" (failed: 5: {ids[2]}, {ids[3]}, {ids[5]}, ...)"), r["reason"])

    def test_what_fails_for_all_ends_it(self):
        ids = [d["device_id"] for d in self.tenant.get("/api/v1/devices?limit=300")]
        for fault, in_row in (("403", 3), ("401", 3), ("badjson", 10)):
            self.tenant.set(faults=[f"{fault},path=/devices,after=20"])
            k = self.pages()
            self.tenant.reset()
            r = k.structured("get_each", {"ids": ids})
            self.assertFalse(r["complete"])
            self.assertGreater(r["rows"], 0)
            failed = re.search(r"\(failed: (\d+): .*; not read: (\d+)\)$", r["reason"])
            # eight are under way: which of them are the twenty that go through is chance
            self.assertTrue(in_row <= int(failed.group(1)) <= in_row + 8, r["reason"])
            self.assertEqual(r["rows"] + int(failed.group(1)) + int(failed.group(2)), len(ids))
            self.assertIn({"403": 'lacks the permission "', "401": 'permission "', "badjson": "not JSON"}[fault], r["reason"])
            self.assertLessEqual(self.tenant.requests(), 20 + in_row + 16)
            self.tenant.set(faults=[f"{fault},path=/devices"])
            self.tenant.reset()
            why = self.pages().bad("get_each", {"ids": ids})
            self.assertIn({"403": 'lacks the permission "', "401": 'permission "', "badjson": "not JSON"}[fault], why)
            self.assertLessEqual(self.tenant.requests(), in_row + 8)


class Odd(http.server.BaseHTTPRequestHandler):
    """A server that pages as it likes: self.server.answer(query) gives (headers, body)."""

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        self.server.asked.append(query)
        headers, body = self.server.answer(query)
        data = json.dumps(body).encode()
        self.send_response(200)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class OddPages(Case):
    """What the simulator is too decent for."""

    def serve(self, answer):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
        server.answer, server.asked = answer, []
        server.handle_error = lambda *_: None  # who has enough hangs up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def walk(self, answer, name="devices", **args):
        server = self.serve(answer)
        site = self.site(url=f"http://127.0.0.1:{server.server_port}", plugins=(), extra=PLUGIN)
        r = self.kmcp(site).structured("walk_list", {"list": name, **args})
        return r, server.asked

    @staticmethod
    def fleet(n):
        return [{"device_id": f"d{i}"} for i in range(n)]

    def test_a_page_that_is_short_in_the_middle(self):
        rows = self.fleet(1000)

        def answer(q):
            at = int(q.get("offset", 0))
            return {"X-Total-Count": "1000"}, rows[at:at + (250 if at == 300 else 300)]
        r, _ = self.walk(answer)
        self.assertEqual((r["rows"], r["complete"]), (1000, True))
        self.assertEqual(r["first"], [d["device_id"] for d in rows])

    def test_a_server_that_caps_the_page_lower(self):
        rows = self.fleet(1000)
        r, asked = self.walk(lambda q: ({"X-Total-Count": "1000"}, rows[int(q.get("offset", 0)):][:100]))
        self.assertEqual((r["rows"], r["complete"], len(asked)), (1000, True, 10))

    def test_a_server_that_does_not_page(self):
        rows = self.fleet(700)
        r, asked = self.walk(lambda q: ({}, rows))
        self.assertEqual((r["rows"], r["complete"]), (700, True))
        self.assertLessEqual(len(asked), 2)
        for name in ("hostile", "activity"):  # rows without an id, for ever the same page
            args = {"device_id": "x"} if name == "activity" else {}
            r, asked = self.walk(lambda q: ({}, {"results": [{"id": "a"}], "next": "http://x/?offset=0", "count": 99999}), name, **args)
            self.assertLessEqual(len(asked), 20)
            self.assertFalse(r["complete"])

    def test_a_list_that_loses_rows_while_it_is_read(self):
        rows = self.fleet(1000)

        def answer(q):
            at = int(q.get("offset", 0))
            left = rows if at == 0 else rows[1:]  # the first was deleted: all move up, one slips through
            return {"X-Total-Count": str(len(left))}, left[at:at + 300]
        r, _ = self.walk(answer)
        self.assertFalse(r["complete"])
        self.assertIn("deleted while the list was read", r["reason"])

    def test_a_total_that_is_a_lie(self):
        rows = self.fleet(10)
        r, _ = self.walk(lambda q: ({"X-Total-Count": "700"}, rows if not q.get("offset") else []))
        self.assertFalse(r["complete"])
        self.assertIn("says there are 700 rows but sent 10", r["reason"])
        r, _ = self.walk(lambda q: ({}, {"count": 3, "results": [], "next": None}), "hostile")
        self.assertFalse(r["complete"])

    def ask(self, rows, knows):
        """A client of a server that selects by the parameters KNOWS alone, and knows already how many rows it has."""
        def answer(q):
            kept = [r for r in rows if all(r[p] == q[p] for p in knows if p in q)]
            at = int(q.get("offset", 0))
            return {"X-Total-Count": str(len(kept))}, kept[at:at + int(q["limit"])]
        server = self.serve(answer)
        k = self.kmcp(self.site(url=f"http://127.0.0.1:{server.server_port}"))
        self.assertEqual(k.structured("list_devices", {"limit": 0})["total"], len(rows))
        server.asked.clear()
        return lambda **args: k.structured("list_devices", args)["total"], server.asked

    def test_a_server_that_ignores_a_condition_is_not_believed(self):
        rows = [{"device_id": f"d{i}", "platform": "Mac" if i < 999 else "iPad", "model": "Air"} for i in range(1000)]
        for window in ({"limit": 0}, {"limit": 5}, {"limit": 5, "offset": 400}):
            total, asked = self.ask(rows, ())
            self.assertEqual(total(platform="Mac", **window), 999, window)
            total, asked = self.ask(rows, ("model",))
            self.assertEqual(total(platform="Mac", where=["model ~ Air"], **window), 999, window)

    def test_a_server_that_selects_is_believed_for_little(self):
        rows = [{"device_id": f"d{i}", "platform": "Mac", "model": "Air"} for i in range(1000)]
        total, asked = self.ask(rows, ("platform", "model"))
        self.assertEqual(total(platform="Mac", limit=0), 1000)  # all of them, so it is asked for what is none
        self.assertEqual([q.get("platform") for q in asked], ["Mac", "Nbd"])
        self.assertEqual(total(platform="Mac", limit=5), 1000)
        self.assertEqual(len(asked), 2)  # which is kept as long as the rows are
        self.assertEqual(total(platform="Mac", where=["model ~ Air"], limit=0), 1000)
        self.assertEqual([(q["platform"], q["model"]) for q in asked[2:]], [("Mac", "Air"), ("Nbd", "Air"), ("Mac", "Bjs")])
        rows[7]["platform"] = "iPad"  # known to select: fewer than all
        total, asked = self.ask(rows, ("platform", "model"))
        self.assertEqual((total(platform="Mac", limit=0), len(asked)), (999, 1))

    def test_a_cursor_that_turns_in_a_circle(self):
        def answer(q):
            return {}, {"results": [{"id": q.get("cursor", "0")}], "next": "https://x/?cursor=" + ("b" if q.get("cursor") == "a" else "a")}
        r, asked = self.walk(answer, "users")
        self.assertLessEqual(len(asked), 5)
        self.assertEqual((r["rows"], r["complete"], r["next"]), (3, False, None))

    def test_more_that_cannot_be_reached_is_no_end(self):
        for name, more in (("users", "https://x/?cursor=a"), ("users", "https://x/?cursor=" + "a" * 5000), ("users", "https://x/?page=2"), ("users", 7),
                           ("blueprints", {"page": 2}), ("blueprints", "https://x/?offset=1")):
            with self.subTest(more=str(more)[:30]):
                r, asked = self.walk(lambda q, more=more: ({}, {"results": [{"id": "1"}], "next": more}), name)
                self.assertEqual((r["rows"], r["complete"]), (1, False))
                self.assertIn("says that there is more", r["reason"])
                self.assertLessEqual(len(asked), 2)

    def test_an_empty_page_in_the_middle_is_passed_over(self):
        def answer(q):
            at = int(q.get("cursor", "0"))
            return {}, {"results": [] if at in (1, 2) else [{"id": str(at)}], "next": f"https://x/?cursor={at + 1}" if at < 4 else None}
        r, _ = self.walk(answer, "users")
        self.assertEqual((r["first"], r["complete"]), (["0", "3", "4"], True))
        r, asked = self.walk(lambda q: ({}, {"results": [], "next": f"https://x/?cursor={len(q.get('cursor', '')) * '1'}1"}), "users")
        self.assertEqual((r["rows"], r["complete"]), (0, False))
        self.assertLessEqual(len(asked), 4)
        r, _ = self.walk(lambda q: ({}, {"results": [] if q.get("cursor") else [{"id": "1"}], "next": "https://x/?cursor=tail"}), "users")
        self.assertEqual((r["rows"], r["complete"]), (1, True))  # a feed: that is where what comes next will be

    def test_a_total_below_the_rows_is_none(self):
        rows = [{"id": f"i{i}"} for i in range(20)]

        def answer(q, count):
            at = int(q.get("offset", 0))
            return {}, {"count": count(rows[at:at + 5]), "next": f"https://x/?offset={at + 5}" if at < 15 else None, "results": rows[at:at + 5]}
        for count in (len, lambda page: 0, lambda page: 1, lambda page: 7):
            r, _ = self.walk(lambda q, count=count: answer(q, count), "blueprints")
            self.assertEqual((r["rows"], r["total"], r["complete"]), (20, -1, True))

    def test_rows_deleted_while_others_came_are_told(self):
        rows = self.fleet(1000)

        def answer(q):
            at = int(q.get("offset", 0))
            left = rows if at == 0 else rows[1:] if at == 300 else rows[1:] + [{"device_id": "new"}]
            return {"X-Total-Count": str(len(left))}, left[at:at + 300]
        r, _ = self.walk(answer)
        self.assertFalse(r["complete"])
        self.assertIn("deleted while the list was read", r["reason"])

    def test_an_offset_behind_the_end_of_a_list_without_a_total(self):
        rows = [{"device_id": f"d{i}", "platform": "Mac"} for i in range(100)]
        server = self.serve(lambda q: ({}, rows[int(q.get("offset", 0)):][:int(q.get("limit", 300))]))
        k = self.kmcp(self.site(url=f"http://127.0.0.1:{server.server_port}", plugins=("devices",)))
        for args, shown in (({"offset": 5000}, 0), ({"next": "7000"}, 0), ({"offset": 100}, 0), ({"offset": 99}, 1)):
            r = k.structured("list_devices", args)
            self.assertEqual((r["total"], r["returned"], r["complete"]), (100, shown, True), args)

    def test_what_is_wrong_is_no_list(self):
        for body in ({"errors": [{"detail": "boom"}]}, {"results": None, "errors": [{"detail": "boom"}]}):
            with self.assertRaisesRegex(AssertionError, "holds no list"):
                self.walk(lambda q, body=body: ({}, body))

    def test_a_cursor_list_without_a_total_goes_by_cursor(self):
        rows = self.fleet(450)

        def answer(q):
            at = int(q.get("cursor", "c0")[1:])
            return {}, {"offset": None, "limit": 100, "total": None, "data": rows[at:at + 100], "cursor": f"c{at + 100}" if at + 100 < 450 else None}
        r, asked = self.walk(answer, "prism")
        self.assertEqual((r["rows"], r["complete"], len(asked)), (450, True, 5))
        self.assertEqual([q.get("offset") for q in asked], [None] * 5)

    def test_a_cursor_list_that_moves_is_doubted(self):
        rows = self.fleet(450)

        def answer(q):
            at = int(q.get("offset", 0))
            left = rows if at == 0 else rows[1:]
            return {}, {"offset": at, "limit": 100, "total": len(left), "data": left[at:at + 100], "cursor": "x"}
        r, _ = self.walk(answer, "prism")
        self.assertFalse(r["complete"])

    def test_a_cursor_is_taken_from_next_and_sent_to_the_api(self):
        def answer(q):
            last = q.get("cursor") == "p=29/14 3&x"
            return {}, {"results": [{"id": "2" if last else "1"}], "next": None if last else "https://elsewhere.example/?a=1&cursor=p%3D29%2F14%203%26x"}
        r, asked = self.walk(answer, "users")
        self.assertEqual((r["rows"], r["complete"], len(asked)), (2, True, 2))


if __name__ == "__main__":
    unittest.main()
