"""Files that questions leave: on record before they are begun and before they have their name, or they have none.
SPDX-License-Identifier: Apache-2.0"""
import hashlib
import json
import os
import pathlib
import re
import threading
import unittest

from e2e import DEADLINE, Case

try:
    import jsonschema
except ImportError:
    jsonschema = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASK = {"platform": "iPad", "fields": "device_id,name", "format": "csv"}


class Exports(Case):
    def exporting(self, export="", **kw):
        """A site that may leave files, and where."""
        site = self.site(**kw)
        folder = site.dir / "out"
        folder.mkdir(mode=0o700)
        site.write(site.ini.read_text() + f"[export]\nfolder = {folder}\n{export}\n")
        return site, folder

    def during(self, hook, **kw):
        """The same behind a proxy that calls HOOK with the folder before the second page of a list goes out."""
        proxy, pages = self.proxy(), []

        def before(method, path, body):
            pages.append(path)
            if len(pages) == 2:
                hook(folder)

        proxy.before = before
        site, folder = self.exporting(url=proxy.url, limits="sweep_pages = 1", **kw)
        return site, folder

    def judged(self, site, *ends):
        """The records of the files of SITE end so; each is as its schema says, and the chain is whole."""
        records = [r for r in site.records() if "export" in r]
        self.assertEqual([(r["event"], r.get("result")) for r in records], list(ends), records)
        if jsonschema:
            schema = json.loads((ROOT / "docs" / "audit-record.schema.json").read_text())
            for r in records:
                jsonschema.validate(r, schema)
        p = site.run("audit", "verify")
        self.assertEqual(p.returncode, 0, p.stdout)
        return records

    def test_who_left_which_file(self):
        for read_only in (True, False):
            site, folder = self.exporting(read_only=read_only)
            self.kmcp(site).good("list_devices", {**ASK, "format": "jsonl"})
            file = next(folder.glob("*.jsonl"))
            manifest = json.loads((folder / (file.name + ".manifest.json")).read_text())
            intent, outcome = self.judged(site, ("intent", None), ("outcome", "ok"))
            self.assertEqual(intent["export"], {"file": file.name})
            self.assertEqual(outcome["export"], {"file": file.name, **{k: manifest[k] for k in ("rows", "bytes", "sha256", "complete")}})
            self.assertEqual(outcome["export"]["sha256"], hashlib.sha256(file.read_bytes()).hexdigest())
            for r in (intent, outcome):
                self.assertEqual((r["id"], r["tool"], r["plugin"], r["class"], r["client"], r["transport"]),
                                 (intent["id"], "list_devices", "devices", "READ", "e2e 1", "stdio"))
                self.assertRegex(r["principal"], r"^local:\d+\(")
                self.assertEqual(json.loads(r["query"]), manifest["query"])
                self.assertEqual(r["arguments_sha256"], hashlib.sha256(r["query"].encode()).hexdigest())
            shown = site.run("audit", "show").stdout
            self.assertIn(f"file {file.name}: {manifest['rows']} rows, {manifest['bytes']} bytes, sha256 {manifest['sha256']}\n", shown)
            self.assertIn('query: {"fields":"device_id,name"', shown)
            self.assertEqual(site.run("audit", "show", "--open").stdout, "")
            self.assertIn(f"audit: {site.audit}\n", site.run("check").stdout)
            p = site.run("policy", "replay", str(site.audit))  # which is about acts
            self.assertIn("0 acts and secret reads on record", p.stdout)
        self.assertEqual(len(self.kmcp(site).text("list_devices", {"limit": 1})) > 0, True)
        self.judged(site, ("intent", None), ("outcome", "ok"))  # what is only read is on no record

    def test_what_is_not_whole_has_an_end_too(self):
        site, folder = self.exporting("max_bytes = 20000")
        self.assertIn("max_bytes", self.kmcp(site).bad("list_devices", {"format": "csv"}))
        end = self.judged(site, ("intent", None), ("outcome", "failed"))[-1]
        self.assertIn("max_bytes", end["detail"])
        self.assertEqual(list(end["export"]), ["file"])
        site, folder = self.exporting(limits="sweep_rows = 600")
        self.assertIn("INCOMPLETE", self.kmcp(site).text("list_devices", {"format": "csv"}))
        end = self.judged(site, ("intent", None), ("outcome", "ok"))[-1]
        self.assertEqual((end["export"]["rows"], end["export"]["complete"]), (600, False))
        self.assertIn("sweep_rows", end["detail"])
        self.assertIn("600 rows (INCOMPLETE)", site.run("audit", "show").stdout)

    def test_without_a_record_there_is_no_file(self):
        for read_only in (True, False):
            site, folder = self.exporting(read_only=read_only)
            site.audit.mkdir()
            self.tenant.reset()
            why = self.kmcp(site).bad("list_devices", ASK)
            self.assertIn("no file was written, for it cannot be recorded", why)
            self.assertEqual((list(folder.iterdir()), self.tenant.requests()), ([], 0))
            p = site.run("check")
            self.assertEqual(p.returncode, 1)
            self.assertIn("exports would be refused" if read_only else "acts would be refused", p.stderr)
            self.assertIn("exports would be refused" if read_only else "acts would be refused", site.run("doctor").stdout)

    def test_a_record_that_is_lost_half_way(self):
        def lose(folder):
            site.audit.rename(site.dir / "kept")
            site.audit.mkdir()

        site, folder = self.during(lose)
        why = self.kmcp(site).bad("list_devices", {"format": "csv"})
        self.assertIn("the file was not kept, for what is in it cannot be recorded", why)
        self.assertEqual([(p.suffix, p.read_bytes()) for p in folder.iterdir()], [(".part", b"")])  # what tells the next export of it
        site.audit.rmdir()
        (site.dir / "kept").rename(site.audit)
        self.judged(site, ("intent", None))
        self.kmcp(site).good("list_devices", ASK)
        self.assertEqual(len(list(folder.iterdir())), 2)
        self.judged(site, ("intent", None), ("resolved", "failed"), ("intent", None), ("outcome", "ok"))

    def test_a_name_that_is_taken(self):
        def take(folder):
            part = next(folder.glob("*.part"))
            (folder / re.sub(r"(\.[0-9a-f]{32})?\.part$", "", part.name)).mkdir()

        site, folder = self.during(take)
        self.assertIn("cannot be written", self.kmcp(site).bad("list_devices", {"format": "csv"}))
        self.assertEqual([p for p in folder.iterdir() if not p.is_dir()], [])
        self.judged(site, ("intent", None), ("outcome", "ok"), ("resolved", "failed"))

    def held(self, site, proxy):
        """A process in the middle of an export that waits for its second page, until the event that comes with it is set."""
        go, pages = threading.Event(), []

        def before(method, path, body):
            pages.append(path)
            if len(pages) == 2:
                go.wait(DEADLINE)

        proxy.before = before
        k = self.kmcp(site)
        q = k.start("tools/call", {"name": "list_devices", "arguments": {"format": "csv"}})
        self.until(lambda: len(pages) >= 2, "the second page")
        self.addCleanup(go.set)
        return k, q, go

    def test_what_a_killed_process_left(self):
        proxy = self.proxy()
        site, folder = self.exporting(url=proxy.url, limits="sweep_pages = 1", cache="devices = 0")
        k, _, go = self.held(site, proxy)
        left = next(folder.glob("*.part"))
        manifest = folder / (left.name[:-38] + ".manifest.json")
        manifest.write_text("{}")  # as if it had been killed a moment later
        k.p.kill()
        k.p.wait(DEADLINE)
        go.set()
        living, q, go = self.held(site, proxy)
        mine = next(p for p in folder.glob("*.part") if p != left)
        self.assertTrue(mine.exists())
        self.assertFalse(left.exists() or manifest.exists())  # and the next export removes what was left
        name = re.sub(r"^[a-z_]+", "other", left.name)
        others = [folder / x for x in ("notes.part", left.name[1:].replace("devices", "", 1)[:-6] + ".part", left.name.replace(".csv.", ".txt."),
                                       left.name.replace("Z-", "-"), left.name + ".bak", left.name[:-6])]
        for p in others:
            p.write_text("ours")
        (folder / name).symlink_to(others[0])
        strange = folder / name.replace("other", "stranger")
        strange.mkdir()
        others += [folder / name, strange]
        if os.geteuid() == 0:
            others.append(folder / name.replace("other", "anothers"))
            others[-1].write_text("x")
            os.chown(others[-1], 12345, 12345)
        again = folder / name.replace("other", "again")
        again.write_text("of a process that is gone")
        doctor = site.run("doctor").stdout
        self.assertIn(f"warn  {again} was left by a process that is gone", doctor)
        self.assertEqual(doctor.count("was left by"), 1, doctor)
        self.assertTrue(again.exists())
        proxy.before = lambda *_: None
        self.kmcp(site).good("list_devices", ASK)
        self.assertFalse(again.exists())
        for p in (mine, *others):  # neither what is not ours nor what is still written
            self.assertTrue(p.is_symlink() or p.exists(), p)
        go.set()
        self.assertFalse(living.finish(q)["result"].get("isError"))
        self.assertFalse(mine.exists())
        self.assertTrue((folder / mine.name[:-38]).exists())
        records = self.judged(site, ("intent", None), ("resolved", "failed"), ("intent", None), ("resolved", "failed"), ("intent", None),
                              ("outcome", "ok"), ("outcome", "ok"))
        self.assertEqual((records[1]["id"], records[1]["export"]), (records[0]["id"], records[0]["export"]))
        self.assertEqual((records[1]["tool"], records[1]["transport"]), ("list_devices", "recovery"))
        self.assertEqual(site.run("audit", "show", "--open").stdout, "")

    def test_persons_are_not_on_record(self):
        d = self.tenant.find("user:yes,platform:Mac")
        for policy in ("redact_pii = yes", "redact_pii = pseudonyms"):
            site, folder = self.exporting(policy=policy)
            ask = {"where": [f"user_email = {d['user_email']}"], "format": "jsonl"}
            self.kmcp(site).good("list_devices", ask)
            for r in self.judged(site, ("intent", None), ("outcome", "ok")):
                self.assertEqual({"query", "client", "detail"} & set(r), set())
                self.assertEqual(r["arguments_sha256"], hashlib.sha256(json.dumps(ask, sort_keys=True, separators=(",", ":")).encode()).hexdigest())
            self.assertNotIn(d["user_email"], site.audit.read_text())


if __name__ == "__main__":
    unittest.main()
