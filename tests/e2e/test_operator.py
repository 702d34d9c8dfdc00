"""What who runs kmcp reads from its commands, and what they refuse.  SPDX-License-Identifier: Apache-2.0"""
import os
import pathlib
import re
import unittest

from e2e import Case

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
        p = site.run("secret", "open", handle, "--reason", "ticket 4711", "--out", str(site.dir / "key"))
        self.assertEqual(p.returncode, 0, p.stderr)
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
