"""The record: verified, shown, compared with the tenant's own, and as its schema says.  SPDX-License-Identifier: Apache-2.0"""
import datetime
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import unittest

from e2e import DEADLINE, KMCP, Case, Tenant, pin_pattern
from test_policy import YES, on_terminal

try:
    import jsonschema
except ImportError:
    jsonschema = None

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Session(Case):
    def lock(self, d):
        return {"device_id": d["device_id"], "confirm": True}

    def session(self, **kw):
        """A site with a bit of everything on record."""
        site = self.site(**kw)
        k = self.kmcp(site, ask="accept")
        self.d = self.device("platform:Mac")
        k.good("lock_device", self.lock(self.d))
        k.bad("lock_device", {"device_id": self.d["device_id"]})
        e = self.device("platform:Mac")
        k.good("erase_device", {**self.lock(e), "serial_number": e["serial_number"], "pin": "735192"})
        f = self.device("platform:Mac,filevault:on")
        k.good("get_filevault_key", {**self.lock(f), "reason": "locked out"})
        with self.kmcp(site) as other:
            other.bad("delete_device", {**self.lock(e), "serial_number": e["serial_number"]})
        return site, k


class Reconcile(Session):
    def test_reconcile(self):
        site, k = self.session()
        p = site.run("audit", "reconcile", "--since", site.records()[0]["time"][:10])
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn("0 of our actor's are not on our record, 0 of our acts are unknown", p.stdout)
        stranger = self.device("platform:Mac")  # somebody else with our token
        other = self.site()
        with self.kmcp(other, ask="accept") as o:
            o.good("lock_device", self.lock(stranger))
        p = site.run("audit", "reconcile", "--since", site.records()[0]["time"][:10])
        self.assertEqual(p.returncode, 1)
        self.assertIn(f"{stranger['device_id']}, by our actor", p.stdout)
        self.assertIn("not on our record", p.stdout)
        rows = [json.loads(x) for x in site.run("audit", "reconcile", "--json").stdout.splitlines()]
        self.assertEqual([r["found"] for r in rows], ["not_sent_by_us"])


    def crashed(self, site, tool, args):
        """Ends kmcp while TOOL waits for its answer."""
        self.tenant.set(faults=["hang,path=/action/,method=POST"])
        self.tenant.reset()
        k = self.kmcp(site)
        q = k.start("tools/call", {"name": tool, "arguments": args})
        self.until(lambda: self.tenant.acts(), "the act")
        k.p.kill()
        k.p.wait()
        self.tenant.set(faults=[])
        return q

    def test_what_a_crash_cut_short_is_ours(self):
        for policy in ("[rule all]\nthen = allow", "redact_pii = yes\n[rule all]\nthen = allow"):
            site = self.site(policy=policy)
            with self.kmcp(site) as k:
                k.good("lock_device", self.lock(self.device("platform:Mac")))
            d = self.device("platform:Mac")
            self.crashed(site, "lock_device", self.lock(d))
            since = site.records()[0]["time"]
            for _ in range(2):  # an intent alone; then it is resolved
                p = site.run("audit", "reconcile", "--since", since)
                self.assertIn("2 acts on our record", p.stdout)
                self.assertNotIn(d["device_id"], p.stdout)
                self.assertEqual(p.returncode, 0, p.stdout)
                site.run("acts")
            r = site.records()[-1]
            self.assertEqual((r["event"], r["result"]), ("resolved", "ok"))

    def test_what_is_done_meanwhile_is_ours(self):
        proxy = self.proxy()
        site = self.site(url=proxy.url, policy="[rule all]\nthen = allow")
        devices = [self.device("platform:Mac") for _ in range(3)]
        with self.kmcp(site) as k:
            k.good("lock_device", self.lock(devices.pop()))
            since = site.records()[0]["time"]

            def act(method, path, _):
                if path.startswith("/api/v1/audit/events") and devices:
                    k.good("lock_device", self.lock(devices.pop()))

            for when in ("before", "after"):  # the tenant lists its events
                setattr(proxy, when, act)
                p = site.run("audit", "reconcile", "--since", since)
                setattr(proxy, when, lambda *_: None)
                self.assertEqual(p.returncode, 0, when + p.stdout + p.stderr)
        self.assertEqual(devices, [])

    def test_what_never_arrived_is_no_act(self):
        site = self.site(policy="[rule all]\nthen = allow")
        with self.kmcp(site) as k:
            d = self.device("platform:Mac")
            k.good("lock_device", self.lock(d))
        lines = [json.loads(x) for x in site.audit.read_text().splitlines()]
        other = self.device("platform:Mac")["device_id"]
        for r in lines:
            r["subjects"][0]["id"], r["id"] = other, "f" * 32
        lines[1] = {**lines[0], "event": "resolved", "result": "failed"}
        site.audit.write_text(site.audit.read_text() + "".join(json.dumps(r) + "\n" for r in lines))
        p = site.run("audit", "reconcile", "--since", lines[0]["time"])
        self.assertIn("1 acts on our record", p.stdout)
        self.assertNotIn(other, p.stdout)
        lines[1]["result"] = "unknown"
        for r in lines:
            r["id"] = "e" * 32
        lines[0]["subjects"].append({"kind": "device", "id": "second-subject"})
        site.audit.write_text(site.audit.read_text() + "".join(json.dumps(r) + "\n" for r in lines))
        p = site.run("audit", "reconcile", "--since", lines[0]["time"])
        self.assertIn("3 acts on our record", p.stdout)
        for target in (other, "second-subject"):
            self.assertIn(f"lock_device {target}", p.stdout)

    def test_what_failed_after_it_was_sent_is_ours(self):
        site = self.site(policy="[rule all]\nthen = allow")
        without = self.device("platform:Mac,filevault:off")
        with self.kmcp(site) as k:
            k.good("lock_device", self.lock(self.device("platform:Mac")))
            k.bad("get_filevault_key", {**self.lock(without), "reason": "locked out"})
        outcome = site.records()[-1]
        self.assertEqual((outcome["result"], outcome["http_status"]), ("failed", 200))
        args = ("audit", "reconcile", "--since", site.records()[0]["time"])
        p = site.run(*args)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn("2 acts on our record, 2 events", p.stdout)
        lines = [json.loads(x) for x in site.audit.read_text().splitlines()]
        for r in lines[2:]:  # one that the tenant has no event of
            r["subjects"][0]["id"], r["id"] = "another-device", "f" * 32
        site.audit.write_text(site.audit.read_text() + "".join(json.dumps(r) + "\n" for r in lines[2:]))
        p = site.run(*args)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertNotIn("another-device", p.stdout)

    def test_what_failed_does_not_take_an_event_from_what_did_not(self):
        site = self.site(policy="[rule all]\nthen = allow")
        d = self.device("platform:Mac,filevault:on")
        with self.kmcp(site) as k:
            k.good("get_filevault_key", {**self.lock(d), "reason": "locked out"})
        lines = [json.loads(x) for x in site.audit.read_text().splitlines()]
        failed = [{**r, "id": "f" * 32} for r in lines]
        failed[1]["result"] = "failed"
        site.audit.write_text("".join(json.dumps(r) + "\n" for r in [*failed, *lines]))
        p = site.run("audit", "reconcile", "--since", lines[0]["time"])
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)

    def test_what_sends_nothing_is_no_act(self):
        site, k = self.session()
        lines = [r for r in (json.loads(x) for x in site.audit.read_text().splitlines()) if r["event"] == "intent"]
        theirs = []
        for i, (tool, safety) in enumerate((("secret open", "REVEAL"), ("secret drop", "REVEAL"), ("pseudonym open", "REVEAL"),
                                            ("list_devices", "READ"))):
            theirs.append({**lines[0], "tool": tool, "class": safety, "id": str(i) * 32})
            if safety != "READ":
                del theirs[-1]["plugin"]
        site.audit.write_text(site.audit.read_text() + "".join(json.dumps(r) + "\n" for r in theirs))
        p = site.run("audit", "reconcile", "--since", lines[0]["time"])
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn("3 acts on our record", p.stdout)

    def answered(self, answer):
        """A site of a tenant that answers each GET with what ANSWER makes of its path: JSON, or bytes."""
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = answer(self.path)
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return self.site(url=f"http://127.0.0.1:{server.server_port}", policy="[rule all]\nthen = allow")

    def test_an_answer_that_is_no_page_compares_nothing(self):
        for body in ({}, [], {"detail": "x"}, b"", {"results": {}}, {"results": [], "next": "https://x.example/?page=2"}, {"results": ["x"]}):
            site = self.answered(lambda path: body)
            site.audit.touch()
            p = site.run("audit", "reconcile")
            self.assertEqual((p.returncode, p.stdout), (1, ""), body)
            self.assertTrue(p.stderr.startswith("kmcp: "), p.stderr)

    def test_a_long_cursor_leads_on(self):
        cursor = "c" * 1500
        event = {"id": "1", "action": "update", "occurred_at": "2026-11-24T10:00:00Z", "actor_id": "me", "target_id": "x", "target_type": "device"}
        site = self.answered(lambda path: {"results": [event], "next": None if cursor in path else f"https://x.example/?cursor={cursor}"})
        site.audit.touch()
        p = site.run("audit", "reconcile", "--since", "2026-11-20", "--actor", "me")
        self.assertIn("2 events of the tenant: 2 of our actor's are not on our record", p.stdout)
        self.assertIn("; our actor is me\n", p.stdout)

    def test_nothing_is_clear_where_our_actor_is_unknown(self):
        event = {"id": "1", "action": "erase", "occurred_at": "2026-11-24T10:00:00Z", "actor_id": "somebody", "target_id": "x", "target_type": "device"}
        site = self.answered(lambda path: {"results": [event, {**event, "actor_id": "another"}], "next": None})
        site.audit.touch()
        p = site.run("audit", "reconcile", "--since", "2026-11-20")
        self.assertEqual((p.returncode, p.stdout), (1, ""))
        self.assertIn("our actor could not be found out", p.stderr)
        self.assertIn("give --actor ID (candidates: somebody, another)", p.stderr)
        p = site.run("audit", "reconcile", "--since", "2026-11-20", "--actor", "another")
        self.assertIn("1 of our actor's are not on our record", p.stdout)
        self.assertIn("; our actor is another\n", p.stdout)
        p = site.run("audit", "reconcile", "--since", "2026-11-20", "--actor", "anotherr")
        self.assertIn("; our actor is anotherr, of whom the tenant has no event: is that the right ID?\n", p.stdout)
        site = self.answered(lambda path: {"results": [], "next": None})
        site.audit.touch()
        p = site.run("audit", "reconcile", "--since", "2026-11-20")
        self.assertEqual(p.returncode, 0, p.stderr)

    def test_clocks_apart(self):
        for seconds in (-40, 40):
            now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
            with Tenant("--devices", 20, "--now", now.strftime("%Y-%m-%dT%H:%M:%SZ")) as tenant:
                site = self.site(url=tenant.url, policy="[rule all]\nthen = allow")
                with self.kmcp(site) as k:
                    k.good("lock_device", self.lock(tenant.find("platform:Mac")))
                p = site.run("audit", "reconcile", "--since", site.records()[0]["time"])
                self.assertEqual(p.returncode, 0, p.stdout)

    def test_the_actor_that_is_given_is_the_only_one(self):
        site = self.site(policy="[rule all]\nthen = allow")
        with self.kmcp(site) as k:
            k.good("lock_device", self.lock(self.device("platform:Mac")))
        since = site.records()[0]["time"]
        p = site.run("audit", "reconcile", "--since", since)
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertRegex(p.stdout, "0 of our actor's are not on our record, 0 of our acts are unknown to the tenant; our actor is [^ ,]+\n")
        p = site.run("audit", "reconcile", "--since", since, "--actor", "nobody")
        self.assertEqual(p.returncode, 1)
        self.assertIn("0 of our actor's are not on our record, 1 of our acts are unknown to the tenant; our actor is nobody, of whom ", p.stdout)

    def test_what_the_tenant_says_is_text(self):
        event = {"id": "1", "action": 'up"date\\', "occurred_at": "2026-11-24T10:00:00Z", "actor_id": "me\x1b[31m", "target_id": 'x"y',
                 "target_type": "device\u202e"}

        site = self.answered(lambda path: {"results": [event], "next": None})
        site.audit.touch()
        args = ("audit", "reconcile", "--since", "2026-11-20", "--actor", event["actor_id"])
        row = json.loads(site.run(*args, "--json").stdout)
        self.assertEqual((row["found"], row["target"]), ("not_sent_by_us", 'x"y'))
        self.assertIn('up"date\\', row["what"])
        for text in (site.run(*args).stdout, json.dumps(row)):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\u202e", text)


