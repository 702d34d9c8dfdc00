"""The host around the tools: configuration, loading, commands, cache, what is never read.  SPDX-License-Identifier: Apache-2.0"""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import unittest

from e2e import BIN, DEADLINE, KMCP, TENANT, TOKEN, Case, Kmcp
from test_policy import approvers

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Config(Case):
    def refused(self, ini, part, **kw):
        site = self.site()
        site.write(ini.format(url=self.tenant.url, token=site.token))
        for command in (["check"], []):
            p = subprocess.run([KMCP, *command, "--config", str(site.ini)], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=DEADLINE, **kw)
            self.assertEqual((p.returncode, p.stdout), (1, ""), p.stderr)
            self.assertIn(part, p.stderr)
            self.assertEqual(self.tenant.requests(), 0)

    def test_others_may_change_nothing_it_trusts(self):
        """Modules of kmcp itself and ca_file, like plugins: who can write them is kmcp."""
        site = self.site()
        copy = site.dir / "copy"
        (copy / "bin").mkdir(parents=True)
        shutil.copy2(KMCP, copy / "bin" / "kmcp")
        shutil.copytree(BIN.parent / "lib", copy / "lib")
        shutil.copytree(BIN.parent / "plugins", copy / "plugins", ignore=lambda folder, names: [n for n in names if n[-3:] != ".so"])
        ca = site.dir / "ca.pem"
        ca.write_text("-----BEGIN CERTIFICATE-----\n")

        def call():
            return subprocess.run([str(copy / "bin" / "kmcp"), "call", "list_devices", "--config", str(site.ini)], capture_output=True, text=True,
                                  timeout=DEADLINE)

        self.assertEqual(call().returncode, 0, call().stderr)
        for module in ("http", "sqlite"):
            path = copy / "lib" / "kmcp" / f"kmcp-{module}.so"
            path.chmod(0o775)
            p = call()
            self.assertIn(f"kmcp-{module}.so is refused", p.stderr)
            self.assertIn("chmod go-w", p.stderr)
            path.chmod(0o755)
        self.assertEqual(call().returncode, 0)
        site.write(site.ini.read_text().replace("token_file", f"ca_file = {ca}\ntoken_file"))
        ca.chmod(0o666)
        for p in (call(), site.run("check")):
            self.assertEqual(p.returncode, 1)
            self.assertIn("ca_file is refused", p.stderr + p.stdout)
            self.assertIn("everybody; chmod go-w", p.stderr + p.stdout)

    def test_nothing_doubtful_starts(self):
        base = "[tenant]\nbase_url = {url}\ntoken_file = {token}\n"
        rows = [("[tenant]\nsubdomain = acme\nregion = xx\n[plugin devices]\n", 'kmcp.ini:3: region "xx" is unknown; it is us or eu'),
                ("[tenant]\nbase_url = {url}\ntoken_file = token\n[plugin devices]\n", 'kmcp.ini:3: "token_file" in [tenant] is a path and must begin with /'),
                (base + "ca_file = ca.pem\n[plugin devices]\n", 'kmcp.ini:4: "ca_file" in [tenant] is a path and must begin with /'),
                (base + "[server]\nplugin_dir = ./plugins\n[plugin devices]\n", 'kmcp.ini:5: "plugin_dir" in [server] is a path and must begin with /'),
                (base + "[state]\nredis_password_file = pw\n[plugin devices]\n", 'kmcp.ini:5: "redis_password_file" in [state] is a path and must begin with /'),
                (base + "[plugin devices]\npath = kmcp-devices.so\n", 'kmcp.ini:5: "path" in [plugin devices] is a path and must begin with /'),
                (base + "[policy]\nread_onyl = yes\n[plugin devices]\n", 'kmcp.ini:5: unknown key "read_onyl"'),
                (base + "[policy]\nread_only = maybe\n[plugin devices]\n", 'kmcp.ini:5: "read_only" must be yes or no'),
                (base + "[plugin devices]\n[polcy]\n", "kmcp.ini:5: unknown section [polcy]; did you mean [policy]?"),
                (base + "[plugin devices]\ncolour = red\n", 'kmcp.ini:5: unknown key "colour" in [plugin devices]; its keys are: path, optional, default_limit'),
                (base + "[plugin devices]\n[plugin devices]\n", "kmcp.ini:5: section [plugin devices] is here a second time"),
                (base + "[plugin nosuch]\n", 'kmcp.ini:4: there is no plugin "nosuch"'),
                (base + "token_file = /x\n[plugin devices]\n", 'kmcp.ini:4: "token_file" is set a second time'),
                (base, "no plugin is loaded")]
        rows += [(base + f"[cache]\ndevices = {ttl}\n[plugin devices]\n", 'kmcp.ini:5: "devices" must be a whole number')
                 for ttl in ("abc", "5m", "-1")]
        rows += [(base + "[cache]\nfoo = 5\n[plugin devices]\n", 'kmcp.ini:5: unknown key "foo" in [cache]'),
                 (base + "[log]\nlevel = loud\n[plugin devices]\n", 'kmcp.ini:5: "level" must be')]
        for ini, part in rows:
            self.refused(ini, part)

    def test_a_token_that_others_can_read_is_not_used(self):
        site = self.site()
        site.token.chmod(0o644)
        k = self.kmcp(site)
        self.assertIn("chmod 600", k.bad("list_devices"))
        self.assertEqual(self.tenant.requests(), 0)

    def test_an_ini_that_others_can_write_is_not_read(self):
        site = self.site()
        site.ini.chmod(0o666)
        p = site.run("check")
        self.assertEqual(p.returncode, 1)
        self.assertIn("chmod go-w", p.stderr)

    def test_the_environment_fills_in(self):
        site = self.site()
        site.write(f"[tenant]\nbase_url = {self.tenant.url}\n[plugin devices]\n")
        env = {**os.environ, "KANDJI_API_TOKEN": TOKEN}
        k = self.kmcp(site, env=env)
        k.good("list_devices", {"limit": 1})
        env.pop("KANDJI_API_TOKEN")
        self.assertIn("KANDJI_API_TOKEN", self.kmcp(site, env=env).bad("list_devices"))
        site.write("[plugin devices]\n")
        p = site.run("check", env={**env, "KANDJI_SUBDOMAIN": "acme", "KANDJI_REGION": "EU"})
        self.assertIn("https://acme.api.eu.kandji.io", p.stdout)
        p = site.run("check", env={**env, "KANDJI_SUBDOMAIN": "acme", "KANDJI_REGION": "mars"})
        self.assertIn("it is us or eu", p.stderr)

    def test_a_token_from_a_command(self):
        site = self.site()
        site.write(f"[tenant]\nbase_url = {self.tenant.url}\ntoken_command = printf {TOKEN}\n[plugin devices]\n")
        self.kmcp(site).good("list_devices", {"limit": 1})

    def test_check_says_what_a_first_call_would_fail_on(self):
        site = self.site()
        base = f"[tenant]\nbase_url = {self.tenant.url}\n"
        for text, part in ((base, "no API token"), (base + "token_file = /none\n", "cannot be opened"), (base + "token_command = /bin/false\n", "would fail"),
                           (base + f"token_file = {site.token}\nca_file = /nope.pem\n", "ca_file"),
                           (base + f"token_file = {site.token}\n[http]\ntokens = /none\n", "kmcp http would not start")):
            site.write(text + "[plugin devices]\n")
            p = site.run("check")
            self.assertEqual((p.returncode, "not ready" in p.stdout), (1, True), text)
            self.assertIn(part, p.stderr)
        site.write(base + f"token_file = {site.token}\n[plugin devices]\ndefault_limit = 5000\n")
        self.assertIn("from 1 to 1000", site.run("check").stderr)

    def test_folders_that_others_may_write_are_not_believed(self):
        site = self.site()
        site.dir.chmod(0o777)
        self.assertIn("could be replaced by others", site.run("check").stderr)
        site.dir.chmod(0o700)
        loose = site.dir / "loose"
        loose.mkdir()
        (loose / "token").write_text("x")
        (loose / "token").chmod(0o600)
        loose.chmod(0o777)
        for what in (f"[tenant]\nbase_url = {self.tenant.url}\ntoken_file = {loose}/token\n",
                     f"[tenant]\nbase_url = {self.tenant.url}\ntoken_file = {site.token}\n[policy]\nread_only = no\n[audit]\nfile = {loose}/audit\n"):
            site.write(what + "[plugin devices]\n")
            p = site.run("check")
            self.assertEqual(p.returncode, 1, what)
            self.assertIn("could be replaced by others", p.stderr)

    def test_the_examples_are_right(self):
        for ini in sorted((ROOT / "conf").glob("*.ini")):
            site = self.site()
            people = str(approvers(self, site, "ana", "bob"))
            text = ini.read_text().replace("/etc/kmcp/approvers", people)
            text = re.sub(r"^\[(audit|state)\].*?(?=^\[|\Z)", "", text, flags=re.M | re.S)
            site.write(text + f"\n[audit]\nfile = {site.audit}\n[state]\nfolder = {site.dir}\n")
            p = site.run("check", env={**os.environ, "KANDJI_SUBDOMAIN": "acme", "KANDJI_API_TOKEN": "x"})
            self.assertEqual(p.returncode, 0, (ini.name, p.stderr))


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Opened(Case):
    def opened(self, site, cwd, env=None):
        trace = site.dir / "trace"
        k = Kmcp(site, cwd=cwd, env=env,
                 argv=["strace", "-f", "-e", "trace=open,openat,execve", "-o", str(trace), KMCP, "--config", str(site.ini)])
        self.addCleanup(k.close)
        k.good("list_devices", {"limit": 1})
        k.close()
        return trace.read_text()

    @unittest.skipIf(os.environ.get("KMCP_NO_STRACE"), "the leak checker cannot run under strace")
    def test_what_is_not_configured_is_never_opened(self):
        site = self.site(read_only=True, plugins=("devices", "blueprints"))
        cwd = site.dir / "project"
        cwd.mkdir()
        (cwd / ".env").write_text("KANDJI_SUBDOMAIN=evil\n")
        (cwd / "kmcp.ini").write_text("[tenant]\nsubdomain = evil\n")
        text = self.opened(site, cwd)
        self.assertIn("kmcp-devices.so", text)
        for never in ("kmcp-actions.so", "kmcp-secrets.so", "kmcp-prism.so", ".env", "project/kmcp.ini"):
            self.assertNotIn(never, text)
        self.assertNotRegex(text, r'"kmcp\.ini"')
        self.assertNotIn("kmcp-digest.so", text)
        names = [t["name"] for t in list_tools(self, site)]
        self.assertFalse({"lock_device", "get_filevault_key", "query_prism"} & set(names))

    @unittest.skipIf(os.environ.get("KMCP_NO_STRACE"), "the leak checker cannot run under strace")
    def test_a_start_maps_neither_curl_nor_openssl(self):
        site = self.site()
        trace = site.dir / "trace"
        k = Kmcp(site, argv=["strace", "-f", "-e", "trace=open,openat", "-o", str(trace), KMCP, "--config", str(site.ini)])
        k.result("tools/list")
        k.close()
        self.assertNotRegex(trace.read_text(), r"libcurl|libcrypto|libssl")


