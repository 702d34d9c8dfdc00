"""The shipped INI files do what they say: who acts and reveals under each, and who does not.  SPDX-License-Identifier: Apache-2.0"""
import pathlib
import re
import unittest

from e2e import Case
from test_policy import YES, approvers, on_terminal

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf"


class Examples(Case):
    def example(self, name, **paths):
        """A site with conf/NAME as it is shipped, but for where things are."""
        site = self.site()
        text = (CONF / name).read_text()
        for old, new in {"/etc/kmcp/freeze": site.dir / "freeze", **paths}.items():
            text = text.replace(old, str(new))
        text = re.sub(r"^\[(audit|state)\].*?(?=^\[|\Z)", "", text, flags=re.M | re.S)
        text = text.replace("[tenant]", f"[tenant]\nbase_url = {self.tenant.url}\ntoken_file = {site.token}", 1)
        site.write(text + f"\n[audit]\nfile = {site.audit}\n[state]\nfolder = {site.dir}\n")
        return site

    def lock(self):
        return {"device_id": self.device("platform:Mac")["device_id"], "confirm": True}

    def key(self):
        return {"device_id": self.device("platform:Mac,filevault:on")["device_id"], "confirm": True, "reason": "locked out"}

    def erase(self):
        d = self.device("platform:Mac")
        return {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True}

    def agreed(self, site, k, tool, args, *people):
        """TOOL as it is done once PEOPLE outside have agreed, one approval each."""
        pending = re.search(r"kmcp approve ([2-9A-Z]{4}-[2-9A-Z]{4})", k.bad(tool, args)).group(1)
        for name in people:
            who = [("Your name", name), ("Your passphrase", f"secret of {name}")] if name else []
            text, status = on_terminal(site, "approve", pending, answers=[*who, YES])
            self.assertEqual(status, 0, text)
        return k.good(tool, args)

    def test_two_person(self):
        site = self.site()
        site = self.example("two-person.ini", **{"/etc/kmcp/approvers": approvers(self, site, "ana", "bob")})
        k = self.kmcp(site, ask="accept")
        self.agreed(site, k, "lock_device", self.lock(), "ana")
        self.assertIn("secret:", str(self.agreed(site, k, "get_filevault_key", self.key(), "ana", "bob")["content"]))
        self.agreed(site, k, "erase_device", self.erase(), "bob", "ana")
        self.assertEqual(k.asked, [])
        self.assertEqual(len(self.tenant.acts()), 2)
        (site.dir / "freeze").touch()
        self.assertIn("frozen", k.bad("lock_device", self.lock()))

    def test_help_desk(self):
        site = self.example("help-desk.ini")
        day = site.ini.read_text().replace("Mon-Fri 07:00-19:00", "Mon-Sun 00:00-24:00")
        site.write(day)
        k = self.kmcp(site, ask="accept")
        k.good("lock_device", self.lock())
        self.assertIn("secret:", k.text("get_filevault_key", self.key()))
        self.assertEqual(len(k.asked), 2)
        self.agreed(site, k, "erase_device", self.erase(), None)
        k.close()
        site.write(day.replace("when = Mon-Sun 00:00-24:00 UTC", "devices = none"))
        k = self.kmcp(site, ask="accept")
        self.assertIn("works from 7 to 19", k.bad("lock_device", self.lock()))
        self.assertIn("works from 7 to 19", k.bad("get_filevault_key", self.key()))

    def test_what_the_manual_shows(self):
        site = self.site()
        approvers(self, site, "ana", "bob")
        shown = "\n".join(re.findall(r"^```ini\n(.*?)^```", (CONF.parent / "docs" / "policy.md").read_text(), re.M | re.S))
        self.assertIn("[rule finance]", shown)
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {site.dir}/approvers\n{shown}\n[audit]"))
        p = site.run("check")
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)

    def test_read_only(self):
        for name in ("read-only.ini", "kmcp.ini"):
            k = self.kmcp(self.example(name), ask="accept")
            k.good("list_devices", {"limit": 1})
            for tool, args in (("lock_device", self.lock()), ("get_filevault_key", self.key())):
                m = k.call(tool, args)
                self.assertTrue(m.get("isError") or "error" in m, m)
        self.assertEqual(self.tenant.acts(), [])


if __name__ == "__main__":
    unittest.main()
