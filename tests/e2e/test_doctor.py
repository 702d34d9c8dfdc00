"""kmcp doctor and kmcp attest, against the simulator.  SPDX-License-Identifier: Apache-2.0"""
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import threading
import unittest

from e2e import DEADLINE, KMCP, Case, Tenant


class Doctor(Case):
    def lines(self, site, status=0):
        p = site.run("doctor")
        self.assertEqual(p.returncode, status, p.stdout + p.stderr)
        return p.stdout

    def test_all_is_well(self):
        self.tenant.reset()
        text = self.lines(self.site())
        for part in ("answers (plain http)", "there is a token", "ok    the clock is", 'ok    permission "Device list"',
                     'permission "Erase Device" is needed and unproven', 'permission "FileVault recovery key" is needed and unproven',
                     "0 failures"):
            self.assertIn(part, text)
        self.assertIn('the token also has "List users"', text)
        self.assertIn('ok    permission "List audit events"', text)  # the weekly reconcile needs it
        self.assertNotIn('the token also has "List audit events"', text)
        self.assertIn('?     permission "Erase Device"', text)
        self.assertRegex(text, r"\n0 failures, \d+ warnings?, \d+ unproven\n$")
        self.assertNotIn("kmcp-demo-token", text)
        self.assertEqual(self.tenant.acts(), [])
        self.assertNotIn("secrets/", json.dumps(self.tenant.stats()["last_requests"]))

    def test_what_is_wrong_is_named(self):
        self.tenant.set(deny=["GET /api/v1/devices/{device_id}/apps"])
        text = self.lines(self.site(), 1)
        self.tenant.set(deny=[])
        self.assertRegex(text, r'FAIL  permission "Application list" is missing \(HTTP 403\); without it tools of module devices')
        self.tenant.set(deny=["GET /api/v1/audit/events"])
        text = self.lines(self.site(), 1)
        self.assertRegex(text, r'FAIL  permission "List audit events" is missing \(HTTP 403\); without it kmcp audit reconcile will not work')
        self.assertNotIn("audit events", self.lines(self.site(read_only=True)))
        self.tenant.set(deny=[])
        site = self.site()
        site.token.write_text("wrong-token\n")
        text = self.lines(site, 1)
        self.assertIn("not accepted (HTTP 401)", text)
        self.assertNotIn("wrong-token", text)
        text = self.lines(self.site(url="http://127.0.0.1:9"), 1)
        self.assertIn("could not be reached", text)
        site = self.site()
        site.token.unlink()
        text = self.lines(site, 1)
        self.assertEqual([line for line in text.split("\n") if line.startswith("FAIL") or "Date" in line or "region" in line],
                         [line for line in text.split("\n") if line.startswith("FAIL") and "token" in line][:1], text)
        self.assertRegex(text, r"\n1 failure, ")
        self.assertIn("the tenant was not asked", text)
        site = self.site()
        site.audit.mkdir()
        self.assertIn("acts would be refused", self.lines(site, 1))
        (site.dir / "state.db").write_bytes(b"x" * 5000)
        (site.dir / "state.db").chmod(0o600)
        self.assertIn("move it away", self.lines(site, 1))


    def test_one_route_that_is_refused_hides_no_other(self):
        with Tenant("--devices", "20", "--deny", "GET /api/v1/blueprints", "--deny-status", "401") as t:
            text = self.lines(self.site(url=t.url), 1)
        self.assertRegex(text, r'FAIL  permission "List Blueprints" is missing \(HTTP 401\)')
        self.assertIn('ok    permission "Device list"', text)
        self.assertIn('permission "Erase Device" is needed and unproven', text)

    def test_what_does_not_speak_like_the_api_fails(self):
        for fault, said in (("500html", "is answered with HTTP 500"), ("404html", "is answered with HTTP 404"),
                            ("badjson", "is answered with something that is no list of devices")):
            with Tenant("--devices", "20", "--fault", fault) as t:
                text = self.lines(self.site(url=t.url), 1)
            self.assertIn(f"FAIL  /api/v1/devices {said}", text)
            self.assertNotIn("permission", text)
        self.tenant.set(faults=["404html,path=/prism/"])
        text = self.lines(self.site(), 1)
        self.tenant.set(faults=["badjson,path=/blueprints"])
        text += self.lines(self.site(), 1)
        self.tenant.set(faults=[])
        self.assertRegex(text, r'FAIL  permission "[^"]+" is unproven: /api/v1/prism/\S+ answered HTTP 404')
        self.assertRegex(text, r'FAIL  permission "[^"]+" is unproven: the answer to /api/v1/blueprints cannot be read')


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers everything with an empty list."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_):
        pass


