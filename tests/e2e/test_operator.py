"""What who runs kmcp reads from its commands, and what they refuse.  SPDX-License-Identifier: Apache-2.0"""
import pathlib
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


if __name__ == "__main__":
    unittest.main()
