"""Secrets: the conversation gets a handle, a person opens it, once.  SPDX-License-Identifier: Apache-2.0"""
import hashlib
import json
import os
import pty
import re
import select
import subprocess
import threading
import time
import unittest

from e2e import DEADLINE, KMCP, Case, pin_pattern
from test_policy import approvers, on_terminal


class Secrets(Case):
    def key_args(self, d):
        return {"device_id": d["device_id"], "reason": "locked out", "confirm": True}

    def fetch(self, k, tool="get_filevault_key", d=None, args=None):
        d = d or self.device("platform:Mac,filevault:on")
        r = k.good(tool, args or self.key_args(d))
        handle = re.search(r"secret:[a-z2-7]{16}", r["content"][0]["text"]).group(0)
        self.assertIn("kmcp secret open " + handle, r["content"][0]["text"])
        return d, r, handle

    def on_disk(self, site):
        return b"".join(p.read_bytes() for p in site.dir.rglob("*") if p.is_file())

    def test_a_handle_instead_of_the_key(self):
        site = self.site(extra="[log]\nlevel = debug")
        k = self.kmcp(site, ask="accept")
        d, r, handle = self.fetch(k)
        self.assertRegex(r["content"][0]["text"], f"^Of device {d['device_id']}: FileVault recovery key, once, until [0-9:]{{5}}Z: `kmcp secret open {handle} ")
        listed = site.run("secret", "list").stdout
        for part in (handle, d["serial_number"], "get_filevault_key"):
            self.assertIn(part, listed)
        k.close()
        everything = b"".join(k.raw) + k.stderr.encode() + listed.encode() + self.on_disk(site)
        self.assertNotIn(d["filevault_key"].encode(), everything)
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "ticket 4711", answers=[("Enter to clear", "")])
        self.assertEqual(status, 0, text)
        self.assertRegex(text, rf"\x1b\[HFileVault recovery key of [^\n]*{d['serial_number']}[^\n]*\n\n{d['filevault_key']}\n")
        self.assertIn("\x1b[?1049h", text)
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "again")
        self.assertEqual(status, 1)
        self.assertIn("no such secret", text)
        self.assertIn("ask for it again with the tool", text)
        self.assertNotIn(d["filevault_key"].encode(), self.on_disk(site))
        opened = [r for r in site.records() if r["tool"] == "secret open"]
        self.assertEqual([r["event"] for r in opened], ["intent", "outcome"])
        self.assertEqual((opened[0]["reason"], opened[0]["subjects"][0]["id"]), ("ticket 4711", d["device_id"]))
        self.assertEqual(site.run("audit", "verify").returncode, 0)

    def on_a_terminal_until(self, site, args, sign, ahead=b""):
        """kmcp with ARGS on a terminal of its own, killed once SIGN(what it said) is true."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        os.write(master, ahead)
        p = subprocess.Popen([KMCP, *args, "--config", str(site.ini)], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        seen, end = b"", time.monotonic() + DEADLINE
        while not sign(seen):
            self.assertLess(time.monotonic(), end, seen)
            if select.select([master], [], [], 0.05)[0]:
                seen += os.read(master, 65536)
        p.kill()
        p.wait(DEADLINE)

    def test_a_terminal_that_is_closed_while_it_is_shown(self):
        site = self.site()
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
        self.on_a_terminal_until(site, ["secret", "open", handle, "--reason", "ticket"], lambda seen: b"Enter to clear" in seen)
        self.assertEqual([(r["event"], r.get("result")) for r in site.records() if r["tool"] == "secret open"],
                         [("intent", None), ("outcome", "ok")])
        self.assertEqual(site.run("audit", "show", "--open").stdout, "")

    def test_one_that_was_killed_has_an_end_by_acts(self):
        for policy in ("", "redact_pii = yes"):
            site = self.site(policy=policy)
            d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
            # a terminal that is stopped (Ctrl-S) takes nothing: the intent is there, and the secret is not shown
            self.on_a_terminal_until(site, ["secret", "open", handle, "--reason", "ticket"],
                                     lambda seen: any(r["tool"] == "secret open" for r in site.records()), ahead=b"\x13")
            intent = site.records()[-1]
            self.assertEqual((intent["event"], intent["tool"]), ("intent", "secret open"))
            self.assertIn("secret open", site.run("audit", "show", "--open").stdout)
            results = [subprocess.Popen([KMCP, "acts", "--config", str(site.ini)], stdout=subprocess.PIPE, text=True) for _ in range(4)]
            said = [p.communicate(timeout=DEADLINE)[0] for p in results]
            self.assertTrue(any(f"{intent['id']}: kmcp ended before it could say whether this was done" in text for text in said), said)
            ends = [r for r in site.records() if r["event"] == "resolved"]
            self.assertEqual([(r["id"], r["result"], r["subjects"][0]["id"]) for r in ends], [(intent["id"], "unknown", d["device_id"])])
            self.assertEqual(site.run("audit", "show", "--open").stdout, "")
            self.assertEqual(site.run("acts").stdout, "every act has a known end\n")
            self.assertEqual(site.run("audit", "verify").returncode, 0)

    def test_one_that_is_under_way_is_none_of_these(self):
        site = self.site()
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))

        def seen(_):
            if not any(r["tool"] == "secret open" for r in site.records()):
                return False
            text = site.run("acts").stdout
            self.assertIn(": still under way", text)
            self.assertNotIn("every act has a known end", text)
            return True

        self.on_a_terminal_until(site, ["secret", "open", handle, "--reason", "ticket"], seen, ahead=b"\x13")
        self.assertEqual([r["event"] for r in site.records() if r["tool"] == "secret open"], ["intent"])

    def test_into_a_file(self):
        site = self.site()
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
        taken, link, out = site.dir / "taken", site.dir / "link", site.dir / "out"
        taken.write_text("x")
        link.symlink_to(site.dir / "elsewhere")
        for bad in (taken, link):
            self.assertEqual(on_terminal(site, "secret", "open", handle, "--reason", "test", "--out", str(bad))[1], 1)
        self.assertIn("--reason", site.run("secret", "open", handle, "--out", str(out)).stderr)
        self.assertIn("terminal", site.run("secret", "open", handle, "--reason", "test").stderr)
        p = site.run("secret", "open", handle, "--reason", "test", "--out", str(out))  # from a pipe, not even into a file
        self.assertEqual(p.returncode, 1)
        self.assertIn("a person has to do this on a terminal", p.stderr)
        self.assertFalse(out.exists())
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "test", "--out", str(out))
        self.assertEqual(status, 0)
        self.assertRegex(text, rf"^FileVault recovery key of .*{d['serial_number']}.*: written to {out}, and kept by kmcp no more\n$")
        self.assertEqual(out.read_text(), d["filevault_key"] + "\n")
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)

    def test_what_was_opened_is_named_without_persons_where_they_are_masked(self):
        site = self.site()
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
        site.write(site.ini.read_text().replace("[policy]\n", "[policy]\nredact_pii = yes\n"))
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "ticket", "--out", str(site.dir / "out"))
        self.assertEqual(status, 0, text)
        self.assertIn(f"FileVault recovery key of {d['device_id']}: written", text)
        self.assertNotIn(d["serial_number"], text)

    def test_a_reason_has_words(self):
        site = self.site()
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
        n = len(site.records())
        for reason in ("", "...", "…", "?!?", "\u3002\u3002", "ab", "   "):
            text, status = on_terminal(site, "secret", "open", handle, "--reason", reason, "--out", str(site.dir / "out"))
            self.assertEqual(status, 1, reason)
            self.assertIn("a letter or digit among them", text)
        self.assertEqual(len(site.records()), n)
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "\u65b0\u3057\u3044", "--out", str(site.dir / "out"))
        self.assertEqual(status, 0, text)

    def test_two_racers_get_it_once(self):
        site = self.site()
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
        results = []

        def race(n):
            results.append(on_terminal(site, "secret", "open", handle, "--reason", "race", "--out", str(site.dir / f"out{n}"))[1])

        threads = [threading.Thread(target=race, args=(n,)) for n in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(results), [0] + [1] * 5)
        self.assertEqual(len(list(site.dir.glob("out*"))), 1)

    def test_expiry_and_drop(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        d, r, handle = self.fetch(k)
        self.assertIn("on a terminal", site.run("secret", "drop", handle).stderr)
        text, status = on_terminal(site, "secret", "drop", handle)
        self.assertEqual(status, 0)
        self.assertRegex(text, rf"^FileVault recovery key of .*{d['serial_number']}.*: dropped unseen, and kept by kmcp no more\n$")
        self.assertEqual(on_terminal(site, "secret", "drop", handle)[1], 1)
        dropped = [r for r in site.records() if r["tool"] == "secret drop"]
        self.assertEqual([(r["event"], r["subjects"][0]["id"], r["consent"]) for r in dropped],
                         [(event, d["device_id"], handle) for event in ("intent", "outcome")])
        d, r, handle = self.fetch(k)
        subprocess.run(["/usr/bin/python3", "-c", "import sqlite3,sys; db=sqlite3.connect(sys.argv[1]); "
                        "db.execute(\"UPDATE record SET expires=1 WHERE space='secret'\"); db.commit()",
                        str(site.dir / "state.db")], check=True)
        self.assertIn("no such secret", on_terminal(site, "secret", "open", handle, "--reason", "late", "--out", str(site.dir / "o"))[0])
        self.assertFalse((site.dir / "o").exists())

    def test_with_approvers_it_takes_a_passphrase(self):
        site = self.site()
        path = approvers(self, site, "ana")
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {path}\n[audit]"))
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
        out = site.dir / "out"
        for what in (["open", handle, "--reason", "ticket 4711", "--out", str(out)], ["drop", handle]):
            text, status = on_terminal(site, "secret", *what, answers=[("Your name", "ana"), ("Your passphrase", "wrong")])
            self.assertEqual(status, 1)
            self.assertIn("name and passphrase are not those of an approver", text)
            self.assertFalse(out.exists())
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "ticket 4711", "--out", str(out),
                                   answers=[("Your name", "ana"), ("Your passphrase", "secret of ana")])
        self.assertEqual((status, out.read_text()), (0, d["filevault_key"] + "\n"), text)
        events = [(r["event"], r["tool"], r["principal"].split(" on ")[0]) for r in site.records() if r["tool"].startswith("secret ")]
        self.assertEqual(events, [("refused", "secret open", "somebody unknown"), ("refused", "secret drop", "somebody unknown"),
                                  ("intent", "secret open", "ana"), ("outcome", "secret open", "ana")])

    def test_nothing_is_opened_while_frozen(self):
        freeze = self.site().dir / "freeze"
        site = self.site(policy=f"freeze_file = {freeze}")
        d, r, handle = self.fetch(self.kmcp(site, ask="accept"))
        freeze.touch()
        out = site.dir / "out"
        for what in (["open", handle, "--reason", "ticket 4711", "--out", str(out)], ["drop", handle]):
            text, status = on_terminal(site, "secret", *what)
            self.assertEqual(status, 1)
            self.assertIn("acts are frozen", text)
        self.assertFalse(out.exists())
        self.assertEqual([(r["event"], r["rule"]) for r in site.records()[-2:]], [("refused", "freeze")] * 2)
        freeze.unlink()
        self.assertEqual(on_terminal(site, "secret", "open", handle, "--reason", "ticket 4711", "--out", str(out))[1], 0)

    def test_a_lock_pin_becomes_a_handle(self):
        site = self.site()
        d = self.device("platform:Mac")
        k = self.kmcp(site, ask="accept")
        d, r, handle = self.fetch(k, "lock_device", d, {"device_id": d["device_id"], "confirm": True})
        self.assertEqual(r["structuredContent"]["unlock_pin"], handle)
        pin = self.tenant.truth("?device_id=" + d["device_id"])["pin"]
        out = site.dir / "pin"
        self.assertEqual(on_terminal(site, "secret", "open", handle, "--reason", "to unlock it", "--out", str(out))[1], 0)
        self.assertEqual(int(out.read_text()), int(pin))
        self.assertNotRegex(b"".join(k.raw).decode() + site.audit.read_text(), pin_pattern(pin))

    def test_without_a_vault_nothing_is_read(self):
        site = self.site()
        key = site.dir / "vault.key"
        key.write_text("short\n")
        key.chmod(0o600)
        k = self.kmcp(site, ask="accept")
        d = self.device("platform:Mac,filevault:on")
        self.tenant.reset()
        why = k.bad("get_filevault_key", self.key_args(d))
        self.assertIn("vault.key", why)
        self.assertNotIn("filevaultkey", json.dumps(self.tenant.stats()["last_requests"]))
        # a lock happens, and says where its PIN is to be had
        r = k.good("lock_device", {"device_id": d["device_id"], "confirm": True})
        self.assertIn("web console", r["content"][0]["text"])

    def test_no_digest_gives_a_pin_away(self):
        """A PIN of six digits is found in a bare digest by trying them all."""
        site = self.site(policy="repeat_minutes = 0")
        d = self.device("platform:Mac")
        args = {"device_id": d["device_id"], "serial_number": d["serial_number"], "pin": "735192", "confirm": True}
        with self.kmcp(site, ask="accept") as k:
            k.good("erase_device", args)
        with self.kmcp(site) as k:
            k.bad("erase_device", args)  # waits for an approval
        intent = next(r for r in site.records() if r["event"] == "intent")
        line = f"POST /api/v1/devices/{d['device_id']}/action/erase"
        self.assertEqual(intent["request_sha256"], hashlib.sha256(f'{line}\n{{"PIN":"[not shown]"}}'.encode()).hexdigest())
        canonical = json.dumps(args, sort_keys=True, separators=(",", ":"))
        call = "".join(f"{len(x)}:{x}," for x in (intent["principal"], "erase_device", canonical))
        kept = site.audit.read_bytes() + b"".join(p.read_bytes() for p in site.dir.glob("state.db*"))
        for text in (f'{line}\n{{"PIN":"735192"}}', call, canonical):
            self.assertNotIn(hashlib.sha256(text.encode()).hexdigest().encode(), kept)

    def test_inline_where_the_site_says_so(self):
        site = self.site(policy="inline_secrets = get_filevault_key")
        k = self.kmcp(site, ask="accept")
        d = self.device("platform:Mac,filevault:on")
        self.assertIn(d["filevault_key"], k.text("get_filevault_key", self.key_args(d)))
        site = self.site(policy="inline_secrets = get_filevault_kee")
        p = site.run("check")
        self.assertEqual(p.returncode, 1)
        self.assertIn("get_filevault_kee", p.stderr)


if __name__ == "__main__":
    unittest.main()
