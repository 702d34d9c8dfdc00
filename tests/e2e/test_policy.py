"""Policy, approvals outside the client, caps, acting once.  SPDX-License-Identifier: Apache-2.0"""
import calendar
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import time
import unittest

from e2e import DEADLINE, KMCP, Case, pin_pattern


def on_terminal(site, *args, answers=(), env=None, under=(), ahead=""):
    """Runs kmcp (UNDER another program) on a terminal of its own; each answer is typed when its prompt is there, AHEAD before all.
    Output and exit status."""
    master, slave = pty.openpty()
    os.write(master, ahead.encode())
    p = subprocess.Popen([*under, KMCP, *args, "--config", str(site.ini)], stdin=slave, stdout=slave, stderr=slave, env=env,
                         start_new_session=True)
    os.close(slave)
    seen, typed, todo = b"", 0, list(answers)
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.05)
        if ready:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data
        if todo and re.search(todo[0][0].encode(), seen[typed:]):
            typed = len(seen)
            os.write(master, todo.pop(0)[1].encode() + b"\n")
    status = p.wait(DEADLINE)
    os.close(master)
    return seen.decode("utf-8", "replace").replace("\r\n", "\n"), status


YES = ('Type "yes"', "yes")


def approvers(case, site, *names):
    """An approvers file with these people, each with the passphrase "secret of NAME"."""
    lines = ""
    for name in names:
        text, status = on_terminal(site, "approver", name, answers=[("Passphrase", f"secret of {name}"),
                                                                    ("Again", f"secret of {name}")])
        case.assertEqual(status, 0, text)
        case.assertNotIn("secret of", text)
        lines += re.search(r"\[approver .*\]\nhash = \S+\n", text).group(0)
    path = site.dir / "approvers"
    path.write_text(lines)
    path.chmod(0o600)
    return path