def list_tools(case, site):
    return case.kmcp(site).result("tools/list")["tools"]


class Commands(Case):
    def test_help_and_manual_agree(self):
        help_text = subprocess.run([KMCP, "--help"], capture_output=True, text=True, timeout=DEADLINE).stdout
        manual = (ROOT / "core" / "kmcp.md").read_text()
        for word in sorted(set(re.findall(r"--[a-z-]+", help_text))) + ["check", "list", "dump", "call"]:
            self.assertIn(word, manual)
        for word in set(re.findall(r"--[a-z-]+", manual)):
            self.assertIn(word, help_text)

    def test_the_simulator_and_its_manual_agree(self):
        help_text = subprocess.run([TENANT, "--help"], capture_output=True, text=True, timeout=DEADLINE).stdout
        folder = ROOT / "sdk" / "tenant"
        manual = (folder / "kmcp-tenant.md").read_text()
        self.assertEqual(set(re.findall(r"--[a-z][a-z-]*", help_text)), set(re.findall(r"--[a-z][a-z-]*", manual)))
        kinds = re.findall(r'^    \{ "([a-z0-9-]+)",', (folder / "fault.c").read_text(), re.M)
        self.assertGreater(len(kinds), 30)
        for kind in kinds:
            self.assertIn(f"`{kind}`", manual)
            p = subprocess.run([TENANT, "--fault", kind, "--help"], capture_output=True, timeout=DEADLINE)
            self.assertEqual(p.returncode, 0, kind)
        for key in re.findall(r'\{ "([a-z_]+)",\s+set_', (folder / "control_set.c").read_text()):
            self.assertIn(f"`{key}`", manual)

    def test_wrong_usage_is_two(self):
        for args in (["nope"], ["--nope"], ["dump"], ["call"], ["check", "x"], ["list", "--plan-only"], ["--config"], ["--json"]):
            p = subprocess.run([KMCP, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DEADLINE)
            self.assertEqual((p.returncode, p.stdout), (2, ""), args)
            self.assertIn("kmcp: ", p.stderr)

    def test_version(self):
        p = subprocess.run([KMCP, "--version"], capture_output=True, text=True, timeout=DEADLINE)
        self.assertRegex(p.stdout, r"^kmcp \d+\.\d+\.\d+\n$")

    def test_list_is_what_a_client_sees(self):
        for read_only in (False, True):
            site = self.site(read_only=read_only)
            tools = self.kmcp(site, rev="2025-11-25").result("tools/list")["tools"]
            text, cost, check = (site.run(*args).stdout for args in (("list",), ("list", "--cost"), ("check",)))
            self.assertEqual([json.loads(line) for line in site.run("list", "--json").stdout.splitlines()], tools)
            self.assertEqual([line.split()[0] for line in text.splitlines()[:-1]], [t["name"] for t in tools])
            size = len(json.dumps(tools, separators=(",", ":"), ensure_ascii=False).encode()) - 2  # what is in the brackets
            self.assertEqual(text.splitlines()[-1], f"{size} bytes in all")
            self.assertRegex(cost, rf"\nall +{len(tools)} tools +{size} bytes")
            self.assertIn(f"offered: {len(tools)}", check)

    def test_list_and_dump(self):
        site = self.site()
        p = site.run("list")
        self.assertIn("lock_device                  WRITE", p.stdout)
        for line in site.run("list", "--json").stdout.splitlines():
            self.assertIn("inputSchema", json.loads(line))
        for plugin in ("devices", "actions", "blueprints", "prism", "secrets"):
            text = site.run("dump", plugin).stdout
            manual = (ROOT / "plugins" / plugin / f"kmcp-{plugin}.md").read_text()
            for tool in re.findall(r"^tool=(\w+)", text, re.M):
                self.assertIn(tool, manual)
            for option in re.findall(r"^option=(\w+)", text, re.M):
                self.assertIn(option, manual)
            for permission in re.findall(r'permission="([^"]+)"', text):
                self.assertIn(permission, manual)
        self.assertIn('no plugin "nosuch"', site.run("dump", "nosuch").stderr)

    def test_call(self):
        site = self.site()
        p = site.run("call", "list_devices", '{"platform": "Mac", "limit": 1}')
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn(f"1 of {self.tenant.truth()['by_platform']['Mac']} devices", p.stdout)
        self.assertEqual(site.run("call", "list_devices", "{bad").returncode, 2)
        p = site.run("call", "no_such_tool")
        self.assertEqual((p.returncode, p.stdout), (1, ""))
        d = self.device()
        args = json.dumps({"device_id": d["serial_number"], "serial_number": d["serial_number"], "confirm": True})
        p = site.run("call", "erase_device", args, "--plan-only")
        self.assertIn("nothing was done", p.stdout)
        self.assertIn(d["device_name"], p.stdout)
        p = site.run("call", "erase_device", args, stdin=subprocess.DEVNULL)
        self.assertIn("kmcp approve", p.stderr)
        self.assertEqual(self.tenant.acts(), [])

    def terminal(self, site, answer, *args):
        master, slave = pty.openpty()
        p = subprocess.Popen([KMCP, "call", *args, "--config", str(site.ini)], stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        seen = b""
        while True:
            try:
                chunk = os.read(master, 4096)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
            if b'Type "yes"' in seen and answer:
                os.write(master, answer.encode() + b"\n")
                answer = None
        os.close(master)
        return p.wait(DEADLINE), seen.decode()

    def test_call_asks_the_person_at_the_terminal(self):
        site = self.site()
        d = self.device()
        args = json.dumps({"device_id": d["serial_number"], "serial_number": d["serial_number"], "confirm": True})
        status, seen = self.terminal(site, "y", "erase_device", args)
        self.assertEqual((status, self.tenant.acts()), (1, []))
        status, seen = self.terminal(site, "yes", "erase_device", args)
        self.assertEqual(status, 0, seen)
        self.assertIn(d["device_name"], seen)
        self.assertEqual(len(self.tenant.acts()), 1)
        self.assertTrue(site.records()[-1]["consent"].startswith("terminal "))


class Cheat(Case):
    """tests/abi/cheat.c: what a plugin did not declare, or its tool's class does not allow, never leaves."""

    def test_the_client_refuses_what_was_not_declared(self):
        for read_only in (False, True):
            site = self.site(read_only=read_only, plugins=(), extra=f"[plugin cheat]\npath = {BIN.parent}/tests/abi/bad/kmcp-cheat.so")
            k = self.kmcp(site)
            self.assertIn("nothing was sent", k.bad("look_harmless"))
            self.assertIn("does not declare", k.bad("look_elsewhere"))
            self.assertIn('column 2, "OS Version", whose name is refused', k.bad("look_at_columns"))
            k.close()
            self.assertIn("refused POST /api/v1/devices/{device_id}/action/lock", k.stderr)
            self.assertIn("look_elsewhere asked for a route it does not declare; refused", k.stderr)
        self.assertEqual(self.tenant.requests(), 0)


class Cache(Case):
    def test_32_identical_cold_calls_cost_one_request(self):
        self.tenant.set(latency_ms=300)
        k = self.kmcp()
        uuid = self.tenant.truth("?device=0")["device_id"]
        waiting = [k.start("tools/call", {"name": "get_device_status", "arguments": {"device_id": uuid}}) for _ in range(32)]
        for q in waiting:
            self.assertFalse(k.finish(q)["result"].get("isError"))
        self.assertEqual(len([r for r in self.tenant.stats()["last_requests"] if "/status" in r]), 1)

    def test_ttls_come_from_the_ini(self):
        k = self.kmcp(self.site(cache="devices = 0"))
        for _ in range(3):
            k.good("list_blueprints")
            k.good("list_devices", {"limit": 1})
        lines = self.tenant.stats()["last_requests"]
        self.assertEqual(len([r for r in lines if "/blueprints" in r]), 1)
        self.assertEqual(len([r for r in lines if "/devices" in r]), 3)  # one page each: the API says how many there are

    def test_the_budget_is_kept(self):
        k = self.kmcp(self.site(limits="requests_per_hour = 3\nrequests_per_second = 50\ncall_seconds = 2", cache="compliance = 0"))
        uuid = self.tenant.truth("?device=0")["device_id"]
        answers = [k.call("get_device_status", {"device_id": uuid}) for _ in range(4)]
        self.assertIn("request limit is used up", answers[-1]["content"][0]["text"])
        self.assertLessEqual(self.tenant.requests(), 3)


if __name__ == "__main__":
    unittest.main()
