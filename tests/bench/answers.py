"""Bytes that kmcp's words cost a model: its tool definitions, and its answers to eight questions about 5,000 devices.  SPDX-License-Identifier: Apache-2.0"""
import json
import re

import programs

MODULES = ("devices", "actions", "blueprints", "prism", "secrets")


def questions(t):
    """(question, tool, arguments, what the answer must hold, bytes of the least correct answer, of the incumbent's)."""
    truth, mac = t.get("/__truth"), t.get("/__truth?find=platform:Mac")
    failing = t.get("/__truth?compliance=1")["by_platform"]
    device = {"device_id": mac["device_id"]}
    stale = str(truth["not_seen_days"]["7"])
    return (
        ("Macs per OS version", "list_devices", {"platform": "Mac", "group_by": "os_version"},
         [f"{v}\t{n}" for v, n in truth["by_platform_os"]["Mac"].items()], 182, "450,412"),
        ("not seen for 7 days", "list_devices", {"where": ["last_check_in < -7d"], "fields": "name,last_check_in"}, [stale], 3385, "449,348"),
        ("one device", "get_device", device, [mac["serial_number"], mac["os_version"]], 1016, "2,800"),
        ("its apps", "get_device_apps", device, ["\t"], 1780, "crashes"),
        ("lock it", "lock_device", {**device, "confirm": True}, [mac["device_id"], "secret:"], 86, "loses the PIN"),
        ("compliance of the fleet", "get_compliance_summary", {}, [str(v["failing"]) for v in failing.values()], 274, "wrong"),
        ("blueprints", "list_blueprints", {}, [b["name"] for b in truth["by_blueprint"].values()], 1158, "6,832"),
        ("by serial number", "list_devices", {"serial_number": mac["serial_number"]}, [mac["device_id"]], 336, "says 0"))


def definitions(kmcp, folder, url):
    print("| `tools/list`, five modules | tools | bytes | goal |\n|---|---|---|---|")
    for what, read_only in (("default settings (`read_only = yes`)", True), ("`read_only = no`", False)):
        with programs.Server([kmcp, "--config", programs.site(folder, url, plugins=MODULES, read_only=read_only)]) as k:
            tools = k.ask("tools/list")["tools"]
            size = len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")).encode())
            print(f"| {what} | {len(tools)} | {size:,} | 11,264 (the incumbent's 11,066) |")


def answers(kmcp, folder, t):
    print("\n| question, 5,000 devices | call | bytes of the text | least correct | ratio (goal 2) | incumbent |\n|---|---|---|---|---|---|")
    with programs.Server([kmcp, "--config", programs.site(folder, t.url, plugins=MODULES, read_only=False)]) as k:
        for question, tool, arguments, must, least, incumbent in questions(t):
            text = "".join(c.get("text", "") for c in k.call(tool, arguments)["content"])
            text = re.sub(r" --config \S+?(?=`)", "", text)  # said where the INI is in no usual place, as here
            missing = [m for m in must if m not in text]
            size, note = len(text.encode()), " (first rows, says `next`)" if "next: " in text.split("\n")[0] else ""
            if missing:
                note = f" WRONG: lacks {missing[0]!r}"
            print(f"| {question} | `{tool} {json.dumps(arguments)}` | {size:,}{note} | {least:,} | "
                  f"{size / least:.2f} | {incumbent} |")


def report(kmcp, tenant, folder):
    with programs.Tenant(tenant, 5000) as t:
        definitions(kmcp, folder, t.url)
        answers(kmcp, folder, t)
