"""What who runs kmcp reads from its commands, and what they refuse.  SPDX-License-Identifier: Apache-2.0"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from e2e import BIN, DEADLINE, KMCP, Case
from test_policy import on_terminal

ROOT = pathlib.Path(__file__).parents[2]


class Rules(Case):
    TENANT_ARGS = ("--devices", 60)

    def test_words_that_can_never_match(self):
        for key, word, part in (("principals", "token:ana", "can never be who asks"), ("transports", "ssh", "is no transport"),
                                ("tools", "erase_device, lock_devise", '"lock_devise", which is no loaded tool')):
            for section in ("rule typo", "cap typo"):
                more = "then = deny" if section == "rule typo" else "limit = 1\nper = day"
                site = self.site(policy=f"[{section}]\n{key} = {word}\n{more}")
                p = site.run("check")
                self.assertEqual(p.returncode, 1, (key, p.stdout))
                self.assertIn(part, p.stderr)
                self.assertRegex(p.stderr, r"kmcp\.ini:\d+: ")
        p = self.site(policy="[rule good]\ntools = LOCK_device, get_*, nothing*\nprincipals = http:*\nplatforms = mac, i*\nthen = deny").run("check")
        self.assertEqual((p.returncode, p.stderr), (0, ""))

    def test_a_caller_that_can_never_be(self):
        site = self.site()
        tests = site.dir / "expect.ini"
        for who in ("ana", "http:*"):
            said = f'"{who}" can never be who asks: that is local:UID(NAME) or http:NAME'
            p = site.run("policy", "explain", "lock_device", json.dumps({"device_id": self.device()["device_id"]}), "--as", who)
            self.assertEqual((p.returncode, p.stdout), (1, ""))
            self.assertIn(said, p.stderr)
            tests.write_text(f"[test a]\ntool = lock_device\nprincipal = {who}\nexpect = default\n")
            tests.chmod(0o600)
            p = site.run("policy", "test", str(tests))
            self.assertEqual(p.returncode, 1, p.stdout)
            self.assertIn(said, p.stderr)

    def test_unknown_platforms_are_named(self):
        p = self.site(policy="[rule old]\nplatforms = Mac, Amiga\nthen = deny").run("check")
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn('"platforms" names "Amiga"', p.stderr)
        self.assertNotIn('"Mac"', p.stderr)

    def test_the_help_desk_example_at_night(self):
        site = self.site()
        example = (ROOT / "conf" / "help-desk.ini").read_text()
        site.write(site.ini.read_text().split("[policy]")[0] + example.split("\n", 1)[1].replace("[tenant]", "") +
                   f"\n[audit]\nfile = {site.audit}\n[state]\nfolder = {site.dir}\n")
        tests = site.dir / "expect.ini"
        tests.write_text("".join(f"[test {tool}_{when}]\ntool = {tool}\ntag =\nat = 2026-11-24T{hour}:00:00Z\nexpect = {expect}\n"
                                 for tool, when, hour, expect in (("lock_device", "day", 10, "ask"), ("erase_device", "day", 10, "approve"),
                                                                  ("lock_device", "night", 22, "deny"), ("erase_device", "night", 22, "deny"),
                                                                  ("get_filevault_key", "night", 22, "deny"))))
        tests.chmod(0o600)
        p = site.run("policy", "test", str(tests))
        self.assertEqual((p.returncode, p.stdout.splitlines()[-1:]), (0, ["5 as expected, 0 not"]), p.stdout + p.stderr)


class Messages(Case):
    TENANT_ARGS = ("--devices", 60)

    def test_home_in_a_path(self):
        site = self.site()
        site.write(site.ini.read_text().replace(f"token_file = {site.token}", "token_file = ~/token"))
        p = site.run("check", env={**os.environ, "HOME": str(site.dir)})
        self.assertEqual(p.returncode, 0, p.stderr)

    def test_redaction_has_three_words(self):
        p = self.site(policy="redact_pii = pseudonym").run("check")
        self.assertEqual(p.returncode, 1)
        self.assertIn('"redact_pii" must be yes, pseudonyms or no', p.stderr)
        for how, said in (("yes", "yes"), ("no", "no"), ("pseudonyms", "by pseudonyms")):
            self.assertIn(f"person data masked: {said}\n", self.site(policy=f"redact_pii = {how}").run("check").stdout)

    def test_help_and_manual_say_the_same(self):
        text = subprocess.run([KMCP, "--help"], capture_output=True, text=True, timeout=DEADLINE).stdout
        manual = (ROOT / "core" / "kmcp.md").read_text()
        part = dict(re.findall(r"(?s)## ([A-Z ]+)\n(.*?)(?=\n## |$)", manual))
        option = re.compile(r"--[a-z][a-z-]*")

        def by_command(usage):
            """{command: its options}"""
            found = {}
            for command, rest in re.findall(r"(?m)^(?:usage:)? +kmcp ([a-z]+)\b(.*)", usage):
                found.setdefault(command, set()).update(set(option.findall(rest)) - {"--config"})
            return found

        usage, options = text.split("options:\n")
        ours, theirs = by_command(usage), by_command(part["SYNOPSIS"])
        self.assertGreater(len(ours), 15)
        self.assertEqual(ours, theirs)
        listed = set(option.findall("\n".join(re.findall(r"(?m)^  (--.*?)(?:  |$)", options))))
        self.assertEqual(listed, set(re.findall(r"\*\*(--[a-z-]+)\*\*", part["OPTIONS"])))
        self.assertLessEqual(set().union(*ours.values()), listed)
        variable = re.compile(r"\bK[A-Z]+_[A-Z_]+")
        self.assertEqual(set(variable.findall(options)), set(variable.findall(part["ENVIRONMENT"])))

    @unittest.skipUnless(shutil.which("cmake") and (BIN.parent / "CMakeCache.txt").exists(), "there is no build to install from")
    def test_links_of_installed_documents(self):
        prefix = self.site().dir / "prefix"
        p = subprocess.run(["cmake", "--install", str(BIN.parent), "--prefix", str(prefix)], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(p.returncode, 0, p.stderr)
        seen = 0
        for document in (prefix / "share" / "doc").rglob("*.md"):
            for link in re.findall(r"\]\(([^)#]+)", document.read_text()):
                if "://" not in link:
                    seen += 1
                    self.assertTrue((document.parent / link).exists(), f"{document.name}: {link}")
        self.assertGreater(seen, 20)

    def test_wrong_usage(self):
        site = self.site()
        for args, part in ((("token", "x", "foo"), "the scopes are"), (("pseudonym", "of", "nokind", "x"), "KIND is user"),
                           (("pseudonym", "open", "foo"), '"foo" is no pseudonym'), (("http", "99999"), '"99999" cannot be listened at'),
                           (("check", "--plan-only"), 'does not take "--plan-only"'), (("secret", "list", "--json"), 'does not take "--json"'),
                           (("audit", "verify", "--tool", "x"), 'does not take "--tool"'), (("audit", "accept", "--json"), 'does not take "--json"'),
                           (("audit", "show", "--actor", "x"), 'does not take "--actor"'), (("secret", "list", "--out", "x"), 'does not take "--out"'),
                           (("audit", "foo"), 'unknown "foo"'), (("policy", "test"), 'something is missing after "policy test"'),
                           (("state", "foo"), 'unknown "foo"'), (("pseudonym", "open", "", "--reason", "ticket"), '"" is no pseudonym')):
            p = site.run(*args)
            self.assertEqual((p.returncode, p.stdout), (2, ""), args)
            self.assertIn(part, p.stderr)

    def test_a_pseudonym_where_there_are_none(self):
        for args in (("open", "mail:7f3a9c2e4150"), ("of", "mail", "a@b")):
            site = self.site()
            p = site.run("pseudonym", *args)
            self.assertEqual((p.returncode, p.stdout), (1, ""))
            self.assertIn("nobody has a pseudonym here: redact_pii is not pseudonyms", p.stderr)
            self.assertFalse((site.dir / "pseudonym.key").exists())
        first = self.site(policy="redact_pii = pseudonyms")  # before anybody has one
        self.assertRegex(first.run("pseudonym", "of", "mail", "a@b").stdout, r"^mail:[0-9a-f]{12}\n$")

    def test_a_key_file_that_cannot_be_had(self):
        site = self.site()
        missing, link = site.dir / "no.key", site.dir / "link.key"
        link.symlink_to(missing)
        for key, part in ((missing, f'the key file "{missing}" is not there; restore it from a copy'),
                          (link, f'the key file "{link}" cannot be read (')):
            self.assertIn(part, site.run("audit", "verify", "--key", str(key)).stderr)

    def test_an_error_is_said_once(self):
        site = self.site()
        site.token.unlink()
        p = site.run("call", "list_devices")
        self.assertEqual((p.returncode, p.stderr.count("cannot be opened")), (1, 1), p.stderr)
        self.assertTrue(p.stderr.startswith("kmcp: "))
        site = self.site()
        site.audit.mkdir()
        p = site.run("call", "lock_device", json.dumps({"device_id": self.device()["device_id"], "confirm": True}))
        self.assertEqual((p.returncode, p.stderr.count("make it writable")), (1, 1), p.stderr)
        site = self.site()
        (site.dir / "state.db").write_bytes(b"x" * 5000)
        p = site.run("call", "list_devices")
        self.assertEqual(p.returncode, 0)
        self.assertIn("error client: the shared request budget", p.stderr)  # what the answer does not say

    def test_what_is_in_the_state(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        k.good("lock_device", {"device_id": self.device()["device_id"], "confirm": True})
        d = self.device("platform:Mac")
        self.kmcp(site).bad("erase_device", {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True})
        self.tenant.set(faults=["502,path=/action/,method=POST"])
        k.bad("restart_device", {"device_id": d["device_id"], "confirm": True})
        self.tenant.set(faults=[])
        p = site.run("state")
        for line in ("requests for approval, the latest of each call (kmcp audit show has all): 1 waiting, 0 approved and not used yet; "
                     "ended within a day: 0 used, 0 denied, 0 expired or void",
                     ": 2, 1 of them without a known end", "answers given at a client and used: 2"):
            self.assertIn(line + "\n", p.stdout)
        self.assertNotIn("clock:", p.stdout)
        self.assertRegex(site.run("state", "accept-clock").stdout, r"clock: 20\S+Z is taken for right")
        p = site.run("acts")
        self.assertIn("restart_device", p.stdout)
        self.assertEqual(p.stderr, "")
        self.assertIn("in 1 file;", site.run("audit", "verify").stdout)


class Record(Case):
    TENANT_ARGS = ("--devices", 60)

    def reveal(self, k, d, reason):
        return k.good("get_filevault_key", {"device_id": d["device_id"], "reason": reason, "confirm": True})["content"][0]["text"]

    def test_filters_that_make_no_sense(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        d = self.device("platform:Mac,filevault:on")
        self.reveal(k, d, "é" * 180)
        for option, value in (("--since", "yesterday"), ("--since", "2026-13-01"), ("--until", "2026-02-30"), ("--until", "2026- 1- 1"),
                              ("--since", "2026-01-01T25:00:00Z"), ("--event", "nonsense"), ("--event", "ask"), ("--result", "good")):
            p = site.run("audit", "show", option, value)
            self.assertEqual((p.returncode, p.stdout), (2, ""), value)
            self.assertIn(f'{option} must', p.stderr)
            self.assertIn(value, p.stderr)
        n = len(site.records())
        for args in (("--since", "2099-01-01"), ("--tool", "erase_device"), ("--device", "none"), ("--open",), ("--result", "failed")):
            p = site.run("audit", "show", *args)
            self.assertEqual((p.returncode, p.stdout, p.stderr), (0, "", f"kmcp: 0 of {n} records match\n"))
        when = site.records()[-1]["time"]
        for since, until in ((when[:10], when[:10]), (when[:19] + "Z", when[:19] + "Z"), (when, when)):
            p = site.run("audit", "show", "--since", since, "--until", until)
            self.assertIn("outcome", p.stdout, (since, until, p.stderr))
        p = site.run("audit", "show")
        self.assertIn("reason: é", p.stdout)
        self.assertNotRegex(p.stdout, r"(?m)^ *,")
        self.assertIn("…", p.stdout)

    def test_the_operator_s_reason_is_kept(self):
        site = self.site(policy="redact_pii = yes")
        k = self.kmcp(site, ask="accept")
        d = self.device("platform:Mac,filevault:on")
        handle = re.search("secret:[a-z2-7]{16}", self.reveal(k, d, "the caller's words")).group(0)
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "ticket 4711", "--out", str(site.dir / "key"))
        self.assertEqual(status, 0, text)
        shown = site.run("audit", "show").stdout
        self.assertIn("reason: ticket 4711", shown)
        self.assertIn("    " + handle, shown)
        self.assertNotIn("caller's words", shown)
        p = site.run("audit", "show", "--device", d["serial_number"])
        self.assertEqual((p.returncode, p.stdout), (0, ""))
        self.assertIn("only a device's UUID is on record", p.stderr)
        self.assertIn("get_filevault_key", site.run("audit", "show", "--device", d["device_id"]).stdout)


if __name__ == "__main__":
    unittest.main()