class Policy(Case):
    def erase(self, d, **more):
        return {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True, **more}

    def lock(self, d):
        return {"device_id": d["device_id"], "confirm": True}

    def wait_for(self, k, tool, args):
        why = k.bad(tool, args)
        found = re.search(r"kmcp approve ([2-9A-Z]{4}-[2-9A-Z]{4})", why)
        self.assertTrue(found, why)
        return found.group(1)

    def approve(self, site, pending, answers=(YES,)):
        text, status = on_terminal(site, "approve", pending, answers=answers)
        self.assertEqual(status, 0, text)
        return text

    # ---- approvals ----

    def test_a_person_outside_approves_once(self):
        site = self.site(policy="repeat_minutes = 0")
        k = self.kmcp(site)  # it cannot ask
        d = self.device()
        pending = self.wait_for(k, "erase_device", self.erase(d, pin="735192"))
        self.assertEqual(self.wait_for(k, "erase_device", self.erase(d, pin="735192")), pending)  # still the same
        self.assertIn(pending, site.run("approve").stdout)
        self.assertEqual(self.tenant.acts(), [])
        text = self.approve(site, pending)
        for part in (d["device_name"], d["serial_number"], d["blueprint_name"], "check-in", "local:", "decided by    the default of DESTROY: no rule matches\n",
                     f"POST /api/v1/devices/{d['device_id']}/action/erase", "[not shown]"):
            self.assertIn(part, text)
        self.assertNotRegex(text, pin_pattern("735192"))
        self.assertEqual(self.tenant.acts(), [])  # the approval sends nothing
        k.close()
        k = self.kmcp(site)  # it survives a restart
        k.good("erase_device", self.erase(d, pin="735192"))
        self.assertEqual(len(self.tenant.acts()), 1)
        self.assertNotEqual(self.wait_for(k, "erase_device", self.erase(d, pin="735192")), pending)
        self.assertEqual(len(self.tenant.acts()), 1)
        events = [r["event"] for r in site.records()]
        for event in ("pending", "approved", "intent", "outcome"):
            self.assertIn(event, events)
        intent = next(r for r in site.records() if r["event"] == "intent")
        self.assertRegex(intent["consent"], f"^approval {pending} by uid ")
        self.assertTrue(intent["policy"] and intent["request_sha256"] and intent["rule"] == "default")
        self.assertIn("used already", json.dumps(site.records()))
        for path in site.dir.iterdir():  # the PIN is nowhere on disk
            if path.is_file():
                self.assertNotRegex(path.read_bytes(), pin_pattern("735192").encode(), path)

    def test_who_is_overtaken_decides_nothing(self):
        """A no comes while another person reads what is asked for: the yes that follows is on record as one that does not count."""
        site = self.site()
        with self.kmcp(site) as k:
            d = self.device()
            pending = self.wait_for(k, "erase_device", self.erase(d))

            class Late(str):
                def encode(_, *args):
                    self.assertEqual(on_terminal(site, "deny", pending)[1], 0)
                    return str.encode(_, *args)

            text, status = on_terminal(site, "approve", pending, answers=[(YES[0], Late(YES[1]))])
            self.assertEqual(status, 1, text)
            self.assertIn("somebody else has decided", text)
            self.assertIn("said no to it", k.bad("erase_device", self.erase(d)))
        records = site.records()
        denied = [r["event"] for r in records].index("denied")
        self.assertEqual([r["event"] for r in records[denied + 1:denied + 3]], ["approved", "refused"])
        self.assertIn("at this moment", records[denied + 2]["detail"])
        self.assertEqual(records[denied + 1]["consent"], records[denied + 2]["consent"])
        self.assertEqual(self.tenant.acts(), [])

    def test_what_changed_cannot_be_approved(self):
        site = self.site()
        k = self.kmcp(site)
        d = self.device()
        pending = self.wait_for(k, "erase_device", self.erase(d))
        self.tenant.set(device={"device_id": d["device_id"], "user_name": "Somebody Else", "user_email": "else@example.org"})
        text, status = on_terminal(site, "approve", pending, answers=[YES])
        self.assertEqual(status, 1)
        self.assertIn("has changed since", text)
        text, status = on_terminal(site, "approve", pending, answers=[YES])
        self.assertIn("does not wait any more", text)

    def test_a_no_is_a_no(self):
        site = self.site()
        k = self.kmcp(site)
        d = self.device()
        pending = self.wait_for(k, "erase_device", self.erase(d))
        text, status = on_terminal(site, "approve", pending, answers=[('Type "yes"', "y")])
        self.assertIn("nothing was decided", text)
        text, status = on_terminal(site, "deny", pending)
        self.assertEqual(status, 0, text)
        why = k.bad("erase_device", self.erase(d))
        until = re.search(rf"said no to it \({pending}\)\. The same call is refused until (\S+Z); do not try it again after that either", why)
        self.assertTrue(until, why)
        text, status = on_terminal(site, "approve", pending)
        self.assertEqual(status, 1)
        self.assertRegex(text, rf"{pending} does not wait any more: uid .* denied it; the same call is refused until {until.group(1)}, and can be asked for again after that\n")
        self.assertEqual(self.tenant.acts(), [])

    def test_a_no_needs_no_tenant(self):
        site = self.site()
        k = self.kmcp(site)
        d = self.device()
        pending = self.wait_for(k, "erase_device", self.erase(d))
        self.tenant.set(faults=["500"])
        self.assertEqual(on_terminal(site, "approve", pending, answers=[YES])[1], 1)
        text, status = on_terminal(site, "deny", pending)
        self.tenant.set(faults=[])
        self.assertEqual(status, 0, text)
        self.assertIn("said no", k.bad("erase_device", self.erase(d)))
        r = next(r for r in site.records() if r["event"] == "denied")
        self.assertEqual((r["tool"], r["plugin"], r["class"], r["principal"][:6]), ("erase_device", "actions", "DESTROY", "local:"))
        self.assertIn(pending, r["consent"])
        self.assertIn(d["serial_number"], r["detail"])

    def test_nobody_approves_without_a_terminal(self):
        site = self.site()
        k = self.kmcp(site)
        pending = self.wait_for(k, "erase_device", self.erase(self.device()))
        p = site.run("approve", pending, input="yes\n")
        self.assertEqual(p.returncode, 1)
        self.assertIn("terminal", p.stderr)
        text, status = on_terminal(site, "approve", "AAAA-AAAA")
        self.assertIn("nothing waits", text)

    def test_two_different_people(self):
        site = self.site()
        path = approvers(self, site, "ana", "bob")
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {path}\nrepeat_minutes = 0\n[rule two]\n"
                                                "classes = DESTROY\nthen = approve-two\n[audit]"))
        k = self.kmcp(site, ask="accept")  # a client that can ask does not help
        d = self.device()

        def people(name, secret=None):
            return [("Your name", name), ("Your passphrase", secret or f"secret of {name}"), YES]

        pending = self.wait_for(k, "erase_device", self.erase(d))
        self.assertIn("two different people must each run `kmcp approve", k.bad("erase_device", self.erase(d)))
        text, status = on_terminal(site, "approve", pending, answers=people("ana", "wrong"))
        self.assertEqual(status, 1)
        self.assertIn("name and passphrase", text)
        self.assertIn("second person", self.approve(site, pending, people("ana")))
        self.assertIn("somebody other than who agreed already must run", k.bad("erase_device", self.erase(d)))
        text, status = on_terminal(site, "approve", pending, answers=people("ana"))
        self.assertEqual(status, 1)
        self.assertIn("another person", text)
        self.assertIn("approved;", self.approve(site, pending, people("bob")))
        self.assertEqual(self.tenant.acts(), [])
        k.good("erase_device", self.erase(d))
        intent = next(r for r in site.records() if r["event"] == "intent")
        self.assertRegex(intent["consent"], "by ana on .* and bob on ")
        self.assertNotIn("secret of", site.audit.read_text())
        self.assertEqual(len([1 for r in site.records() if r["event"] == "approved"]), 2)

    def test_an_approval_can_be_taken_back(self):
        site = self.site(policy="[rule all]\nthen = approve")
        k = self.kmcp(site)
        d = self.device()
        pending = self.wait_for(k, "restart_device", self.lock(d))
        self.approve(site, pending)
        self.assertIn(f"{pending}  restart_device", site.run("approve").stdout)
        self.assertIn("approved and not used yet", site.run("approve").stdout)
        self.assertIn("does not wait any more (approved); it is done when the same call is made again, until 2", on_terminal(site, "approve", pending, answers=[YES])[0])
        self.assertEqual(on_terminal(site, "deny", pending), (f"{pending}: denied\n", 0))
        self.assertIn("said no", k.bad("restart_device", self.lock(d)))
        self.assertEqual(self.tenant.acts(), [])
        self.assertEqual([r["event"] for r in site.records() if pending in r.get("consent", "")][:3], ["pending", "refused", "approved"])
        self.assertIn("denied", [r["event"] for r in site.records()])
        d = self.device()
        pending = self.wait_for(k, "restart_device", self.lock(d))
        self.approve(site, pending)
        k.good("restart_device", self.lock(d))
        text, status = on_terminal(site, "deny", pending)
        self.assertEqual(status, 1)
        self.assertIn("does not wait any more (used)", text)

    def test_who_is_no_approver_any_more_has_not_agreed(self):
        site = self.site()
        path = approvers(self, site, "ana", "bob")
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {path}\n[rule all]\nthen = approve\n[audit]"))
        k = self.kmcp(site)
        d = self.device()
        pending = self.wait_for(k, "restart_device", self.lock(d))
        self.approve(site, pending, [("Your name", "ana"), ("Your passphrase", "secret of ana"), YES])
        path.write_text("[approver bob]" + path.read_text().split("[approver bob]")[1])
        self.assertNotEqual(self.wait_for(k, "restart_device", self.lock(d)), pending)
        self.assertEqual(self.tenant.acts(), [])
        self.assertIn(f"approval {pending} is void: ana, who agreed, is no approver any more",
                      [r.get("detail") for r in site.records() if r["event"] == "refused"])

    def test_what_is_typed_ahead_agrees_to_nothing(self):
        site = self.site(policy="[rule all]\nthen = approve")
        pending = self.wait_for(self.kmcp(site), "restart_device", self.lock(self.device()))
        text, status = on_terminal(site, "approve", pending, answers=[('Type "yes"', "no")], ahead="yes\n")
        self.assertEqual(status, 1, text)
        self.assertIn("nothing was decided", text)

    def test_sudo_s_word_is_only_its_word(self):
        site = self.site(policy="[rule all]\nthen = approve")
        pending = self.wait_for(self.kmcp(site), "restart_device", self.lock(self.device()))
        on_terminal(site, "approve", pending, answers=[YES], env={**os.environ, "SUDO_USER": "the.boss\nby ana"})
        consent = next(r["consent"] for r in site.records() if r["event"] == "approved")
        with open("/proc/self/loginuid", encoding="ascii") as f:
            if f.read().strip() == "4294967295":
                self.assertRegex(consent, r"by uid \d+ \(.*\), sudo by the.boss by ana \(unverified\)$")
            else:
                self.assertNotIn("the.boss", consent)

    def test_only_failed_tries_count(self):
        site = self.site()
        path = approvers(self, site, "ana", "bob")
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {path}\n[rule all]\nthen = approve\n[audit]"))
        k = self.kmcp(site)

        def answer(pending, name, secret=None):
            return on_terminal(site, "approve", pending, answers=[("Your name", name), ("Your passphrase", secret or f"secret of {name}"), YES])

        for d in [self.device(f"platform:{p}") for p in ("Mac", "iPhone", "iPad") for _ in range(2)]:
            pending = self.wait_for(k, "lock_device", self.lock(d))
            text, status = answer(pending, "ana")
            self.assertEqual(status, 0, text)
            k.good("lock_device", self.lock(d))
        pending = self.wait_for(k, "erase_device", self.erase(self.device()))
        for _ in range(5):
            text, status = answer(pending, "ana", "wrong")
            self.assertIn("name and passphrase", text)
        text, status = answer(pending, "ana")
        self.assertEqual(status, 1)
        self.assertRegex(text, r"too many failed tries \(ana\); wait (9|10) minutes")
        self.assertNotIn("Your passphrase", text)
        text, status = answer(pending, "bob")  # who has not failed
        self.assertEqual(status, 0, text)
        path.unlink()
        pending = self.wait_for(k, "restart_device", self.lock(self.device()))
        text, status = answer(pending, "bob")
        self.assertEqual(status, 1)
        self.assertIn("approvers: cannot be opened", text)
        self.assertNotIn("Your name", text)

    def test_what_people_are_told_to_run(self):
        site = self.site()
        k = self.kmcp(site)
        why = k.bad("erase_device", self.erase(self.device()))
        command = re.search(r"`kmcp (approve \S+ --config \S+)`", why)
        self.assertTrue(command, why)
        self.assertIn("a person has to agree", why)
        p = subprocess.run([KMCP, "approve", *command.group(1).split()[2:]], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn("erase_device", p.stdout)
        self.assertIn(f"--config {site.ini}", p.stdout)
        other = self.site()
        self.assertEqual(other.run("approve").stdout, f"nothing waits in {other.dir}/state.db\n")

    # ---- rules, caps ----

    def test_rules_look_at_the_real_device(self):
        d = self.device("platform:Mac")
        site = self.site(policy=f"repeat_minutes = 0\n[rule mine]\nserials = x\nthen = deny")
        p = site.run("check")
        self.assertEqual(p.returncode, 1)
        self.assertIn('unknown key "serials"', p.stderr)
        site = self.site(policy=f"repeat_minutes = 0\n[rule this]\ndevices = {d['serial_number']}\nthen = deny\n"
                                "because = it is on loan\n[rule macs]\nplatforms = Mac\nclasses = WRITE\nthen = allow")
        k = self.kmcp(site, ask="accept")
        for key in ("device_id", "serial_number"):
            self.assertIn("it is on loan", k.bad("lock_device", {"device_id": d[key], "confirm": True}))
        other = self.device("platform:Mac")
        k.good("lock_device", self.lock(other))
        self.assertEqual(k.asked, [])  # allowed: nobody was asked
        refused = [r for r in site.records() if r["event"] == "refused"]
        self.assertEqual([r["rule"] for r in refused], ["rule this"] * 2)
        text = site.run("policy", "explain", "lock_device", json.dumps(self.lock(d))).stdout
        self.assertIn("[rule this] matches: deny", text)
        self.assertIn("decided by rule this: deny", text)
        text = site.run("policy", "explain", "lock_device", json.dumps(self.lock(other))).stdout
        self.assertIn("[rule this] does not match: devices", text)
        self.assertIn("decided by rule macs: allow", text)

    def test_protected_and_frozen(self):
        d = self.device("platform:Mac")
        freeze = "/nonexistent-folder/freeze"
        site = self.site(policy=f"protected_users = {d['user_email'] or d['user_name']}\nfreeze_file = {freeze}\n"
                                "[rule all]\nthen = allow")
        k = self.kmcp(site)
        self.assertIn("protected", k.bad("lock_device", self.lock(d)))
        freeze = site.dir / "freeze"
        site.write(site.ini.read_text().replace("/nonexistent-folder/freeze", str(freeze)))
        k = self.kmcp(site)
        other = self.device("platform:Mac")
        freeze.touch()
        self.assertIn("frozen", k.bad("lock_device", self.lock(other)))
        freeze.unlink()
        k.good("lock_device", self.lock(other))  # without a restart
        k.good("list_devices", {"limit": 1})

    def test_that_acts_are_frozen_is_said(self):
        site = self.site(policy="freeze_file = /nonexistent-folder/freeze\n[rule all]\nthen = approve")
        freeze = site.dir / "freeze"
        site.write(site.ini.read_text().replace("/nonexistent-folder/freeze", str(freeze)))
        k = self.kmcp(site)
        args = self.lock(self.device("platform:Mac"))
        pending = self.wait_for(k, "lock_device", args)
        self.assertNotIn("frozen", site.run("check").stdout + site.run("doctor").stdout)
        freeze.touch()
        said = f"acts are frozen while the file {freeze} exists"
        p = site.run("check")
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn(f"warning: {said}", p.stdout)
        self.assertIn(f"warn  {said}", site.run("doctor").stdout)
        text = self.approve(site, pending)
        self.assertLess(text.find(said), text.find("Type"), text)
        self.assertIn(said, text)
        self.assertIn("approved, but acts are frozen; it is done when the same call is made again after that", text)
        self.assertIn("frozen", k.bad("lock_device", args))
        freeze.unlink()
        k.good("lock_device", args)
        self.assertIn("warning: acts are frozen (freeze = yes in [policy])", self.site(policy="freeze = yes").run("check").stdout)

    def test_a_policy_that_was_edited_stops_acts(self):
        site = self.site(policy="[rule all]\nthen = allow")
        k, served = self.kmcp(site), self.http(site)
        f = {"device_id": self.device("platform:Mac,filevault:on")["device_id"], "confirm": True, "reason": "locked out"}
        k.good("lock_device", self.lock(self.device("platform:Mac")))
        was = site.ini.read_text()
        os.utime(site.ini, (1, 1))  # touched, but it says the same
        k.good("lock_device", self.lock(self.device("platform:Mac")))
        self.tenant.reset()
        site.write(was.replace("read_only = no", "read_only = no\nfreeze = yes"))
        for tool, args in (("lock_device", self.lock(self.device("platform:Mac"))), ("get_filevault_key", f)):
            self.assertIn(f"the policy file {site.ini} changed since this process read it; restart kmcp", k.bad(tool, args))
        r = served.result("tools/call", {"name": "lock_device", "arguments": self.lock(self.device("platform:Mac"))})
        self.assertIn("changed since", r["content"][0]["text"])
        k.good("list_devices", {"limit": 1})
        self.assertEqual([(r["event"], r["rule"]) for r in site.records()[-3:]], [("refused", "changed")] * 3)
        site.ini.unlink()
        self.assertIn("changed since", k.bad("lock_device", self.lock(self.device("platform:Mac"))))
        self.assertEqual(self.tenant.acts(), [])
        site.write(was)  # put back, it holds again
        k.good("lock_device", self.lock(self.device("platform:Mac")))

    def test_caps_hold_over_processes(self):
        site = self.site(policy="[cap few]\nclasses = WRITE\nlimit = 3\nper = day\n[rule all]\nthen = allow")
        done = 0
        for _ in range(3):
            with self.kmcp(site) as k:
                for _ in range(2):
                    r = k.call("lock_device", self.lock(self.device("platform:Mac")))
                    done += not r.get("isError")
                    if r.get("isError"):
                        self.assertIn("[cap few]", r["content"][0]["text"])
        self.assertEqual((done, len(self.tenant.acts())), (3, 3))

    def test_when_a_cap_has_room_again(self):
        for when, local in (("", ""), ("when = 00:00-24:00 UTC\n", ""), ("when = 00:00-24:00 +05:30\n", r" \((\S+ \S+) \+05:30\)")):
            site = self.site(policy=f"[cap one]\nclasses = WRITE\nlimit = 1\nper = day\neach = principal\n[rule all]\n{when}then = allow")
            k = self.kmcp(site)
            k.good("lock_device", self.lock(self.device("platform:Mac")))
            why = k.bad("lock_device", self.lock(self.device("platform:Mac")))
            found = re.search(rf"is used up \(1 a day, for each principal\); there is room again at (\S+Z){local}$", why)
            self.assertTrue(found, why)
            at = calendar.timegm(time.strptime(found.group(1), "%Y-%m-%dT%H:%M:%SZ"))
            self.assertLess(abs(at - time.time() - 86400), DEADLINE)
            if local:
                self.assertEqual(calendar.timegm(time.strptime(found.group(2), "%Y-%m-%d %H:%M:%S")) - at, 19800)

    def test_a_cap_that_leaves_no_room(self):
        site = self.site(policy="[cap none]\ndevices = *\nlimit = 0\nper = day\n[rule all]\nthen = allow")
        why = self.kmcp(site).bad("lock_device", self.lock(self.device()))
        self.assertRegex(why, r"\[cap none\] in line \d+ of the policy leaves no room for it at any time")

    def test_what_a_test_file_gets_wrong_is_named(self):
        site = self.site(policy="protected_users = boss@acme.example\n[rule night]\ntools = lock_device\nthen = deny")
        tests = site.dir / "expect.ini"
        test = "tool = lock_device\nexpect = deny\n"
        for text, status, said in (("[test day lock]\n" + test, 1, "[test day lock]: a test's name has letters, digits, _ and - alone, and no spaces"),
                                   ("[test a]\n" + test + "tags = x\n", 1, 'unknown key "tags" in [test a]; a test has tool, expect, level,'),
                                   ("[test a]\ntool = lock_device\nexpect = maybe\n", 1, "it is one of allow, default, ask, approve, approve-two, deny, cap NAME"),
                                   ("[test a]\n" + test + "user =\nrule = night\n", 0, "ok   a: deny by rule night\n"),
                                   ("[test a]\n" + test + "user =\nrule = rule night\n", 0, "ok   a: deny by rule night\n"),
                                   ("[test a]\n" + test + "user =\nrule = rule day\n", 1, "expected deny by rule day"),
                                   ("[test a]\n" + test, 0, "deny by protected (it may be protected (protected_users in [policy]): its user is unknown;"),
                                   ("[test a]\n" + test, 0, '; "user" is left out, which is unknown: write "user =" if there is none (deny by rule night)\n'),
                                   ("[test a]\n" + test + "user =\n", 0, "ok   a: deny by rule night\n"),
                                   ("", 1, "holds no [test NAME]")):
            tests.write_text(text)
            tests.chmod(0o600)
            p = site.run("policy", "test", str(tests))
            self.assertEqual(p.returncode, status, p.stdout + p.stderr)
            self.assertIn(said, p.stdout + p.stderr)

    def test_explain_says_what_is_left_and_for_whom(self):
        night, web = "[rule night]\nwhen = 22:00-06:00 UTC\nthen = deny\n", "[rule web]\ntransports = http\nthen = approve"
        site = self.site(policy=f"[cap few]\nlimit = 5\nper = day\n{web}")
        with self.kmcp(site, ask="accept") as k:  # at any hour
            for _ in range(2):
                k.good("lock_device", self.lock(self.device("platform:Mac")))
        site.write(site.ini.read_text().replace(web, night + web))
        args = ("policy", "explain", "lock_device", json.dumps(self.lock(self.device("platform:Mac"))))
        day, night = ("--at", "2026-11-24T12:00:00Z"), ("--at", "2020-02-24T23:00:00Z")
        text = site.run(*args, *day).stdout
        self.assertRegex(text, rf"(?m)^  {site.ini}:\d+ \[rule night\] does not match: when$")
        self.assertRegex(text, rf"(?m)^  {site.ini}:\d+ \[cap few\] has room for 3 of 5 a day$")
        self.assertIn("then: the person at the client is asked", text)
        self.assertIn("then: nobody needs to agree", site.run(*args, *day, "--cannot-ask").stdout)
        self.assertIn("decided by rule night: deny", site.run(*args, *night).stdout)
        self.assertIn("decided by rule web: approve", site.run(*args, *day, "--transport", "http").stdout)
        self.assertIn("must be stdio, http", site.run(*args, "--transport", "ssh").stderr)
        self.assertIn("--at must look like", site.run(*args, "--at", "tomorrow").stderr)

    def test_a_plan_says_what_the_policy_says(self):
        d = self.device("platform:Mac")
        args = json.dumps(self.lock(d))
        for policy, said in (("[rule a]\nthen = deny\nbecause = not today", "The policy refuses it: [rule a] in line"),
                             ("[rule a]\nthen = allow\n[cap none]\ndevices = *\nlimit = 0\nper = day", "The policy refuses it now: [cap none]"),
                             ("[rule a]\nthen = approve", "The policy lets it through, and then: a person has to run kmcp approve")):
            p = self.site(policy=policy).run("call", "lock_device", args, "--plan-only")
            self.assertEqual(p.returncode, 0, p.stderr)
            self.assertTrue(p.stdout.startswith("plan only, nothing was done: Lock the Mac"), p.stdout)
            self.assertIn("\n" + said, p.stdout)

    def test_approvers_have_to_suffice(self):
        site = self.site()
        path = approvers(self, site, "ana")
        was = site.ini.read_text()
        for then, lines, why in (("approve", path.read_text(), None), ("approve-two", path.read_text(), "names one person, and a rule asks for two"),
                                 ("approve", "", "names nobody")):
            path.write_text(lines)
            site.write(was.replace("[audit]", f"approvers = {path}\n[rule all]\nthen = {then}\n[audit]"))
            p = site.run("check")
            self.assertEqual(p.returncode, 1 if why else 0, p.stderr)
            self.assertIn(f"nobody could approve: {path} {why}" if why else "", p.stderr)

    def test_a_percentage_of_a_blueprint(self):
        site = self.site(policy="[cap share]\npercent = 1\nper = day\n[rule all]\nthen = allow")
        k = self.kmcp(site)
        d = self.device("platform:Mac")
        k.good("lock_device", self.lock(d))
        while True:
            other = self.device("platform:Mac")
            if other["blueprint_id"] == d["blueprint_id"]:
                break
        for _ in range(20):
            r = k.call("lock_device", self.lock(other))
            if r.get("isError"):
                break
            other = self.device("platform:Mac")
        self.assertIn("[cap share]", r["content"][0]["text"])

    def test_expectations_and_replay(self):
        site = self.site(policy="[rule vip]\ntags = vip\nthen = deny\n[rule night]\nwhen = 22:00-06:00 UTC\nthen = deny")
        tests = site.dir / "expect.ini"
        tests.write_text("[test vip]\ntool = lock_device\ntag = vip, loaner\nat = 2026-11-24T12:00:00Z\nexpect = deny\nrule = rule vip\n"
                         "[test day]\ntool = lock_device\ntag =\nat = 2026-11-24T12:00:00Z\nexpect = default\n"
                         "[test night]\ntool = lock_device\ntag = x\nat = 2020-01-01T23:00:00Z\nexpect = deny\n")
        tests.chmod(0o600)
        p = site.run("policy", "test", str(tests))
        self.assertEqual((p.returncode, p.stdout.splitlines()[-1]), (0, "3 as expected, 0 not"), p.stdout + p.stderr)
        tests.write_text(tests.read_text().replace("expect = default", "expect = allow"))
        p = site.run("policy", "test", str(tests))
        self.assertEqual(p.returncode, 1)
        self.assertIn("FAIL day: default (no rule matches); expected allow", p.stdout)
        past = self.site()
        k = self.kmcp(past, ask="accept")
        a, b = self.device("platform:Mac"), self.device("platform:iPad")
        k.good("lock_device", self.lock(a))
        k.good("lock_device", self.lock(b))
        proposed = self.site(policy="[rule macs]\nplatforms = Mac\nthen = deny")
        p = proposed.run("policy", "replay", str(past.audit))
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn(f"lock_device {a['device_id']}: was done, would be denied by rule macs", p.stdout)
        self.assertNotIn(b["device_id"], p.stdout)
        self.assertIn("2 acts and secret reads on record: 1 would be denied", p.stdout)

    def test_what_a_test_leaves_out_and_decides_is_named(self):
        site = self.site(policy="protected_tags = vip\n[rule keys]\nclasses = REVEAL\nthen = deny")
        p = self.expectations(site, "[test a]\ntool = lock_device\nexpect = deny\n")
        self.assertIn("its tags are unknown", p.stdout)
        self.assertIn('"tag" is left out, which is unknown: write "tag =" if there is none (default by default)\n', p.stdout)
        p = self.expectations(self.site(policy="[cap share]\npercent = 5\nper = day"), "[test a]\ntool = lock_device\nexpect = cap share\n")
        self.assertIn("ok   a: cap share (no rule matches) ([cap share] cannot be counted: nothing was said of the device that it counts by,", p.stdout)
        manual = (pathlib.Path(__file__).parents[2] / "core" / "kmcp.md").read_text()
        p = self.expectations(site, "[test a]\ntool = lock_device\nexpect = deny\nnothing = 1\n")
        for key in re.search("a test has (.*)", p.stderr).group(1).split(", "):
            self.assertIn(f"`{key}`", manual)

    def expectations(self, site, text):
        path = site.dir / "expect.ini"
        path.write_text(text)
        path.chmod(0o600)
        return site.run("policy", "test", str(path))

    def test_caps_and_levels_can_be_expected(self):
        site = self.site(policy="[cap few]\nclasses = DESTROY\nlimit = 3\nper = day\n[rule two]\ntags = vip\nthen = approve")
        p = self.expectations(site, "[test room]\ntool = erase_device\ntag =\ndone = 2\nexpect = default\nlevel = ask\n"
                                    "[test full]\ntool = erase_device\ntag =\ndone = 3\nexpect = cap few\n"
                                    "[test other]\ntool = lock_device\ntag =\ndone = 3\nexpect = default\n"
                                    "[test cannot]\ntool = erase_device\ntag =\ncan_ask = no\nlevel = approve\n"
                                    "[test lock]\ntool = lock_device\ntag =\ncan_ask = no\nlevel = confirm\n"
                                    "[test vip]\ntool = lock_device\ntag = vip\nlevel = approve\nrule = rule two\n")
        self.assertEqual((p.returncode, p.stdout.splitlines()[-1]), (0, "6 as expected, 0 not"), p.stdout + p.stderr)
        p = self.expectations(site, "[test a]\ntool = erase_device\ntag =\nexpect = cap few\n[test b]\ntool = lock_device\ntag =\nlevel = approve\n")
        self.assertEqual(p.returncode, 1)
        self.assertIn("FAIL a: default (no rule matches); expected cap few", p.stdout)
        self.assertIn("FAIL b: default (no rule matches), level ask; expected  level approve", p.stdout)
        for text, why in (("expect = cap none", "there is no [cap none]"), ("level = two", '"level" cannot be "two"'),
                          ("expect = maybe", '"expect" cannot be "maybe"'), ("done = 1", "expects nothing")):
            self.assertIn(why, self.expectations(site, f"[test a]\ntool = lock_device\n{text}\n").stderr)

    def replay(self, past, policy):
        p = self.site(policy=policy).run("policy", "replay", str(past.audit))
        self.assertEqual(p.returncode, 0, p.stderr)
        return p.stdout

    def test_replay_counts_caps_over_rotated_files(self):
        past = self.site(policy="[rule all]\nthen = allow")
        past.write(past.ini.read_text().replace("[audit]", "[audit]\nrotate_bytes = 2500"))
        k = self.kmcp(past)
        for _ in range(4):
            k.good("lock_device", self.lock(self.device("platform:Mac")))
        self.assertTrue((past.dir / "audit.jsonl.000001").exists())
        self.assertIn("4 acts and secret reads on record: 4 would be denied", self.replay(past, "[cap c]\nlimit = 0\nper = day\n[rule all]\nthen = allow"))
        text = self.replay(past, "[cap c]\nlimit = 3\nper = day\n[rule all]\nthen = allow")
        self.assertIn("4 acts and secret reads on record: 1 would be denied", text)
        self.assertIn("would be denied by cap c", text)

    def test_replay_sees_what_would_be_asked_for(self):
        past = self.site(policy="[rule all]\nthen = allow")
        k = self.kmcp(past)
        d = self.device("platform:Mac")
        k.good("erase_device", self.erase(d))
        text = self.replay(past, "")  # the rule that allowed is gone
        self.assertIn(f"erase_device {d['device_id']}: was done on \"confirm\" alone, would be asked for", text)
        self.assertIn("where the client can by the default of DESTROY: no rule matches\n", text)
        self.assertIn("0 would be denied, 1 would need more consent", text)
        self.assertIn("0 would need more consent", self.replay(past, "[rule all]\nthen = allow"))

    def test_replay_denies_what_is_not_offered(self):
        past = self.site(policy="[rule all]\nthen = allow")
        k = self.kmcp(past)
        d = self.device("platform:Mac")
        k.good("lock_device", self.lock(d))
        allow = "[rule all]\nthen = allow"
        for site, by in ((self.site(read_only=True, policy=allow), "read_only"),
                         (self.site(plugins=("devices",), policy=allow), "the loaded plugins, none of which has it")):
            p = site.run("policy", "replay", str(past.audit))
            self.assertIn(f"lock_device {d['device_id']}: was done, would be denied by {by}\n", p.stdout)
            self.assertIn("1 acts and secret reads on record: 1 would be denied, 0 would need more consent", p.stdout)

    def test_replay_leaves_out_what_rules_are_not_about(self):
        past = self.site(policy="[rule all]\nthen = allow")
        f = self.device("platform:Mac,filevault:on")
        r = self.kmcp(past).good("get_filevault_key", {"device_id": f["device_id"], "confirm": True, "reason": "test"})
        handle = re.search("secret:[a-z2-7]{16}", r["content"][0]["text"])[0]
        text, status = on_terminal(past, "secret", "drop", handle)
        self.assertEqual(status, 0, text)
        text = self.replay(past, "[rule keys]\nclasses = REVEAL\nthen = deny")
        self.assertNotIn("secret drop", text)
        self.assertIn("1 acts and secret reads on record: 1 would be denied", text)
        self.assertIn("1 times a person at a terminal opened or dropped", text)

    def test_replay_judges_the_rules_where_a_cap_cannot_be(self):
        past = self.site(policy="[rule all]\nthen = allow")
        k = self.kmcp(past)
        devices = [self.device("platform:Mac") for _ in range(3)]
        for d in devices:
            k.good("lock_device", self.lock(d))
        text = self.replay(past, "[cap share]\npercent = 5\nper = week\n[cap few]\nlimit = 2\nper = day\n[rule all]\nthen = approve")
        for d in devices[:2]:
            self.assertIn(f"lock_device {d['device_id']}: was done, would need an approval by rule all\n", text)
        self.assertIn(f"lock_device {devices[2]['device_id']}: was done, would be denied by cap few\n", text)
        self.assertIn("3 acts and secret reads on record: 1 would be denied, 2 would need more consent", text)
        self.assertIn("cap share could not be judged for 2 of the acts: blueprint_devices is not on record", text)
        self.assertNotIn("redact_pii", text)

    def test_replay_says_when_facts_are_missing(self):
        past = self.site(policy="redact_pii = yes\n[rule all]\nthen = allow")
        k = self.kmcp(past)
        k.good("lock_device", self.lock(self.device("platform:Mac")))
        text = self.replay(past, "[rule u]\nusers = nobody@else.example\nthen = deny\n[rule all]\nthen = allow")
        self.assertIn("was done; user decides between rule u and rule all, and is not on record (redact_pii)\n", text)
        self.assertIn("0 would be denied, 0 would need more consent", text)
        self.assertIn("1 could not be judged", text)
        self.assertIn("1 would be denied", self.replay(past, "[rule m]\nplatforms = Mac\nthen = deny"))

    # ---- once ----

    def test_the_same_call_again_gets_the_first_outcome(self):
        site = self.site()
        d = self.device("platform:Mac")
        with self.kmcp(site, ask="accept") as k:
            first = k.good("lock_device", self.lock(d))
            again = k.good("lock_device", self.lock(d))
        with self.kmcp(site) as k:
            third = k.good("lock_device", self.lock(d))
        for r in (again, third):
            self.assertRegex(r["content"][0]["text"], r"^Done already at .* nor is it before 20[-0-9]+T[0-9:]+Z \(repeat_minutes\)")
            self.assertEqual(r["structuredContent"], first["structuredContent"])
        self.assertEqual(len(self.tenant.acts()), 1)
        self.assertEqual([r["event"] for r in site.records()], ["asked", "intent", "outcome", "repeated", "repeated"])

    def test_the_same_call_again_after_another_one(self):
        site = self.site()
        d = self.device("platform:iPad,online:yes")
        k = self.kmcp(site, ask="accept")
        for message, again in (("A", False), ("B", False), ("A", True), ("B", True)):
            self.assertEqual("Done already" in k.text("lock_device", {**self.lock(d), "message": message}), again, message)
            self.tenant.set(clock_advance_s=10)  # the device carries it out
        self.assertEqual(len(self.tenant.acts()), 2)
        self.assertEqual(len(k.asked), 2)

    def test_an_unknown_act_on_a_device_without_a_queue(self):
        d = self.tenant.find("platform:Android,online:yes")
        k = self.kmcp(site := self.site(), ask="accept")
        self.tenant.set(faults=["cut,path=/action/,method=POST"])
        self.assertIn("is unknown", k.bad("lock_device", self.lock(d)))
        self.tenant.set(faults=[])
        self.assertIn("never sent again blindly", k.bad("lock_device", self.lock(d)))
        self.tenant.set(clock_advance_s=10)  # now its activity shows it
        self.assertIn("it was received: the device's activity shows a DeviceLock", k.text("lock_device", self.lock(d)))
        self.assertEqual(len(self.tenant.acts()), 1)
        self.assertIn("every act has a known end", site.run("acts").stdout)

    def test_an_unknown_deletion_is_known_by_the_record_that_is_gone(self):
        d = self.device("platform:Mac")
        k = self.kmcp(site := self.site(), ask="accept")
        self.tenant.set(faults=["close,path=/devices/,method=DELETE"])
        self.assertIn("is unknown", k.bad("delete_device", self.erase(d)))
        self.tenant.set(faults=[])
        self.assertIn("ok, the answer to it was lost, but it was received: the device's record is gone", site.run("acts").stdout)

    def test_an_unknown_outcome_is_looked_up_and_never_sent_again(self):
        for received in (True, False):
            site = self.site()
            k = self.kmcp(site, ask="accept")
            d = self.device("platform:Mac")
            self.tenant.reset()
            self.tenant.set(faults=["cut,path=/action/,method=POST" if received else "502,path=/action/,method=POST"])
            self.assertIn("is unknown", k.bad("lock_device", self.lock(d)))
            self.tenant.set(faults=[])
            sent = len(self.tenant.acts())
            r = k.call("lock_device", self.lock(d))
            if received:
                text = r["content"][0]["text"]
                self.assertFalse(r.get("isError"), r)
                self.assertIn("it was received", text)
                self.assertIn("get_device_secret with secret unlock_pin", text)
                self.assertEqual(r["structuredContent"], {"accepted": True, "action": "lock", "device_id": d["device_id"], "pin_set": True})
                self.assertEqual([x["event"] for x in site.records()], ["asked", "intent", "outcome", "resolved", "repeated"])
                k.good("lock_device", self.lock(d))
            else:
                self.assertIn("never sent again blindly", r["content"][0]["text"])
            self.assertEqual(len(self.tenant.acts()), sent)
            text = site.run("acts").stdout
            self.assertIn("every act has a known end" if received else "unknown", text)

    # ---- when the state cannot be had ----

    def test_a_clock_set_back(self):
        site = self.site()
        k = self.kmcp(site, ask="accept")
        k.good("lock_device", self.lock(self.device("platform:Mac")))
        self.set_back(site)
        why = k.bad("lock_device", self.lock(self.device("platform:Mac")))
        self.assertIn("clock was set back", why)
        self.assertIn("kmcp state accept-clock", why)
        k.good("list_devices", {"limit": 1})
        self.assertEqual(site.run("state").returncode, 1)
        self.assertEqual(site.run("state", "accept-clock").returncode, 0)
        k.good("lock_device", self.lock(self.device("platform:Mac")))

    def set_back(self, site):
        p = subprocess.run(["/usr/bin/python3", "-c", "import sqlite3,sys; db=sqlite3.connect(sys.argv[1]); "
                            "print(db.execute(\"UPDATE record SET value=CAST(value+7200000 AS TEXT) WHERE space='host'\").rowcount); "
                            "db.commit()", str(site.dir / "state.db")], check=True, stdout=subprocess.PIPE)
        return int(p.stdout)

    def test_nobody_decides_by_a_clock_set_back(self):
        site = self.site(policy="[rule keys]\nclasses = REVEAL\nthen = allow")
        f, d = self.device("platform:Mac,filevault:on"), self.device("platform:Mac")
        k = self.kmcp(site)
        r = k.good("get_filevault_key", {"device_id": f["device_id"], "confirm": True, "reason": "test"})
        handle = re.search("secret:[a-z2-7]{16}", r["content"][0]["text"])[0]
        pending = self.wait_for(k, "erase_device", self.erase(d))
        self.assertEqual(self.set_back(site), 1)
        for command in (("approve", pending), ("deny", pending)):
            text, status = on_terminal(site, *command, answers=[YES])
            self.assertEqual(status, 1)
            self.assertIn("clock was set back", text)
        text, status = on_terminal(site, "secret", "open", handle, "--reason", "test", "--out", str(site.dir / "out"))
        self.assertEqual(status, 1)
        self.assertIn("clock was set back", text)
        self.assertEqual(site.run("state", "accept-clock").returncode, 0)
        self.approve(site, pending)
        k.good("erase_device", self.erase(d))

    def test_reads_remember_the_time(self):
        site = self.site()
        with self.kmcp(site) as k:
            k.good("list_devices", {"limit": 1})
        self.assertEqual(self.set_back(site), 1)
        with self.kmcp(site, ask="accept") as k:
            self.assertIn("clock was set back", k.bad("lock_device", self.lock(self.device("platform:Mac"))))


class Outside(Case):
    """What devices and their users are called is text for a person, and never more."""
    EVIL = 'a\x1b[31mred\u202eX" (serial C02REAL, user none)? Harmless.\nyes'

    def test_no_name_controls_a_terminal_or_ends_its_quotation(self):
        site = self.site(policy="repeat_minutes = 0\n[rule keys]\nclasses = REVEAL\nthen = allow")
        d = self.device("platform:Mac,filevault:on")
        self.tenant.set(device={"device_id": d["device_id"], "device_name": self.EVIL})
        args = {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True}
        said = []
        with self.kmcp(site, ask="decline") as k:
            k.good("get_filevault_key", {"device_id": d["device_id"], "confirm": True, "reason": "test"})
            k.bad("erase_device", args)
            question = k.asked[-1]["message"]
        self.assertIn('X\\" (serial C02REAL', question)  # it does not end the quotation
        self.assertTrue(question.startswith(f"Erase the Mac with serial number {d['serial_number']}? "), question)
        with self.kmcp(site) as k:
            pending = re.search(r"kmcp approve ([2-9A-Z-]{9})", k.bad("erase_device", args)).group(1)
            self.tenant.set(faults=["502,path=/action/,method=POST"])
            k.bad("lock_device", {"device_id": d["device_id"], "confirm": True})
            self.tenant.set(faults=[])
        explain = json.dumps(args)
        for command in (["secret", "list"], ["acts"], ["approve"], ["audit", "show"], ["policy", "explain", "erase_device", explain],
                        ["audit", "reconcile"], ["call", "erase_device", explain, "--plan-only"], ["call", "list_devices"]):
            p = site.run(*command)
            said.append((command, p.stdout + p.stderr))
        said += [("question", question), ("approve", on_terminal(site, "approve", pending, answers=[("Type", "no")])[0])]
        for what, text in said:
            self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", what)
            self.assertNotIn("Harmless.\nyes", text, what)
        self.assertIn("red", dict((" ".join(w), t) for w, t in said if isinstance(w, list))["secret list"])

    def test_a_long_name_is_cut(self):
        site = self.site()
        d = self.device("platform:Mac")
        self.tenant.set(device={"device_id": d["device_id"], "device_name": "A" * 250})
        with self.kmcp(site, ask="decline") as k:
            k.bad("erase_device", {"device_id": d["device_id"], "serial_number": d["serial_number"], "confirm": True})
            self.assertIn('"' + "A" * 200 + '..."', k.asked[-1]["message"])


if __name__ == "__main__":
    unittest.main()