class Audit(Session):
    @unittest.skipUnless(jsonschema, "python3-jsonschema is not installed")
    def test_records_are_as_documented(self):
        schema = json.loads((ROOT / "docs" / "audit-record.schema.json").read_text())
        documented = (ROOT / "docs" / "audit.md").read_text()
        events = set()
        for policy in ("", "redact_pii = yes"):
            site, k = self.session(policy=policy)
            for r in site.records():
                jsonschema.validate(r, schema)
                events.add(r["event"])
                for field in r:
                    self.assertIn(f"`{field}`", documented)
        self.assertLessEqual({"asked", "intent", "outcome", "refused", "pending"}, events)

    def test_verify(self):
        site, k = self.session(extra="", policy="")
        p = site.run("audit", "verify")
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertIn("0 faults", p.stdout)
        k.close()
        text = site.audit.read_text()
        lines = text.splitlines(keepends=True)
        for changed, what in (("".join(lines[:2] + lines[3:]), "missing before record"),
                              ("".join(lines[:-1]), "missing at the end"),
                              (text.replace("lock_device", "list_device", 1), "record 1 was changed"),
                              ("".join(lines[:3] + [lines[2]] + lines[3:]), "second time"),
                              (text + "garbage\n", "are no whole record")):
            site.audit.write_text(changed)
            p = site.run("audit", "verify")
            self.assertEqual(p.returncode, 1, what)
            self.assertIn(what, p.stdout)
            self.assertIn(str(site.audit), p.stdout)
        site.audit.write_text("".join(lines[:-1]))  # and nobody acts on top of it
        k = self.kmcp(site, ask="accept")
        self.assertIn("records were removed", k.bad("lock_device", self.lock(self.device("platform:Mac"))))
        site.audit.write_text(text)
        key = site.dir / "audit.jsonl.key"
        self.assertNotIn(key.read_text().strip(), text)
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        key.unlink()
        p = site.run("audit", "verify")
        self.assertIn("--no-key", p.stderr)
        p = site.run("audit", "verify", "--no-key")
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertIn("can forge", p.stdout)

    def test_what_was_removed_is_seen_without_its_head(self):
        """No key is needed to cut the file and take its head away: that is noticed, and a person has to accept it."""
        head, key = "audit.jsonl.head", "audit.jsonl.key"
        for what in ("end", "file", "rolled back", "all of it"):
            site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow")
            act = lambda k: k.call("lock_device", self.lock(self.device("platform:Mac")))
            with self.kmcp(site) as k:
                act(k), act(k)
                old = site.audit.read_bytes(), (site.dir / head).read_bytes()
                act(k)
            lines = site.audit.read_text().splitlines(keepends=True)
            if what == "rolled back":  # an older copy of both, which fit each other
                site.audit.write_bytes(old[0]), (site.dir / head).write_bytes(old[1])
            else:
                (site.dir / head).unlink()
            if what == "end":
                site.audit.write_text("".join(lines[:-2]))
            if what in ("file", "all of it"):
                site.audit.unlink()
            if what == "all of it":  # the state still knows
                (site.dir / key).unlink()
            self.tenant.reset()
            with self.kmcp(site) as k:
                self.assertIn("kmcp audit accept", act(k)["content"][0]["text"], what)
            self.assertEqual(self.tenant.acts(), [], what)
            p = site.run("audit", "verify")
            self.assertEqual(p.returncode, 1, what + p.stdout)
            self.assertIn("6, which the state remembers, are missing", p.stdout)
            self.assertEqual(site.run("audit", "accept").returncode, 1)  # not without a terminal
            text, status = on_terminal(site, "audit", "accept", answers=[YES])
            self.assertEqual(status, 0, text)
            with self.kmcp(site) as k:
                self.assertNotIn("isError", act(k))
            p = site.run("audit", "verify")
            self.assertEqual(p.returncode, 0, p.stdout)
            self.assertIn("1 times it was not whole and accepted", p.stdout)
            r = next(r for r in site.records() if r["event"] == "accepted")
            self.assertEqual(r["seq"], 7)  # no number is used twice
            self.assertIn("uid ", r["principal"])
            self.assertIn("goes on after record", r["detail"])
            if jsonschema:
                jsonschema.validate(r, json.loads((ROOT / "docs" / "audit-record.schema.json").read_text()))

    def test_each_line_of_a_detail_is_indented(self):
        site, k = self.session()
        self.assertIn("\n", next(r for r in site.records() if r["event"] == "asked")["detail"])
        for line in site.run("audit", "show").stdout.splitlines():
            self.assertRegex(line, r"^(20\d\d-|    \S)")

    def test_show(self):
        site, k = self.session()
        p = site.run("audit", "show")
        for part in ("lock_device", "intent", "outcome", "ok", self.d["serial_number"], "POST /api/v1/devices/"):
            self.assertIn(part, p.stdout)
        self.assertNotRegex(p.stdout, pin_pattern("735192"))
        rows = [json.loads(x) for x in site.run("audit", "show", "--json", "--event", "outcome").stdout.splitlines()]
        self.assertEqual([r["tool"] for r in rows], ["lock_device", "erase_device", "get_filevault_key"])
        rows = site.run("audit", "show", "--json", "--device", self.d["serial_number"].lower()).stdout.splitlines()
        self.assertEqual({json.loads(x)["tool"] for x in rows}, {"lock_device"})
        self.assertEqual(site.run("audit", "show", "--since", "2099-01-01").stdout, "")
        self.assertEqual(site.run("audit", "show", "--open").stdout, "")
        self.tenant.set(faults=["502,path=/action/,method=POST"])
        k.bad("lock_device", self.lock(self.device("platform:Mac")))
        self.tenant.set(faults=[])
        self.assertIn("lock_device", site.run("audit", "show", "--open").stdout)

    # ---- anchors: what is told elsewhere ----

    def act(self, site, **kw):
        with self.kmcp(site, ask="accept", **kw) as k:
            k.good("lock_device", self.lock(self.device("platform:Mac")))

    def anchored(self, line):
        """FILE, SEQ and MAC that an anchor ends with."""
        return tuple(line.split()[-3:])

    def told(self, site):
        return [(str(site.audit), str(r["seq"]), r["mac"]) for r in site.records()]

    def test_an_anchor_file_finds_what_the_chain_cannot(self):
        site, elsewhere = self.site(), self.site().dir / "anchors"
        site.write(site.ini.read_text().replace("[audit]\n", f"[audit]\nanchor_file = {elsewhere}\n"))
        self.act(site)
        kept = [(p, p.read_bytes()) for p in (site.audit, site.dir / "audit.jsonl.head", site.dir / "state.db")]
        self.act(site)
        anchors = elsewhere.read_text().splitlines()
        self.assertEqual([self.anchored(a) for a in anchors], self.told(site))
        self.assertEqual(elsewhere.stat().st_mode & 0o777, 0o600)
        for line in anchors:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ /")
        with open(elsewhere, "a", encoding="utf-8") as f:  # another installation's
            f.write(f"2026-11-25T10:00:00Z other.example {site.audit} 2 {'0' * 64}\n2026-11-25T10:00:00Z {site.dir}/b.jsonl 2 {'0' * 64}\n")
        p = site.run("audit", "verify", "--anchors", str(elsewhere))
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn(f"{len(anchors)} anchors compared, 2 are for other files", p.stdout)
        empty = site.dir / "empty"
        empty.write_text("")
        p = site.run("audit", "verify", "--anchors", str(empty))
        self.assertEqual(p.returncode, 1)
        self.assertIn("no anchor in it is for ", p.stdout)
        for path, text in kept:  # who owns the folders puts older copies of all of it back
            path.write_bytes(text)
        self.assertEqual(site.run("audit", "verify").returncode, 0)
        p = site.run("audit", "verify", "--anchors", str(elsewhere))
        self.assertEqual(p.returncode, 1, p.stdout)
        self.assertRegex(p.stdout, r"\b4\b")  # the record that is told of and not there

    def test_an_anchor_file_that_cannot_be_written_is_told(self):
        site = self.site()
        site.write(site.ini.read_text().replace("[audit]\n", f"[audit]\nanchor_file = {site.dir}/none/anchors\n"))
        k = self.kmcp(site, ask="accept")
        k.good("lock_device", self.lock(self.device("platform:Mac")))
        k.close()
        for command in ("check", "doctor"):
            p = site.run(command)
            self.assertEqual(p.returncode, 1)
            self.assertRegex(p.stdout + p.stderr, "the record would be told nowhere else: the anchor file .*none/anchors")
        self.assertIn("none/anchors", k.stderr)
        self.assertIn("make it writable", k.stderr)

    def test_a_path_with_spaces_is_anchored(self):
        site = self.site()
        folder, anchors = site.dir / "our records", site.dir / "anchors"
        folder.mkdir(mode=0o700)
        site.write(site.ini.read_text().replace(str(site.audit), str(folder / "the audit.jsonl")).replace("[audit]\n", f"[audit]\nanchor_file = {anchors}\n"))
        self.act(site)
        p = site.run("audit", "verify", "--anchors", str(anchors))
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertIn("3 anchors compared\n", p.stdout)

    def all_records(self, site):
        """Of all files that are there, in order."""
        files = [*sorted(site.dir.glob("audit.jsonl.0*")), site.audit]
        return [json.loads(line) for f in files if f.exists() for line in f.read_text().splitlines()]

    def rotating(self, *more):
        """A site with four files of records at least."""
        site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow")
        site.write(site.ini.read_text().replace("[audit]\n", "\n".join(["[audit]", "rotate_bytes = 2000", *more, ""])))
        for _ in range(4):
            self.act(site)
        rotated = sorted(site.dir.glob("audit.jsonl.0*"))
        self.assertGreaterEqual(len(rotated), 3)
        return site, rotated

    def test_the_oldest_files_are_archived(self):
        site, rotated = self.rotating()
        archive = site.dir / "archive"
        archive.mkdir(mode=0o700)
        last = json.loads(rotated[0].read_text().splitlines()[-1])
        rotated[0].rename(archive / rotated[0].name)
        begins = (f"it begins at record {last['seq'] + 1}: records 1 to {last['seq']} must be in files kept elsewhere, the last of them "
                  f"with MAC {last['mac']}")
        p = site.run("audit", "verify")  # nobody said so: somebody may have removed it
        self.assertEqual(p.returncode, 1, p.stdout)
        self.assertIn(f"records 1 to {last['seq']} are missing, and nobody put on record that they are archived", p.stdout)
        self.assertIn("; 0 torn, 1 fault\n", p.stdout)
        self.assertEqual(site.run("audit", "verify", "--from", str(last["seq"] + 1)).returncode, 0)
        p = site.run("audit", "verify", "--no-key")
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertIn(begins + "; without the key what was archived cannot be told from what was removed", p.stdout)
        n = len(self.all_records(site))
        self.assertIn("on a terminal", site.run("audit", "accept").stderr)
        text, status = on_terminal(site, "audit", "accept", answers=[('Type "yes"', "no")])
        self.assertEqual((status, len(self.all_records(site))), (1, n), text)
        text, status = on_terminal(site, "audit", "accept", answers=[YES])
        self.assertEqual(status, 0, text)
        accepted = self.all_records(site)[-1]
        self.assertEqual((accepted["event"], accepted["archived"], accepted["seq"]), ("accepted", last["seq"], last["seq"] + n + 1))
        self.assertIn(last["mac"], accepted["detail"])
        if jsonschema:
            jsonschema.validate(accepted, json.loads((ROOT / "docs" / "audit-record.schema.json").read_text()))
        text, status = on_terminal(site, "audit", "accept")
        self.assertEqual((status, "nothing to accept" in text), (0, True), text)
        p = site.run("audit", "verify")
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertIn(begins + "\n", p.stdout)
        self.assertNotIn("not whole", p.stdout)
        rotated[1].rename(archive / rotated[1].name)  # one more than that
        p = site.run("audit", "verify")
        self.assertEqual(p.returncode, 1)
        self.assertIn(f"records {last['seq'] + 1} to ", p.stdout)
        (archive / rotated[1].name).rename(rotated[1])
        p = site.run("audit", "verify", "--from", "1")
        self.assertEqual(p.returncode, 1)
        self.assertIn(f"the files begin with record {last['seq'] + 1}, not 1", p.stdout)
        self.act(site)  # and it goes on
        self.assertFalse(rotated[0].exists())
        self.assertEqual(site.run("audit", "verify").returncode, 0)
        lines = rotated[1].read_text().splitlines(keepends=True)
        rotated[1].write_text("".join(lines[1:]))  # from within a file nothing may be missing
        p = site.run("audit", "verify")
        self.assertEqual(p.returncode, 1)
        self.assertIn("did not begin a file", p.stdout)
        rotated[1].write_text("".join(lines))
        rotated[2].unlink()
        self.assertEqual(site.run("audit", "verify").returncode, 1)

    def test_who_accepts_hears_of_all_that_is_wrong(self):
        site, rotated = self.rotating()
        archive = site.dir / "archive"
        archive.mkdir(mode=0o700)
        good = rotated[2].read_text()
        rotated[2].write_text(good.replace("lock_device", "wipe_device", 1))
        text, status = on_terminal(site, "audit", "accept")
        self.assertEqual((status, "nothing is wrong" in text), (1, False), text)
        self.assertIn("there is 1 fault among the records that are there: kmcp audit verify names it", text)
        last = [json.loads(f.read_text().splitlines()[-1])["seq"] for f in rotated]
        for n, begins in ((0, 1), (1, last[0] + 1)):
            rotated[n].rename(archive / rotated[n].name)
            text, status = on_terminal(site, "audit", "accept", answers=[YES])
            self.assertEqual(status, 0, text)
            self.assertIn("there is 1 fault among the records", text)
            self.assertIn(f"records {begins} to {last[n]} are not in the files, and not on record as archived", text)
            self.assertIn(f"if you moved records {begins} to {last[n]} into an archive", text)
        self.assertIn("was changed", site.run("audit", "verify").stdout)
        pathlib.Path(f"{site.audit}.head").unlink()  # and where it cannot go on
        text, status = on_terminal(site, "audit", "accept", answers=[YES])
        self.assertEqual(status, 0, text)
        self.assertIn("there is 1 fault among the records", text)

    def test_an_archive_alone(self):
        anchors = self.site().dir / "anchors"
        site, rotated = self.rotating(f"anchor_file = {anchors}")
        archive = site.dir / "archive"
        archive.mkdir(mode=0o700)
        records = [json.loads(x) for f in rotated[:2] for x in f.read_text().splitlines()]
        for f in rotated[:2]:
            f.rename(archive / f.name)
        text, status = on_terminal(site, "audit", "accept", answers=[YES])
        self.assertEqual(status, 0, text)
        last, key = archive / rotated[1].name, f"{site.audit}.key"

        def verify(*args):
            return subprocess.run([KMCP, "audit", "verify", *map(str, args)], capture_output=True, text=True, timeout=DEADLINE,
                                  env={"PATH": os.environ["PATH"], "HOME": str(site.dir)})

        p = verify(last, "--key", key)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn(f"{len(records)} records, 1 to {records[-1]['seq']}, in 2 files; 0 torn, 0 faults\n", p.stdout)
        self.assertIn(f"last MAC {records[-1]['mac']}\n", p.stdout)
        self.assertIn("kmcp audit show --event accepted", p.stdout)
        self.assertIn(records[-1]["mac"], site.run("audit", "show", "--event", "accepted").stdout)
        self.assertIn(f"{archive / 'audit.jsonl.key'}", verify(last).stderr)  # the key's name is that of the file it was
        self.assertEqual(verify(last, "--no-key").returncode, 0)
        p = verify(last, "--key", key, "--anchors", anchors, "--anchored-as", f"{socket.gethostname()}:{site.audit}")
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertRegex(p.stdout, rf"{len(records)} anchors compared, [1-9]\d* are for other records\n")
        self.assertEqual(site.run("audit", "verify", str(rotated[2])).returncode, 0)  # where it was rotated to
        (archive / rotated[0].name).rename(archive / "elsewhere")
        p = verify(last, "--key", key)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn("in 1 file; 0 torn, 0 faults\nit begins at record ", p.stdout)
        last.write_text(last.read_text().replace("lock_device", "wipe_device", 1))
        self.assertIn("was changed", verify(last, "--key", key).stdout)
        self.assertIn("cannot be opened", verify(archive / "audit.jsonl.000009", "--key", key).stderr)

    def test_anchors_of_what_is_archived(self):
        anchors = self.site().dir / "anchors"
        site, rotated = self.rotating(f"anchor_file = {anchors}")
        archive = site.dir / "archive"
        archive.mkdir(mode=0o700)
        moved = [json.loads(x)["seq"] for f in rotated[:2] for x in f.read_text().splitlines()]
        for f in rotated[:2]:
            f.rename(archive / f.name)
        p = site.run("audit", "verify", "--anchors", str(anchors))
        self.assertEqual(p.returncode, 1)
        self.assertIn(f"if it is archived, --from {moved[-1] + 1} leaves it out", p.stdout)
        text, status = on_terminal(site, "audit", "accept", answers=[YES])
        self.assertEqual(status, 0, text)
        p = site.run("audit", "verify", "--anchors", str(anchors))
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertRegex(p.stdout, r"[1-9]\d* anchors compared, [1-9]\d* are for earlier records\n")
        p = site.run("audit", "verify", "--anchors", str(anchors), "--from", "1")  # whatever is archived
        self.assertIn("record 1, which was anchored, is not in the audit files", p.stdout)
        rotated[2].unlink()  # nobody said so of this one
        p = site.run("audit", "verify", "--anchors", str(anchors))
        self.assertIn(f"record {moved[-1] + 1}, which was anchored, is not in the audit files", p.stdout)

    def test_a_file_that_is_moved_to_another_file_system(self):
        site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow")
        for _ in range(3):  # whether or not the new one gets the inode of the old one
            self.act(site)
            site.audit.unlink()
        self.act(site)
        p = site.run("audit", "verify", "--from", "7")
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertIn("it begins at record 7", p.stdout)
        self.assertIn("records 1 to 6 are missing", site.run("audit", "verify").stdout)

    def test_somebody_else_verifies_a_copy(self):
        site, other = self.site(), self.site()
        anchors = site.dir / "anchors"
        site.write(site.ini.read_text().replace("[audit]\n", f"[audit]\nanchor_file = {anchors}\n"))
        self.act(site)
        copy = other.dir / "copy.jsonl"
        for end in ("", ".head"):
            shutil.copy(f"{site.audit}{end}", f"{copy}{end}")
        key = other.dir / "the.key"
        shutil.copy(f"{site.audit}.key", key)

        def verify(*args):
            return subprocess.run([KMCP, "audit", "verify", *args], capture_output=True, text=True, timeout=DEADLINE, cwd=other.dir,
                                  env={"PATH": os.environ["PATH"], "HOME": str(other.dir)})

        p = verify("copy.jsonl", "--key", str(key))
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn("0 faults", p.stdout)
        self.assertIn("--key FILE names another", verify("copy.jsonl").stderr)
        self.assertEqual(verify("copy.jsonl", "--no-key").returncode, 0)
        p = verify("copy.jsonl", "--key", str(key), "--anchors", str(anchors))
        self.assertEqual(p.returncode, 1)
        host = anchors.read_text().split()[1]
        self.assertIn(f"such as {host}:{site.audit}", p.stdout)
        p = verify("copy.jsonl", "--key", str(key), "--anchors", str(anchors), "--anchored-as", f"{host}:{site.audit}")
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertIn("3 anchors compared\n", p.stdout)
        copy.write_text(copy.read_text().replace("lock_device", "wipe_device", 1))
        self.assertEqual(verify("copy.jsonl", "--key", str(key)).returncode, 1)

    # A /dev of its own, in name spaces of its own: $1 becomes it, $2 is what listens at its log.
    OWN_DEV = ('mount -t tmpfs own "$1" && touch "$1/null" && mount --bind /dev/null "$1/null" && ln -s "$2" "$1/log" && '
               'mount --rbind "$1" /dev && shift 2 && exec "$@"')

    def test_anchors_in_the_log_of_the_system(self):
        site = self.site()
        dev, log = site.dir / "dev", site.dir / "log"
        dev.mkdir()
        own = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", self.OWN_DEV, "sh", str(dev), str(log)]
        if not shutil.which("unshare") or subprocess.run([*own, "true"], capture_output=True).returncode:
            self.skipTest("name spaces cannot be made here")
        site.write(site.ini.read_text().replace("[audit]\n", "[audit]\nsyslog = yes\n"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(str(log))
            s.settimeout(DEADLINE)
            self.act(site, argv=[*own, KMCP, "--config", str(site.ini)])
            lines = [s.recv(4096).decode() for _ in site.records()]
        for line in lines:
            self.assertRegex(line, r"^<85>.*kmcp audit anchor /")  # authpriv.notice
        self.assertEqual([self.anchored(line) for line in lines], self.told(site))

    def test_many_processes_one_chain(self):
        site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow")
        devices = [self.device("platform:Mac") for _ in range(8)]
        clients = [self.kmcp(site) for _ in devices]
        waiting = [(k, k.start("tools/call", {"name": "lock_device", "arguments": self.lock(d)}))
                   for k, d in zip(clients, devices)]
        for k, q in waiting:
            m = k.finish(q)
            self.assertFalse(m["result"].get("isError"), m)
        self.assertEqual([r["seq"] for r in site.records()], list(range(1, 17)))
        self.assertEqual(site.run("audit", "verify").returncode, 0)
        self.assertEqual(len(self.tenant.acts()), 8)

    def test_who_looks_while_others_write(self):
        site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow")
        anchors = site.dir / "anchors"
        site.write(site.ini.read_text().replace("[audit]\n", f"[audit]\nrotate_bytes = 2000\nanchor_file = {anchors}\n"))
        clients = [self.kmcp(site) for _ in range(3)]
        d = self.lock(self.device("platform:Mac"))
        clients[0].good("lock_device", d)
        problems, threads = [], []

        def acts(k, args):
            for _ in range(12):  # "already running", says the tenant, which is on record as well
                text = k.call("lock_device", args)["content"][0]["text"]
                if "was not done" in text:
                    problems.append(text)

        for k in clients:
            threads.append(threading.Thread(target=acts, args=(k, self.lock(self.device("platform:Mac")))))
            threads[-1].start()
        shown, looks = 0, 0
        while any(t.is_alive() for t in threads) or not looks:
            p = site.run("audit", "verify", "--anchors", str(anchors))
            self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
            rows = [json.loads(x)["seq"] for x in site.run("audit", "show", "--json").stdout.splitlines()]
            self.assertEqual(rows, list(range(1, len(rows) + 1)))
            self.assertGreaterEqual(len(rows), shown)
            shown, looks = len(rows), looks + 1
        for t in threads:
            t.join()
        self.assertEqual(problems, [])


if __name__ == "__main__":
    unittest.main()
