"""kill -9 at every point of an act: nothing is sent without a durable intent, no intent is lost, every open one is
settled on restart.  SPDX-License-Identifier: Apache-2.0"""
import json
import os
import shutil
import subprocess
import time
import unittest

from e2e import DEADLINE, KMCP, MODERN, PREFIX, Case

# Every system call that changes a file or sends something; the N-th of them kills the process before it happens.
STEPS = "write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,unlink,rename,link,sendto,sendmsg"


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Crash(Case):
    def traced(self, site, args, step):
        """One call by a process that dies at its STEP-th change. True if it lived to the end."""
        meta = {PREFIX + "protocolVersion": MODERN, PREFIX + "clientCapabilities": {},
                PREFIX + "clientInfo": {"name": "e2e", "version": "1"}}
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                           "params": {"name": "lock_device", "arguments": args, "_meta": meta}}) + "\n"
        p = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=" + STEPS, "-e", "signal=none", "-o", os.devnull,
                              "-e", f"inject={STEPS}:signal=SIGKILL:when={step}", KMCP, "--config", str(site.ini)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            p.stdin.write(line.encode())
            p.stdin.flush()
            answer = p.stdout.readline()
            p.stdin.close()
        except BrokenPipeError:
            answer = b""
        p.stdout.close()
        p.wait(DEADLINE)
        return bool(answer)

    def settled(self, site):
        """A fresh server settles what is open, by itself."""
        with self.kmcp(site) as k:
            k.good("list_devices", {"limit": 1})
            end = time.monotonic() + DEADLINE
            while time.monotonic() < end:
                text = site.run("acts").stdout
                if "still under way" not in text:
                    return text
        raise AssertionError(text)

    def test_every_step(self):
        lived = 0
        step = 0
        outcomes = set()
        while lived < 2:
            step += 1
            self.assertLess(step, 400)
            site = self.site(policy="[rule all]\nthen = allow")
            d = self.device("platform:Mac")
            self.tenant.reset()
            alive = self.traced(site, {"device_id": d["device_id"], "confirm": True}, step)
            lived = lived + 1 if alive else 0
            sent = len(self.tenant.acts())
            self.assertLessEqual(sent, 1)
            intents = {r["id"] for r in site.whole_records() if r["event"] == "intent"}
            if sent:
                self.assertEqual(len(intents), 1, f"step {step}: sent without an intent on record")
            text = self.settled(site)
            records = site.whole_records()
            ended = {r["id"] for r in records if r["event"] in ("outcome", "resolved")}
            self.assertLessEqual(intents, ended, f"step {step}: an intent without an end: {text}")
            ends = [r for r in records if r["event"] in ("outcome", "resolved")]
            if sent and not alive:
                self.assertRegex(json.dumps(ends), "it was received|\"result\": ?\"ok\"", f"step {step}")
            outcomes.add((sent, alive, bool(intents)))
            # the same call again: never a second request for an act that was received
            with self.kmcp(site) as k:
                k.call("lock_device", {"device_id": d["device_id"], "confirm": True})
            self.assertLessEqual(len(self.tenant.acts()), 1, f"step {step}")
        self.assertIn((0, False, False), outcomes)
        self.assertIn((1, False, True), outcomes)
        self.assertIn((1, True, True), outcomes)


if __name__ == "__main__":
    unittest.main()
