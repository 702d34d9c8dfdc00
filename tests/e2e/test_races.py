"""Everything at once: clients that hang up, come back, answer twice, end their sessions and cancel their tasks while others work.
Nothing may be lost, answered twice or touched after it is gone: the sanitizers watch. KMCP_RACE_SECONDS: how long (default 4).
SPDX-License-Identifier: Apache-2.0"""
import json
import os
import random
import signal
import socket
import threading
import time
import traceback
import unittest

from e2e import DEADLINE, EVERYTHING, PREFIX, TASKS, Case, HttpSession

SECONDS = float(os.environ.get("KMCP_RACE_SECONDS", "4"))
PERSON = {"action": "accept", "content": {"username": "ana", "email": "a@example.com", "name": "Ana"}}


class Races(Case):
    TENANT_ARGS = ("--devices", 5)

    def setUp(self):
        super().setUp()
        self.h = self.http(self.fixtures("[http]\nsessions = 5000\ndrain_seconds = 2\n"))
        self.problems, self.done = [], threading.Event()

    def together(self, *workers):
        """Runs each of WORKERS again and again, side by side, until the time is up."""
        def loop(worker, seed):
            r = random.Random(seed)
            while not self.done.is_set():
                try:
                    worker(r)
                except ConnectionError as e:
                    if not self.done.is_set() and self.h.p.poll() is not None:
                        self.problems.append(f"{worker.__name__}: {e}")
                        return
                except Exception as e:
                    self.problems.append(f"{worker.__name__}: {e!r} {traceback.format_exc()[-900:]}")
                    return
        threads = [threading.Thread(target=loop, args=(w, n)) for n, w in enumerate(workers)]
        for t in threads:
            t.start()
        self.done.wait(SECONDS)
        self.done.set()
        end = time.monotonic() + DEADLINE
        while any(t.is_alive() for t in threads) and time.monotonic() < end:
            for tool in ("test_touch_watched", "test_trigger_tool_change"):  # for those who still listen
                self.h.result("tools/call", {"name": tool})
            time.sleep(0.05)
        for t in threads:
            t.join(1)
        self.assertEqual(self.problems, [])
        self.assertIsNone(self.h.p.poll(), self.h.stderr[-2000:])
        self.assertEqual(self.h.request("tools/list").status, 200)

    def send(self, message, headers):
        s = socket.create_connection(("127.0.0.1", self.h.port), timeout=DEADLINE)
        body = json.dumps(message).encode()
        lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        s.sendall(f"POST {self.h.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                  f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return s

    # ---- what clients do ----

    def works(self, r):
        m = self.h.request("tools/call", {"name": "test_simple_text"}).messages()
        if len(m) != 1 or "result" not in m[0]:
            self.problems.append(f"lost: {m}")

    def hangs_up(self, r):
        tool = r.choice(["slow_compute", "test_tool_with_progress", "test_simple_text", "test_tool_with_logging"])
        params = {"name": tool, "arguments": {"seconds": 0.05} if tool == "slow_compute" else {}}
        message, own = self.h.modern("tools/call", params, meta={"progressToken": 1, PREFIX + "logLevel": "debug"})
        s = self.send(message, own)
        time.sleep(r.choice([0, 0, 0.001, 0.01, 0.05, 0.1]))
        s.close()

    def listens(self, r):
        stream = self.h.stream("subscriptions/listen", {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["test://watched-resource"]}})
        for _ in range(r.randint(1, 5)):
            stream.event()
        stream.close()

    def changes(self, r):
        self.h.result("tools/call", {"name": r.choice(["test_touch_watched", "test_trigger_tool_change", "test_trigger_prompt_change"])})

    def lives_a_session(self, r):
        s = HttpSession(self.h, r.choice(["2025-03-26", "2025-06-18", "2025-11-25"]), EVERYTHING)
        s.result("resources/subscribe", {"uri": "test://watched-resource"})
        standing = s.listen() if r.random() < 0.7 else None
        socks = [self.send(s.message("tools/call", {"name": "slow_compute", "arguments": {"seconds": r.random() / 10}}), s.headers) for _ in range(3)]
        if r.random() < 0.5:
            socks.pop().close()
        if r.random() < 0.7:
            s.end()
        for sock in socks:
            sock.close()
        if standing:
            standing.close()

    def is_asked(self, r):
        s = HttpSession(self.h, "2025-11-25", EVERYTHING)
        stream = s.stream("tools/call", {"name": "test_elicitation", "arguments": {"message": "Who?"}}, rid="c")
        asked = stream.until("elicitation/create")
        what = r.randrange(5)
        if what == 0:
            s.end()
            stream.close()
            return
        if what == 1:
            s.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "c"}})
        answers = [threading.Thread(target=lambda: s.post({"jsonrpc": "2.0", "id": asked["id"], "result": PERSON})) for _ in range(3)]
        for t in answers:
            t.start()
        got = []
        while (m := stream.event()) is not None:
            got.append(m)
        for t in answers:
            t.join(DEADLINE)
        finals = [m for m in got if m.get("id") == "c"]
        if len(finals) != (1 if what != 1 else len(finals)) or len(finals) > 1:
            self.problems.append(f"answers to one call: {got}")
        stream.close()
        s.end()

    def comes_back(self, r):
        s = HttpSession(self.h, "2025-11-25")
        s.result("logging/setLevel", {"level": "debug"})
        tool = r.choice(["test_tool_with_logging", "test_reconnection"])
        stream = s.stream("tools/call", {"name": tool}, rid=7)
        stream.event()
        last = getattr(stream, "last_id", None) or stream.last["id"]
        if r.random() < 0.5:
            stream.close()
        again = s.listen(last)  # perhaps while the first is still there
        got = []
        while (m := again.event()) is not None:
            got.append(m.get("id"))
        if got.count(7) != 1 and again.status == 200:
            self.problems.append(f"{tool} taken up: {got}")
        again.close()
        stream.close()
        s.end()

    def has_tasks(self, r):
        caps = {**EVERYTHING, **TASKS}
        tool = r.choice(["slow_compute", "multi_input", "confirm_delete"])
        args = {"slow_compute": {"seconds": r.random() / 5}, "multi_input": {}, "confirm_delete": {"filename": "x"}}[tool]
        task = self.h.result("tools/call", {"name": tool, "arguments": args}, caps=caps)["taskId"]
        ends = [threading.Thread(target=lambda m=m, p=p: self.h.request(m, {"taskId": task, **p}, caps=caps)) for m, p in (
            ("tasks/cancel", {}), ("tasks/get", {}), ("tasks/update", {"inputResponses": {"first_name": PERSON, "last_name": PERSON, "confirm": {"action": "decline"}}}),
            ("tasks/cancel", {}))]
        r.shuffle(ends)
        for t in ends:
            t.start()
            time.sleep(r.choice([0, 0, 0.01, 0.05]))
        for t in ends:
            t.join(DEADLINE)
        end = time.monotonic() + DEADLINE
        while (now := self.h.result("tasks/get", {"taskId": task}, caps=caps))["status"] not in ("completed", "cancelled", "failed"):
            if time.monotonic() > end:
                self.problems.append(f"a task that never ends: {now}")
                break

    # ---- all of it ----

    def test_all_at_once(self):
        self.together(self.works, self.works, self.hangs_up, self.hangs_up, self.listens, self.listens, self.changes, self.changes,
                      self.lives_a_session, self.lives_a_session, self.is_asked, self.is_asked, self.comes_back, self.comes_back)

    def test_tasks(self):
        for n in range(0, 60, 20):  # at most 64 of one principal are kept
            self.done = threading.Event()
            left = [20]

            def one(r):
                with lock:
                    if not left[0]:
                        self.done.set()
                        return
                    left[0] -= 1
                self.has_tasks(r)
            lock = threading.Lock()
            self.together(*[one] * 8)

    def test_the_end_comes_in_the_middle(self):
        workers = [self.works, self.hangs_up, self.listens, self.changes, self.lives_a_session, self.is_asked, self.comes_back]

        def loop(w):
            r = random.Random(1)
            while self.h.p.poll() is None:
                try:
                    w(r)
                except Exception:
                    pass
        hook, threading.excepthook = threading.excepthook, lambda args: None  # who is cut off says so, and need not
        self.addCleanup(setattr, threading, "excepthook", hook)
        threads = [threading.Thread(target=loop, args=(w,), daemon=True) for w in workers * 2]
        for t in threads:
            t.start()
        time.sleep(1)
        self.h.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.h.p.wait(DEADLINE), 0, self.h.stderr[-3000:])
        for t in threads:
            t.join(DEADLINE)


if __name__ == "__main__":
    unittest.main()