class Local(Case):
    def test_who_may_read_what(self):
        site = self.site()
        with self.kmcp(site, ask="accept") as k:
            k.good("lock_device", {"device_id": self.device("platform:Mac")["device_id"], "confirm": True})
        approvers, tokens = site.dir / "approvers", site.dir / "tokens"
        approvers.write_text("")
        tokens.write_text("")
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {approvers}\n[http]\ntokens = {tokens}\n[audit]"))
        files = [approvers, tokens, *(site.dir / n for n in ("state.db", "vault.key", "seal.key", "audit.jsonl.key"))]
        for f in files:
            self.assertTrue(f.exists(), f)
            f.chmod(0o600)
        self.assertIn("ok    keys, tokens, state and audit file are closed to others", site.run("doctor").stdout)
        for f in files:
            f.chmod(0o644)
            text = site.run("doctor").stdout
            f.chmod(0o600)
            self.assertIn(f"FAIL  {f} may be read or written by others; chmod 600 it", text)

    def test_read_only_needs_the_state_for_its_budget(self):
        site = self.site(read_only=True)
        self.assertIn("read-only: no audit file is needed", site.run("doctor").stdout)
        (site.dir / "state.db").write_bytes(b"x" * 5000)
        (site.dir / "state.db").chmod(0o600)
        p = site.run("doctor")
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertRegex(p.stdout, "warn  the request budget cannot be shared, so reads have a tenth of it: .*move it away")
        self.assertIn("warn  our own count of them is lost", p.stdout)

    def test_our_own_budget(self):
        site = self.site(limits="requests_per_hour = 1000")
        self.assertRegex(site.run("doctor").stdout, r"ok    by our own count 99\d of 1000 requests are left of this hour")

    def test_the_region(self):
        site = self.site()
        for region, other, host in (("", "eu", "eu.kandji"), ("region = eu", "us", "kandji")):
            text = site.ini.read_text()
            text = re.sub("base_url = .*", f"subdomain = nosuch-{'x' * 40}\n{region}", text) + "\n"
            (site.dir / "other.ini").write_text(text)
            (site.dir / "other.ini").chmod(0o600)
            p = subprocess.run([KMCP, "doctor", "--config", str(site.dir / "other.ini")], capture_output=True, text=True, timeout=DEADLINE,
                               env={"PATH": os.environ["PATH"], "https_proxy": "http://127.0.0.1:9"})
            self.assertRegex(p.stdout, f"warn  the region is {'eu' if region else 'us'}; .*set region = {other} .*\\.api\\.{host}\\.io")

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_the_certificate(self):
        for days, line in ((9, "warn"), (90, "ok  ")):
            site = self.site()
            cert, key = site.dir / "ca.pem", site.dir / "ca.key"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days), "-subj", "/O=Test CA/CN=127.0.0.1",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
            server.daemon_threads = True
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            self.addCleanup(thread.join)
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
            site.write(re.sub("base_url = .*", f"base_url = https://127.0.0.1:{server.server_port}\nca_file = {cert}", site.ini.read_text()))
            text = site.run("doctor").stdout
            self.assertIn("its certificate is accepted", text)
            self.assertRegex(text, f'{line}  the certificate is of ".*Test CA.*" and good until .* GMT' + (", [89] days more" if days == 9 else "\n"))


class Skew(Case):
    def test_the_clock(self):
        self.tenant.set(clock_advance_s=7200)
        p = self.site().run("doctor")
        self.assertRegex(p.stdout, r"FAIL  the clock is 7[12]\d\d seconds behind")


