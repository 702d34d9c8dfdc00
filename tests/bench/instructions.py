"""Instructions, counted by valgrind: the same whatever else the machine does.  SPDX-License-Identifier: Apache-2.0"""
import pathlib
import re
import shutil
import subprocess

import programs

VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


def of_floor(argv):
    p = subprocess.run([*VALGRIND, *map(str, argv)], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
                       env={"KANDJI_API_TOKEN": programs.TOKEN, "PATH": "/usr/bin:/bin"})
    return int(re.search(r"Collected : (\d+)", p.stderr)[1])


def of_kmcp(kmcp, ini, drive):
    """What kmcp executes from its start through DRIVE(server) to its end."""
    log = pathlib.Path(ini).with_suffix(".callgrind")
    k = programs.Server([*VALGRIND, f"--log-file={log}", kmcp, "--config", ini])
    drive(k)
    k.end(60)
    return int(re.search(r"Collected : (\d+)", log.read_text())[1])


def reads(kmcp, floor, tenant, folder):
    """Of one upstream request of get_device: more of them less few of them, so that the start does not count."""
    few, many = 20, 120
    with programs.Tenant(tenant, 1000) as t:
        device = t.get("/api/v1/devices?limit=1")[0]["device_id"]
        ini = programs.site(folder, t.url, "[cache]\ndevices = 0")
        before = t.requests()
        a, b = (of_kmcp(kmcp, ini, lambda k: [k.call("get_device", {"device_id": device}) for _ in range(n)]) for n in (few, many))
        each = (t.requests() - before) / (few + many)
        urls = [f"{t.url}/api/v1/devices/{device}{more}" for more in ("", "/details")]  # what kmcp asks
        base = sum(of_floor([floor, "get", u, many]) - of_floor([floor, "get", u, few]) for u in urls) / len(urls)
        return (b - a) / (many - few) / each, base / (many - few)


def pages(kmcp, floor, tenant, folder):
    """Of one page of 300 devices in a sweep."""
    found = []
    for devices in (3000, 9000):
        with programs.Tenant(tenant, devices) as t:
            found.append((of_kmcp(kmcp, programs.site(folder, t.url), lambda k: k.call("list_devices", {"group_by": "platform"})),
                          of_floor([floor, "sweep", t.url + "/api/v1/devices", 8])))
    return tuple((big - small) / 20 for small, big in zip(*found))


def report(kmcp, floor, tenant, folder):
    if not shutil.which("valgrind"):
        print("valgrind is not installed: no instructions counted")
        return
    start = of_kmcp(kmcp, programs.site(folder, "http://127.0.0.1:1", plugins=("devices", "actions", "blueprints", "prism", "secrets")),
                    lambda k: k.ask("tools/list"))
    print("| thousands of instructions | kmcp | C floor | ratio |\n|---|---|---|---|")
    for what, value, base in (("start, five modules, one `tools/list`, end", start, of_floor([floor, "echo"])),
                              ("one upstream request of `get_device`, nothing cached", *reads(kmcp, floor, tenant, folder)),
                              ("one page of 300 devices in a sweep that counts", *pages(kmcp, floor, tenant, folder))):
        print(f"| {what} | {value / 1000:,.0f} | {base / 1000:,.0f} | {value / base:.2f} |")
