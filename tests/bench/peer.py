"""The official TypeScript SDK, from npm, and the server of peer/server.mjs on it.  SPDX-License-Identifier: Apache-2.0"""
import json
import pathlib
import shutil
import subprocess

PACKAGES = {"@modelcontextprotocol/sdk": "1.32.2", "@modelcontextprotocol/server": "2.4.0", "@modelcontextprotocol/node": "2.1.2", "zod": "4.6.7"}
SDK = {"v2": "@modelcontextprotocol/server " + PACKAGES["@modelcontextprotocol/server"],
       "v1": "@modelcontextprotocol/sdk " + PACKAGES["@modelcontextprotocol/sdk"]}
HERE = pathlib.Path(__file__).parent / "peer" / "server.mjs"


def node_version():
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip() if shutil.which("node") else "none"


def installed(folder):
    """(the server in FOLDER beside its packages, None), or (None, why there is none)."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "node and npm are not installed"
    if int(node_version()[1:].split(".")[0]) < 20:
        return None, f"node is {node_version()}, the SDK wants 20 or later"
    done, want = folder / "done", json.dumps(PACKAGES, sort_keys=True)
    if not done.exists() or done.read_text() != want:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"name": "kmcp-bench", "private": True, "type": "module"}))
        try:
            p = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", *(f"{k}@{v}" for k, v in PACKAGES.items())], cwd=folder,
                               capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            return None, "npm took more than 300 s"
        if p.returncode != 0:
            return None, "npm cannot install the SDK: " + p.stderr.strip()[-200:]
        done.write_text(want)
    shutil.copy(HERE, folder / HERE.name)
    return folder / HERE.name, None