class Attest(Case):
    def test_every_route_and_nothing_sent(self):
        site = self.site()
        self.tenant.reset()
        p = site.run("attest")
        self.assertEqual(p.returncode, 0, p.stderr)
        again = site.run("attest")
        self.assertEqual(p.stdout, again.stdout)
        self.assertEqual(self.tenant.requests(), 0)
        *lines, last = p.stdout.splitlines(keepends=True)
        self.assertEqual(last, "attest sha256 " + hashlib.sha256("".join(lines).encode()).hexdigest() + "\n")
        sent = {tuple(line.split()[1:3]) for line in lines if line.startswith("request ")}
        declared = set()
        for plugin in ("devices", "actions", "blueprints", "prism", "secrets"):
            for line in site.run("dump", plugin).stdout.splitlines():
                if line.startswith("route="):
                    declared.add(tuple(line[6:].split()[:2]))
        own = {tuple(line.split()[1:3]) for line in lines if " (kmcp) by kmcp " in line}
        self.assertEqual(sent, declared | own)
        self.assertIn("request   GET    /api/v1/audit/events READ (kmcp) by kmcp audit reconcile, kmcp doctor\n", lines)
        for role in ("approvers", "ca_file", "tokens"):
            self.assertIn(f"no file {role}\n", lines)
        for line in lines:
            if line.startswith("file "):
                _, role, digest, path = line.split()
                self.assertEqual(digest, hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest())
        whole = json.loads(site.run("attest", "--json").stdout)
        self.assertEqual({(r["method"], r["path"]) for r in whole["requests"] if not r["held_back"]}, declared | own)
        site.run("doctor")
        site.run("audit", "reconcile")
        attested = {(m, re.sub(r"{[^}]*}", "*", p)) for m, p in declared | own}
        paths = {tuple(x.split("?")[0].split()[:2]) for x in self.tenant.stats()["last_requests"]}
        self.assertGreater(len(paths), 15)
        for method, path in paths:
            self.assertIn((method, re.sub(r"/[0-9a-f-]{36}", "/*", path)), attested)

    def test_who_could_send_it_and_what_the_policy_says(self):
        site = self.site(policy="[rule night]\ntools = lock_device\nwhen = 22:00-06:00 UTC\nthen = deny\n[cap few]\nlimit = 3\nper = day")
        text = site.run("attest").stdout
        self.assertIn("/action/lock WRITE (actions) by tools of module actions of class WRITE or above\n", text)
        self.assertIn("/action/erase DESTROY (actions) by tools of module actions of class DESTROY\n", text)
        self.assertIn("READ (devices) by tools of module devices, kmcp doctor\n", text)
        self.assertIn("\n[policy] read_only = no\n[rule night] tools = lock_device; when = 22:00-06:00 UTC; then = deny\n[cap few] limit = 3; per = day\n", text)
        whole = json.loads(site.run("attest", "--json").stdout)
        self.assertEqual(whole["rules"][1], {"section": "rule night", "tools": "lock_device", "when": "22:00-06:00 UTC", "then": "deny"})

    def test_what_a_rule_refuses_is_held_back(self):
        text = self.site(policy="[rule some]\ntools = erase_device\nwhen = 00:00-12:00 UTC\nthen = deny\n[rule none]\ntools = erase_*\nthen = deny\n"
                                "[rule odd]\nusers = x\ntools = delete_device\nthen = ask\n[rule last]\ntools = delete_device\nthen = deny\n"
                                "[cap zero]\ntools = restart_device\nlimit = 0\nper = day\n[rule read]\nclasses = READ\ntools = get_prism*\nthen = deny").run("attest").stdout
        self.assertIn("held-back tool erase_device DESTROY by rule none", text)
        self.assertIn("held-back tool restart_device WRITE by cap zero", text)
        self.assertNotIn("held-back tool delete_device", text)  # for some user it is asked
        text = self.site(policy="[rule none]\nclasses = DESTROY\nthen = deny").run("attest").stdout
        for request in ("POST   /api/v1/devices/{device_id}/action/erase", "DELETE /api/v1/devices/{device_id}"):
            self.assertIn("held-back " + request, text)
        self.assertIn("request   POST   /api/v1/devices/{device_id}/action/lock", text)

    def test_what_the_ini_names_is_attested(self):
        site = self.site(extra="[http]\ntokens = /tmp/nosuch-tokens")
        approvers = site.dir / "approvers"
        approvers.write_text("[approver ana]\nhash = x\n")
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {approvers}\n[audit]").replace("/tmp/nosuch-tokens", str(approvers)))
        text = site.run("attest").stdout
        digest = hashlib.sha256(approvers.read_bytes()).hexdigest()
        self.assertIn(f"file approvers {digest} {approvers}\n", text)
        self.assertIn(f"file tokens   {digest} {approvers}\n", text)
        self.assertIn("no file ca_file\n", text)

    def test_approvers_that_are_missing_are_named(self):
        site = self.site()
        path = site.dir / "approvers"
        site.write(site.ini.read_text().replace("[audit]", f"approvers = {path}\n[audit]"))
        for command, stream in (("check", "stderr"), ("doctor", "stdout")):
            p = site.run(command)
            self.assertEqual(p.returncode, 1)
            self.assertRegex(getattr(p, stream), rf"{path}: cannot be opened \(.*\); kmcp approver NAME makes its lines\n")
        p = site.run("attest")
        self.assertEqual((p.returncode, p.stderr), (1, f'kmcp: the file "{path}" (approvers) cannot be read, so its digest is missing; '
                                                       "what stands in it is made by kmcp approver NAME\n"))
        self.assertIn(f"no digest approvers {path}\n", p.stdout)
        p = site.run("attest", "--json")
        self.assertIn({"role": "approvers", "path": str(path), "sha256": None}, json.loads(p.stdout)["files"])
        path.write_text("")
        path.chmod(0o600)
        self.assertIn(f"0 approvers in {path}; kmcp approver NAME makes the lines for one\n", site.run("doctor").stdout)

    def test_read_only_holds_back(self):
        p = self.site(read_only=True).run("attest")
        self.assertIn("held-back POST   /api/v1/devices/{device_id}/action/erase DESTROY", p.stdout)
        self.assertFalse([x for x in p.stdout.splitlines() if x.startswith("request ") and " GET " not in x])

    def test_another_file_is_another_attestation(self):
        site = self.site(plugins=("devices",))
        before = site.run("attest").stdout
        plugin = next(x.split()[3] for x in before.splitlines() if x.startswith("file plugin"))
        copy = site.dir / "kmcp-devices.so"
        shutil.copy(plugin, copy)
        copy.chmod(0o755)
        with open(copy, "ab") as f:
            f.write(b"\n")
        site.write(site.ini.read_text().replace("[plugin devices]", f"[plugin devices]\npath = {copy}"))
        after = site.run("attest").stdout
        self.assertNotEqual(before.splitlines()[-1], after.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
