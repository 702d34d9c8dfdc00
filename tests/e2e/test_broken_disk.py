"""Disk full, read-only folders, a state that is broken or newer, a clock set back: acts are refused with a sentence
that says what to do, reads go on, and after the repair acts go on.  SPDX-License-Identifier: Apache-2.0"""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

from e2e import DEADLINE, Case

SMALL = 512 * 1024


def mount(*args):
    return subprocess.run(["mount", *args], capture_output=True, text=True)


class Broken(Case):
    def lock(self, d):
        return {"device_id": d["device_id"], "confirm": True}

    def small_disk(self):
        """A folder on a file system of its own that is soon full."""
        if os.geteuid() != 0:
            self.skipTest("a small file system can be mounted by root alone")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="kmcp-small-"))
        self.addCleanup(folder.rmdir)
        p = mount("-t", "tmpfs", "-o", f"size={SMALL},mode=0700", "kmcp-test", str(folder))
        if p.returncode:
            self.skipTest("nothing can be mounted here: " + p.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=True)
        return folder

    def on(self, folder, what):
        """A site that keeps its audit file or its state in FOLDER."""
        site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow", cache="devices = 0")
        text = site.ini.read_text()
        if what == "audit":
            site.audit = folder / "audit.jsonl"
            text = text.replace(f"file = {site.dir}/audit.jsonl", f"file = {site.audit}")
        else:
            text = text.replace(f"folder = {site.dir}", f"folder = {folder}")
        site.write(text)
        return site

    @contextlib.contextmanager
    def full(self, folder):
        filler = folder / "filler"
        with open(filler, "wb", 0) as f:
            for size in (65536, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        f.write(b"x" * size)
        yield
        filler.unlink()

    @contextlib.contextmanager
    def read_only(self, folder):
        p = mount("-o", "remount,ro", str(folder))
        self.assertEqual(p.returncode, 0, p.stderr)
        yield
        p = mount("-o", "remount,rw", str(folder))
        self.assertEqual(p.returncode, 0, p.stderr)

    def refused(self, k, *parts):
        """An act is refused in words that say what to do, nothing is sent, and a read goes on."""
        self.tenant.reset()
        why = k.bad("lock_device", self.lock(self.device("platform:Mac")))
        self.assertRegex(why, "was not done|nothing was sent")
        for part in parts:
            self.assertRegex(why, part)
        self.assertEqual(self.tenant.acts(), [])
        k.good("list_devices", {"limit": 1})
        return why

    def use_up(self, k):
        """Acts until what the files have allotted is full too."""
        for _ in range(50):
            if k.call("lock_device", self.lock(self.device("platform:Mac"))).get("isError"):
                return
        self.fail("it is never full")

    def goes_on(self, k, site):
        """Within the time in which a lost store is tried again, acts are done, and the chain is whole."""
        d = self.device("platform:Mac")
        end = time.monotonic() + DEADLINE
        while k.call("lock_device", self.lock(d)).get("isError"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.assertEqual(len([a for a in self.tenant.acts() if d["device_id"] in a["path"]]), 1)
        p = site.run("audit", "verify")
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        site.run("acts")  # it records what could not be recorded
        self.assertIn("every act has a known end", site.run("acts").stdout)

    # ---- the audit folder ----

    def test_audit_disk_full(self):
        folder = self.small_disk()
        site = self.on(folder, "audit")
        k = self.kmcp(site)
        k.good("lock_device", self.lock(self.device("platform:Mac")))
        with self.full(folder):
            self.use_up(k)
            self.refused(k, "No space left", "audit.jsonl", "make room")
        self.goes_on(k, site)

    def test_audit_disk_full_from_the_start(self):
        folder = self.small_disk()
        site = self.on(folder, "audit")
        k = self.kmcp(site)
        with self.full(folder):
            self.refused(k, "audit.jsonl", "make room")
        self.goes_on(k, site)

    def test_audit_folder_read_only(self):
        folder = self.small_disk()
        site = self.on(folder, "audit")
        k = self.kmcp(site)
        with self.read_only(folder):
            self.refused(k, "[Rr]ead-only", "writable", str(folder))
        self.goes_on(k, site)
        k.close()
        k = self.kmcp(site)
        with self.read_only(folder):  # with a file there already
            self.refused(k, "[Rr]ead-only", "writable", str(folder))
        self.goes_on(k, site)

    # ---- the state folder ----

    def test_state_disk_full(self):
        folder = self.small_disk()
        site = self.on(folder, "state")
        k = self.kmcp(site)
        k.good("lock_device", self.lock(self.device("platform:Mac")))
        with self.full(folder):
            self.use_up(k)
            self.refused(k, "full", "make room")
        self.goes_on(k, site)

    def test_state_disk_full_from_the_start(self):
        folder = self.small_disk()
        site = self.on(folder, "state")
        k = self.kmcp(site)
        with self.full(folder):
            self.refused(k, "full|No space left", "make room")
        self.goes_on(k, site)

    def test_state_folder_read_only(self):
        folder = self.small_disk()
        site = self.on(folder, "state")
        for _ in range(2):  # without a state file, and with one
            with self.read_only(folder):
                k = self.kmcp(site)
                self.refused(k, "read-?only|unable to open", "writable", str(folder))
            self.goes_on(k, site)
            k.close()

    # ---- the same without a disk of its own: the kernel's answers are put in their place ----

    @contextlib.contextmanager
    def answers(self, k, error, calls, paths):
        """While it lasts, CALLS of K's that are about PATHS end with ERROR."""
        where = [x for p in paths for x in ("-P", str(p))]
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", os.devnull, "-p", str(k.p.pid), *where,
                                   "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"], stderr=subprocess.DEVNULL)
        status = [p / "status" for p in pathlib.Path(f"/proc/{k.p.pid}/task").iterdir()]
        self.until(lambda: tracer.poll() is not None or all("TracerPid:\t0\n" not in p.read_text() for p in status), "the tracer")
        try:
            if tracer.poll() is not None:
                self.skipTest("processes cannot be traced here")
            yield
        finally:
            tracer.terminate()
            tracer.wait(DEADLINE)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_what_the_kernel_answers(self):
        audit, state = ("audit.jsonl",), ("state.db", "state.db-wal", "state.db-journal", "state.db-shm")
        for files, error, calls, parts in ((audit, "ENOSPC", "write", ("No space left", "make room")),
                                           (audit, "EIO", "fsync", ("Input/output error", "audit.jsonl")),
                                           (audit, "EROFS", "openat", ("Read-only", "writable")),
                                           (state, "ENOSPC", "pwrite64,write,fallocate", ("full|cannot be used", "state.db")),
                                           (state, "EROFS", "openat", ("unable to open", "writable"))):
            with self.subTest(files[0], error=error):
                site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow", cache="devices = 0")
                k = self.kmcp(site)
                with self.answers(k, error, calls, [site.dir / f for f in files]):
                    self.refused(k, *parts)
                self.goes_on(k, site)
                k.close()

    # ---- what is in it ----

    def change(self, site, sql):
        db = sqlite3.connect(site.dir / "state.db")
        db.execute(sql)
        db.commit()
        db.close()

    def test_what_is_in_the_state(self):
        def corrupt(site):
            state = site.dir / "state.db"
            kept = state.read_bytes()
            state.write_bytes(b"x" * len(kept))
            return lambda: state.write_bytes(kept)

        def half_corrupt(site):
            state = site.dir / "state.db"
            kept = state.read_bytes()
            state.write_bytes(kept[:4096] + b"\xff" * (len(kept) - 4096))
            return lambda: state.write_bytes(kept)

        def newer(site):
            self.change(site, "PRAGMA user_version = 99")
            return lambda: self.change(site, "PRAGMA user_version = %d" % version)

        def clock(site):
            self.change(site, "UPDATE record SET value=CAST(value+7200000 AS TEXT) WHERE space='host'")
            return lambda: site.run("state", "accept-clock", check=True)

        table = [  # what is done to it, and what the sentence says
            (corrupt, ("state.db", "move it away")),
            (half_corrupt, ("state.db", "move it away")),
            (newer, ("state.db", "a newer kmcp", "use that one")),
            (clock, ("clock was set back", "kmcp state accept-clock")),
        ]
        for harm, parts in table:
            with self.subTest(harm.__name__):
                site = self.site(policy="repeat_minutes = 0\n[rule all]\nthen = allow")
                with self.kmcp(site) as k:
                    k.good("lock_device", self.lock(self.device("platform:Mac")))
                db = sqlite3.connect(site.dir / "state.db")
                version = db.execute("PRAGMA user_version").fetchone()[0]
                db.close()
                repair = harm(site)
                k = self.kmcp(site)
                self.refused(k, *parts)
                repair()
                self.goes_on(k, site)
                k.close()


if __name__ == "__main__":
    unittest.main()
