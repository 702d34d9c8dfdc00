"""Questions about the fleet: answered as the tenant counts it, for few bytes and few requests.  SPDX-License-Identifier: Apache-2.0"""
import collections
import csv
import datetime
import hashlib
import io
import json
import pathlib
import re
import stat
import time
import unittest

from e2e import KMCP, Case, HttpSession, Kmcp, Proxy, pin_pattern

DOC = pathlib.Path(__file__).parents[2] / "docs" / "asking.md"
TEXT = "[server]\nstructured_content = no\n"  # as it comes; what is measured is what a model reads
PAGE = 300
# The most an answer may have: twice the least correct one.
MOST = {"Macs per OS version": 2 * 182, "not seen for 7 days": 2 * 3385, "one device": 2 * 1016, "its apps": 2 * 1780,
        "lock": 2 * 86, "compliance": 2 * 274, "blueprints": 2 * 1158, "by serial": 2 * 336}


def table(text):
    """The sentence, the columns and the rows of an answer."""
    lines = text.split("\n")
    return lines[0], lines[1].split("\t") if len(lines) > 1 else [], [line.split("\t") for line in lines[2:] if "\t" in line or line and not line.startswith("next: ")]


def counts(text):
    """A table of groups as {cells: count}."""
    _, columns, rows = table(text)
    at = columns.index("count")
    return {tuple(r[:at]) if at > 1 else r[0]: int(r[at]) for r in rows}


def matched(text):
    return int(re.match(r"(?:\d+ of )?(?:at least )?(\d+) ", text).group(1))


def next_of(text):
    found = re.search(r"next: (\S+)", text)
    return found.group(1) if found else None


def numbers(version):
    return [int(n) for n in re.findall(r"\d+", version)]


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


class Asking(Case):
    def client(self, extra=TEXT, **kw):
        ask = kw.pop("ask", None)
        return self.kmcp(self.site(extra=extra, **kw), ask=ask)

    @classmethod
    def fleet(cls):
        """All devices, as the API lists them."""
        if not cls.__dict__.get("_fleet"):
            cls._fleet, offset = [], 0
            while len(rows := cls.tenant.get(f"/api/v1/devices?limit={PAGE}&offset={offset}")):
                cls._fleet += rows
                offset += PAGE
        return cls._fleet

    def now(self):
        return when(self.tenant.truth()["now"])

    def walk(self, k, args, column=-1):
        """One column of all pages, following next."""
        seen, at, texts = [], {}, []
        while True:
            texts.append(k.text("list_devices", {**args, **at}))
            seen += [row[column] for row in table(texts[-1])[2]]
            at = {"next": next_of(texts[-1])}
            if not at["next"]:
                return seen, texts
            self.assertLess(len(texts), 600)


    def requests_of(self, chosen):
        rows = re.findall(r"^\| `(\w+)` \| `(\{.*\})` \| (\d+)\b", DOC.read_text(), re.M)
        self.assertGreater(len(rows), 12)
        mac = self.device("platform:Mac,online:yes")
        for tool, args, expected in rows:
            args = json.loads(args.replace("UUID", mac["device_id"]).replace("SERIAL", mac["serial_number"]))
            if chosen(tool):
                with self.subTest(tool=tool, args=args), Kmcp(self.site(extra=TEXT)) as k:
                    self.tenant.reset()
                    k.good(tool, args)
                    self.assertEqual(self.tenant.requests(), int(expected))


class Questions:
    """The eight questions; what does not grow with the fleet is asked of a large one as well."""
    GROWS = False

    def say(self, what, text, wall):
        text = re.sub(r" --config \S+?(?=`)", "", text)  # not where it is installed
        size = len(text.encode())
        print(f"\n{self.TENANT_ARGS[1]} devices, {what}: {size} bytes, {self.tenant.requests()} requests, {wall:.2f} s", end="", flush=True)
        self.assertLessEqual(size, MOST[what], text)

    def ask(self, what, tool, args, **kw):
        k = self.client(limits="requests_per_hour = 1000000000\nrequests_per_second = 1000000\ncall_seconds = 120", **kw)
        self.tenant.reset()
        start = time.monotonic()
        text = k.text(tool, args)
        self.say(what, text, time.monotonic() - start)
        return text

    def test_macs_per_os_version(self):
        text = self.ask("Macs per OS version", "list_devices", {"platform": "Mac", "group_by": "os_version"})
        truth = self.tenant.truth()
        self.assertEqual(counts(text), truth["by_platform_os"]["Mac"])
        self.assertEqual(list(counts(text).values()), sorted(counts(text).values(), reverse=True))
        self.assertEqual(matched(text), truth["by_platform"]["Mac"])
        self.assertNotIn("INCOMPLETE", text)

    def test_not_seen_for_7_days(self):
        before = self.tenant.truth()["not_seen_days"]["7"]
        text = self.ask("not seen for 7 days", "list_devices", {"where": ["last_check_in < -7d"]})
        self.assertTrue(before <= matched(text) <= self.tenant.truth()["not_seen_days"]["7"], text[:80])
        _, columns, rows = table(text)
        self.assertEqual((len(rows), next_of(text)), (50, "50"))
        now = when(self.tenant.truth()["now"])
        for row in rows:
            d = self.tenant.truth("?device_id=" + row[columns.index("device_id")])
            self.assertEqual(d["serial_number"], row[columns.index("serial_number")])
            self.assertEqual(row[columns.index("last_check_in")] == "never", not d["last_check_in"])
            self.assertTrue(not d["last_check_in"] or now - when(d["last_check_in"]) > datetime.timedelta(days=7))

    def test_one_device(self):
        d = self.tenant.truth("?device=321")
        text = self.ask("one device", "get_device", {"device_id": d["device_id"]})
        said = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        for key in ("device_id", "device_name", "serial_number", "platform", "model", "os_version", "blueprint_name"):
            self.assertEqual(said[key], d[key])
        for key in ("user_name", "user_email"):
            self.assertEqual(said.get(key), d[key])

    def test_its_apps(self):
        d = self.tenant.find("platform:Mac,nth:20")
        apps = self.tenant.get(f"/api/v1/devices/{d['device_id']}/apps")["apps"]
        text = self.ask("its apps", "get_device_apps", {"device_id": d["device_id"]})
        self.assertEqual(matched(text), len(apps))
        k, rows, at = self.client(), [], {}
        while at is not None:
            text = k.text("get_device_apps", {"device_id": d["device_id"], **at})
            rows += table(text)[2]
            at = {"next": next_of(text)} if next_of(text) else None
        self.assertEqual([r[0] for r in rows], [a["app_name"] for a in apps])

    def test_lock(self):
        d = self.device()
        text = self.ask("lock", "lock_device", {"device_id": d["device_id"], "confirm": True}, ask="accept")
        self.assertEqual(len(self.tenant.acts()), 1)
        self.assertRegex(text, "secret:[a-z2-7]{16}")
        self.assertNotRegex(text, pin_pattern(self.tenant.truth("?device_id=" + d["device_id"])["pin"]))

    def test_by_serial(self):
        d = self.tenant.truth("?device=4321")
        text = self.ask("by serial", "list_devices", {"serial_number": d["serial_number"]})
        _, columns, rows = table(text)
        self.assertEqual(len(rows), 1)
        row = dict(zip(columns, rows[0]))
        self.assertEqual((row["device_id"], row["os_version"]), (d["device_id"], d["os_version"]))


class Five(Questions, Asking):
    TENANT_ARGS = ("--devices", 5000)

    def test_compliance(self):
        text = self.ask("compliance", "get_compliance_summary", {})
        truth = self.tenant.truth("?compliance=1")
        self.assertTrue(text.startswith("5000 of 5000 devices, as of"), text)
        said = {row[0]: [int(n) for n in row[1:]] for row in table(text.split("\n\n")[0])[2]}
        self.assertEqual(said, {p: [c["devices"], c["failing"], c["waiting"], c["none_failed"] - c["waiting"], c["nothing_applies"]]
                                for p, c in truth["by_platform"].items()})
        heading = text.split("\n\n")[1].split("\t")[0]
        self.assertGreaterEqual(int(re.fullmatch(r"fails most \(5 of (\d+)\)", heading).group(1)), len(truth["most_failing"]))
        worst = [line.split("\t") for line in text.split("\n\n")[1].split("\n")[1:]]
        self.assertEqual([(n, k == "parameter", int(c)) for n, k, c in worst],
                         [(i["name"], i["kind"] == "parameter", i["devices"]) for i in truth["most_failing"][:len(worst)]])
        self.assertEqual(len(worst), 5)

    def test_blueprints(self):
        text = self.ask("blueprints", "list_blueprints", {})
        _, columns, rows = table(text)
        said = {r[columns.index("name")]: int(r[columns.index("devices")]) for r in rows}
        self.assertEqual(said, {b["name"]: b["count"] for b in self.tenant.truth()["by_blueprint"].values()})

    def test_requests_are_those_of_the_table(self):
        """docs/asking.md says what each question costs upstream."""
        self.requests_of(lambda tool: tool != "lock_device")

    def test_summary_is_the_truth(self):
        truth = self.tenant.truth()
        sections = self.client().text("summarize_fleet").split("\n\n")
        said = [counts(("x\n" if i else "") + s) for i, s in enumerate(sections)]
        platforms, versions, ages, agents, blueprints, vault = said
        self.assertEqual(platforms, truth["by_platform"])
        self.assertEqual(versions, {(p, v): n for p, os_ in truth["by_platform_os"].items() for v, n in os_.items()})
        self.assertEqual(set(ages), {a if a == "never" else a + " d" for a in truth["check_in_age_days"]})
        self.assertEqual(sum(ages.values()), 5000)
        self.assertEqual(ages["never"], truth["never_checked_in"])
        self.assertEqual({a: n for a, n in agents.items() if a != "(none)"}, truth["agent_versions"])
        self.assertEqual(blueprints, {b["name"]: b["count"] for b in truth["by_blueprint"].values() if b["count"]})
        self.assertEqual(vault, {"on": truth["filevault"]["on"], "off": truth["filevault"]["off"]})


class Hundred(Questions, Asking):
    TENANT_ARGS = ("--devices", 100000)


del Questions


class Acted(Asking):
    """Its devices check in when they have done what they were told, so they are not those of other tests."""
    TENANT_ARGS = ("--devices", 5000)

    def test_requests_are_those_of_the_table(self):
        self.requests_of(lambda tool: tool == "lock_device")

    def test_no_view_is_stale_after_an_act(self):
        d = self.device()
        h = self.http(self.site(extra=TEXT))
        one, two = HttpSession(h), HttpSession(h)

        def call(session, tool, **args):
            r = session.result("tools/call", {"name": tool, "arguments": args})
            self.assertFalse(r.get("isError"), r)
            return r["content"][0]["text"]

        def views(session):
            return [call(session, "list_devices", serial_number=d["serial_number"]),
                    call(session, "list_devices", platform="Mac", group_by="asset_tag", limit=1000, where=["asset_tag ~ renamed"]),
                    call(session, "get_device", device_id=d["device_id"]), call(session, "get_device_status", device_id=d["device_id"])]

        old = views(one) + views(two)
        self.tenant.set(device={"device_id": d["device_id"], "device_name": "renamed since", "asset_tag": "renamed-1"})
        self.assertEqual(views(one) + views(two), old)  # they are cached
        call(one, "restart_device", device_id=d["device_id"], confirm=True)
        for session in (two, one):
            self.tenant.reset()
            found, groups, record, _ = views(session)
            self.assertIn("renamed since", found)
            self.assertIn("renamed-1\t1", groups)
            self.assertIn("device_name: renamed since", record)
            if session is two:
                self.assertTrue([r for r in self.tenant.stats()["last_requests"] if d["device_id"] + "/status" in r])
        self.__class__._fleet = None

    # ---- faults and parts ----


class Engine(Asking):
    TENANT_ARGS = ("--devices", 5000)

    # ---- one question, many callers ----

    def test_32_identical_cold_calls(self):
        for args, requests in (({"platform": "Mac", "limit": 5}, 1), ({"group_by": "platform"}, -(-5000 // PAGE))):
            self.tenant.set(latency_ms=100)
            k = self.client()
            self.tenant.reset()
            waiting = [k.start("tools/call", {"name": "list_devices", "arguments": args}) for _ in range(32)]
            texts = {k.finish(q)["result"]["content"][0]["text"] for q in waiting}
            self.assertEqual(self.tenant.requests(), requests, args)
            self.assertEqual(len({re.sub("as of [^;\n]*", "", t) for t in texts}), 1)

    def test_429s_slow_a_sweep_and_lose_nothing(self):
        self.tenant.set(faults=["429bare,path=/devices,after=4,count=3"])
        k = self.client()
        text = k.text("list_devices", {"group_by": "platform"})
        self.assertEqual(counts(text), self.tenant.truth()["by_platform"])
        self.assertNotIn("INCOMPLETE", text)
        self.assertEqual(self.tenant.requests(), -(-5000 // PAGE) + 3)

    def test_a_partial_answer_goes_on_where_it_said(self):
        args = {"where": ["last_check_in < -30d"], "fields": "device_id", "limit": 1000}
        whole = self.walk(self.client(), args)[0]
        self.tenant.set(faults=["500,path=/devices,after=5"])
        k = self.client(limits="call_seconds = 3")
        text = k.text("list_devices", args)
        first, place = [r[0] for r in table(text)[2]], next_of(text)
        self.assertIn("INCOMPLETE", text)
        self.assertIn("500", text.split("\n")[0])
        self.assertRegex(place, r"^@\d+$")
        groups = k.text("list_devices", {"group_by": "platform"})
        self.assertRegex(groups, r"\nnext: @\d+ \(counts the rest; add the two\)$")
        self.tenant.set(faults=[])
        k = self.client()
        rest = k.text("list_devices", {**args, "next": place})
        self.assertIn(f"from {place} on", rest)
        self.assertEqual(first + [r[0] for r in table(rest)[2]], whole)
        more = k.text("list_devices", {"group_by": "platform", "next": next_of(groups)})
        both = collections.Counter(counts(groups)) + collections.Counter(counts(more))
        self.assertEqual(dict(both), self.tenant.truth()["by_platform"])

    def test_parts_and_pages_together_are_the_whole(self):
        """Each answer reads 1,500 rows at the most and shows 20: every row comes once."""
        args = {"where": ["last_check_in < -30d"], "fields": "device_id", "limit": 20}
        whole = self.walk(self.client(), args)[0]
        seen, texts = self.walk(self.client(limits="sweep_rows = 1500"), args)
        self.assertTrue([t for t in texts if re.search(r"next: \d+@\d+", t)])
        self.assertEqual(seen, whole)
        self.assertEqual(len(set(whole)), len(whole))

    def test_a_cancelled_sweep_stops_asking(self):
        self.tenant.set(latency_ms=300)
        k = self.client()
        k.start("tools/call", {"name": "list_devices", "arguments": {"group_by": "platform"}}, request_id="long")
        self.until(lambda: self.tenant.requests() > 0, "the first page")
        k.notify("notifications/cancelled", {"requestId": "long"})
        for _ in range(3):  # takes longer than what was under way
            k.good("get_blueprint", {"blueprint_id": sorted(self.tenant.truth()["by_blueprint"])[_]})
        pages = [r for r in self.tenant.stats()["last_requests"] if "/devices" in r]
        self.assertLessEqual(len(pages), 9)

    def test_progress_grows(self):
        k = self.client()
        k.finish(k.start("tools/call", {"name": "list_devices", "arguments": {"max": "last_check_in"}}, meta={"progressToken": "p"}))
        done = [(n["params"]["progress"], n["params"].get("total")) for n in k.notes if n["method"] == "notifications/progress"]
        self.assertGreater(len(done), 2)
        self.assertEqual([p for p, _ in done], sorted({p for p, _ in done}))
        self.assertEqual(done[-1][1], 5000)

    # ---- conditions ----

    def test_every_operator(self):
        fleet = self.fleet()
        now = None

        def age(days, late=False):  # without a check-in: before all others
            return lambda d: (not when(d["last_check_in"]) or now - when(d["last_check_in"]) > datetime.timedelta(days=days)) != late

        def mail(d):
            return (d.get("user") or {}).get("email") or ""

        day = sorted(d["last_check_in"] for d in fleet if d["last_check_in"])[700][:10]
        cases = [
            (["platform = Mac"], lambda d: d["platform"] == "Mac"), (["platform != Mac"], lambda d: d["platform"] != "Mac"),
            (["platform ~ phone"], lambda d: d["platform"] == "iPhone"), (["platform !~ i"], lambda d: "i" not in d["platform"].lower()),
            (["name ~ MACBOOK"], lambda d: "macbook" in d["device_name"].lower()),
            ([f"name = {fleet[5]['device_name']}"], lambda d: d["device_name"] == fleet[5]["device_name"]),
            (["os_version = 26.1"], lambda d: d["os_version"] == "26.1"), (["os_version ~ 14"], lambda d: numbers(d["os_version"])[0] == 14),
            (["os_version >= 15.6"], lambda d: numbers(d["os_version"]) >= [15, 6]), (["os_version < 14.10"], lambda d: numbers(d["os_version"]) < [14, 10]),
            (["os_version > 26.1"], lambda d: numbers(d["os_version"]) > [26, 1]), (["os_version <= 12.7.6"], lambda d: numbers(d["os_version"]) <= [12, 7, 6]),
            (["last_check_in < -7d"], age(7)), (["last_check_in <= -12h"], age(0.5)), (["last_check_in > -4w"], age(28, True)),
            (["last_check_in >= -1y"], age(365.25, True)), (["last_check_in ="], lambda d: not d["last_check_in"]),
            (["last_check_in !="], lambda d: d["last_check_in"]), ([f"last_check_in = {day}"], lambda d: (d["last_check_in"] or "")[:10] == day),
            ([f"last_check_in <= {day}"], lambda d: (d["last_check_in"] or "")[:10] <= day),
            ([f"last_check_in > {day}"], lambda d: (d["last_check_in"] or "")[:10] > day),
            ([f"last_check_in >= {day}T12:00Z"], lambda d: (d["last_check_in"] or "") >= day + "T12:00"),
            (["user_email ="], lambda d: not mail(d)), (["user_email !=", "platform = iPad"], lambda d: mail(d) and d["platform"] == "iPad"),
            (["tag = Finance"], lambda d: "Finance" in d["tags"]), (["tag != Finance"], lambda d: "Finance" not in d["tags"]),
            (["tag ~ finance"], lambda d: {"Finance", "finance"} & set(d["tags"])), (["tag ="], lambda d: not d["tags"]),
            (["mdm_enabled = no"], lambda d: not d["mdm_enabled"]), (["agent_installed = yes"], lambda d: d["agent_installed"]),
            (["agent_version >= 4.6"], lambda d: d["agent_version"] and numbers(d["agent_version"]) >= [4, 6]),
            (["agent_version ="], lambda d: not d["agent_version"]),
            (["first_enrollment >= 2025-01-01", "first_enrollment < 2026-01-01"], lambda d: d["first_enrollment"][:4] == "2025"),
        ]
        k = self.client()
        for where, holds in cases:
            with self.subTest(where=where):
                so = []
                for _ in range(3):
                    now = self.now()
                    so.append(sum(1 for d in fleet if holds(d)))
                    said = matched(k.text("list_devices", {"where": where, "limit": 0}))
                    if said == so[-1]:
                        break
                self.assertEqual(said, so[-1])

    def test_arguments_select_as_their_conditions(self):
        k, fleet = self.client(), self.fleet()
        for args, holds in (({"os_version": "14."}, lambda d: numbers(d["os_version"])[0] == 14),
                            ({"os_version": "macOS 14"}, lambda d: numbers(d["os_version"])[0] == 14),
                            ({"name": "ipad"}, lambda d: "ipad" in d["device_name"].lower()),
                            ({"blueprint_id": "Sales"}, lambda d: d["blueprint_name"] == "Sales"),
                            ({"tag": "finance", "platform": "Mac"}, lambda d: "finance" in d["tags"] and d["platform"] == "Mac")):
            with self.subTest(args=args):
                self.assertEqual(matched(k.text("list_devices", {**args, "limit": 0})), sum(1 for d in fleet if holds(d)))

    def test_nothing_found_says_how_it_was_compared(self):
        k = self.client()
        for where in ("platform = mac", "tag = FINANCE"):
            text = k.text("list_devices", {"where": [where]})
            self.assertEqual(matched(text), 0)
            self.assertIn(f'none of all devices has that "{where.split()[0]}", compared letter for letter, capitals included', text)
        self.assertNotIn("letter for letter", k.text("list_devices", {"where": ["name = nobody's"]}))
        self.assertIn('none of all devices has that "blueprint", compared as a whole; group_by shows which there are',
                      k.text("list_devices", {"blueprint_id": "Nope", "limit": 0}))
        for more in ({"platform": "Mac"}, {"user": "nobody"}, {"filevault_enabled": True}):  # it may be another that none meets
            self.assertIn('"blueprint" was compared as a whole;', k.text("list_devices", {"blueprint_id": "Nope", **more}))

    def test_an_argument_is_no_column(self):
        self.assertIn('it is an argument of its own: {"filevault_enabled": ...}',
                      self.client().bad("list_devices", {"where": ["filevault_enabled = no"]}))
        self.assertIn('there is an argument for it: {"filevault_enabled": ...}',
                      self.client().bad("list_devices", {"where": ["filevault = no"]}))

    def test_commands_are_asked_like_any_list(self):
        k = self.client()
        for nth in range(40):  # one with a command that failed
            d = self.tenant.find(f"platform:Mac,nth:{nth}")
            commands = self.tenant.get(f"/api/v1/devices/{d['device_id']}/commands?limit={PAGE}")["commands"]["results"]
            failed = [c for c in commands if c["status"] == 4]
            if failed and len(commands) > 6:
                break

        def ask(**args):
            return k.text("get_device_commands", {"device_id": d["device_id"], **args})

        seen, at = [], {}
        while at is not None:
            text = ask(limit=4, **at)
            self.assertEqual(table(text)[1], ["requested", "type", "status", "completed", "error"])
            seen += table(text)[2]
            at = {"next": next_of(text)} if next_of(text) else None
        words = {1: "pending", 2: "sent", 3: "done", 4: "failed", 5: "not_now"}
        newest = sorted(commands, key=lambda c: c["date_requested"], reverse=True)
        self.assertEqual([(r[1], r[2]) for r in seen], [(c["request_type"], words[c["status"]]) for c in newest])
        self.assertEqual([r[0][:16] for r in seen], [c["date_requested"][:16] for c in newest])
        self.assertEqual({r[4] for r in seen if r[2] == "failed"}, {failed[0]["error_chain"][0]["us_english_description"]})
        for where, n in (("status = failed", len(failed)), ("status = FAILED", len(failed)), ("status = 4", len(failed)),
                         ("status != failed", len(commands) - len(failed)), ("status ~ on", len(commands) - len(failed)),  # done
                         ("error !=", len(failed)), ("status = not_now", 0), ("completed !=", len(commands))):
            self.assertEqual(matched(ask(where=[where], limit=0)), n, where)
        kind = newest[0]["request_type"]
        self.assertEqual(matched(ask(request_type=kind[:-1].lower(), limit=1)),
                         sum(1 for c in commands if kind[:-1].lower() in c["request_type"].lower()))

    # ---- order and windows ----

    def test_sorting_and_windows(self):
        k, fleet = self.client(), self.fleet()

        def seen(d):  # to the millisecond, as kmcp compares
            return int(when(d["last_check_in"]).timestamp() * 1000) if d["last_check_in"] else 0

        keys = {"os_version": lambda d: numbers(d["os_version"]), "last_check_in": seen,
                "model": lambda d: (d["model"] or "").lower()}
        for column, key in keys.items():
            for down in (False, True):
                order = [d["device_id"] for d in sorted(fleet, key=key, reverse=down)]  # stable both ways
                for offset, limit in ((0, 30), (17, 40), (4990, 50), (5000, 5)):
                    text = k.text("list_devices", {"sort": ("-" if down else "") + column, "fields": "device_id", "offset": offset, "limit": limit})
                    got, end = [r[0] for r in table(text)[2]], min(offset + limit, 5000)
                    self.assertEqual(got, order[offset:end], (column, down, offset))
                    self.assertEqual(next_of(text), str(end) if end < 5000 else None)

    def test_groups(self):
        k, fleet = self.client(), self.fleet()
        now = self.now()

        def age(d):
            days = (now - when(d["last_check_in"])).total_seconds() / 86400 if d["last_check_in"] else None
            return "never" if days is None else next((n for top, n in ((1, "0-1 d"), (7, "1-7 d"), (30, "7-30 d"), (90, "30-90 d")) if days < top), "90+ d")

        month, tags = (lambda d: (d["last_check_in"] or "never")[:7]), (lambda d: d["tags"] or ["(none)"])
        for by, key in (("platform", lambda d: [d["platform"]]), ("os_version:major", lambda d: [d["os_version"].split(".")[0]]),
                        ("last_check_in:age", lambda d: [age(d)]), ("last_check_in:month", lambda d: [month(d)]),
                        ("last_check_in:day", lambda d: [(d["last_check_in"] or "never")[:10]]), ("tag", tags),
                        ("platform,os_version", lambda d: [(d["platform"], d["os_version"])]),
                        ("platform,last_check_in:month,tag", lambda d: [(d["platform"], month(d), t) for t in tags(d)])):
            with self.subTest(by=by):
                for _ in range(3):  # time goes on: a device may grow a day older meanwhile
                    now = self.now()
                    said = counts(k.text("list_devices", {"group_by": by, "limit": 1000}))
                    so = dict(collections.Counter(v for d in fleet for v in key(d)))
                    if said == so:
                        break
                self.assertEqual(said, so)
        self.assertIn(' groups (one with several values of "tag" counts in each), as of', k.text("list_devices", {"group_by": "platform,tag"}))
        self.assertNotIn("counts in each", k.text("list_devices", {"group_by": "platform"}))
        ages = list(counts(k.text("list_devices", {"group_by": "last_check_in:age"})))
        self.assertEqual(ages, ["0-1 d", "1-7 d", "7-30 d", "30-90 d", "90+ d", "never"])
        rare = [int(r[-1]) for r in table(k.text("list_devices", {"group_by": "os_version", "sort": "count", "limit": 5}))[2]]
        self.assertEqual(rare, sorted(collections.Counter(d["os_version"] for d in fleet).values())[:5])
        self.assertIsNone(next_of(k.text("list_devices", {"group_by": "platform", "limit": 0})))

    def test_extremes(self):
        k, fleet = self.client(), self.fleet()
        _, columns, rows = table(k.text("list_devices", {"platform": "Mac", "min": "os_version", "max": "os_version,last_check_in"}))
        macs = [d for d in fleet if d["platform"] == "Mac"]
        self.assertEqual(columns, ["count", "min os_version", "max os_version", "max last_check_in"])
        versions = sorted((d["os_version"] for d in macs), key=numbers)
        self.assertEqual(rows, [[str(len(macs)), versions[0], versions[-1], max(d["last_check_in"] or "" for d in macs)[:16] + "Z"]])
        _, columns, rows = table(k.text("list_devices", {"group_by": "platform", "max": "last_enrollment"}))
        for platform, _, latest in rows:
            self.assertEqual(latest[:10], max(d["last_enrollment"] for d in fleet if d["platform"] == platform)[:10])

    # ---- large answers ----

    def test_a_cut_answer_goes_on(self):
        k = self.client(extra=TEXT + "answer_bytes = 3000\n")
        for args in ({"platform": "iPad", "limit": 1000}, {"platform": "iPad", "where": ["last_check_in < -1d"], "limit": 1000}):
            seen, texts = self.walk(k, args)
            self.assertLessEqual(max(len(t.encode()) for t in texts), 3000)
            self.assertIn("cut", texts[0].split("\n")[0])
            self.assertEqual(len(seen), len(set(seen)))
            self.assertEqual(len(seen), matched(texts[0]))
        seen, texts = self.walk(k, {"group_by": "model,os_version", "limit": 1000}, column=slice(0, 2))
        self.assertGreater(len(texts), 1)
        self.assertEqual(sorted(map(tuple, seen)), sorted({(d["model"] or "(none)", d["os_version"]) for d in self.fleet()}))

    def exports(self, **more):
        folder = self.site().dir / "out"
        folder.mkdir(mode=0o700)
        extra = "".join(f"{n} = {v}\n" for n, v in more.items())
        return folder, TEXT + f"[export]\nfolder = {folder}\n{extra}"

    def test_files(self):
        folder, extra = self.exports()
        d = self.device("platform:iPad")
        self.tenant.set(device={"device_id": d["device_id"], "device_name": "=HYPERLINK(\"http://x\",\"y\"), or", "asset_tag": "+1"})
        self.__class__._fleet = None
        k = self.client(extra=extra)
        args = {"platform": "iPad", "fields": "device_id,name,asset_tag,last_check_in", "limit": 3}
        for form in ("csv", "jsonl"):
            text = k.text("list_devices", {**args, "format": form})
            path = pathlib.Path(re.search(r"to (\S+) \(", text).group(1))
            data, manifest = path.read_bytes(), json.loads(pathlib.Path(str(path) + ".manifest.json").read_text())
            n = self.tenant.truth()["by_platform"]["iPad"]
            self.assertIn(f"wrote {n} devices", text)
            self.assertEqual((path.parent, path.suffix), (folder, "." + form))
            self.assertEqual(manifest["sha256"], hashlib.sha256(data).hexdigest())
            self.assertIn(manifest["sha256"], text)
            self.assertEqual((manifest["rows"], manifest["bytes"], manifest["complete"], manifest["format"]), (n, len(data), True, form))
            self.assertEqual((manifest["file"], manifest["tool"], manifest["redact_pii"]), (path.name, "list_devices", "no"))
            self.assertEqual(manifest["query"], {**args, "format": form})
            self.assertEqual(manifest["columns"], args["fields"].split(","))
            for one in folder.iterdir():
                self.assertEqual(stat.S_IMODE(one.stat().st_mode), 0o600)
            if form == "csv":
                rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
                mine = next(r for r in rows if r["device_id"] == d["device_id"])
                self.assertEqual((mine["name"], mine["asset_tag"]), ("'=HYPERLINK(\"http://x\",\"y\"), or", "'+1"))
            else:
                rows = [json.loads(line) for line in data.decode().splitlines()]
                mine = next(r for r in rows if r["device_id"] == d["device_id"])
                self.assertEqual(mine["asset_tag"], "+1")
            self.assertEqual(len({r["device_id"] for r in rows}), n)
        self.assertEqual(len(list(folder.iterdir())), 4)

    def test_a_formula_behind_a_tab_or_in_wide_signs(self):
        d = self.device("platform:Mac")
        for name, cell in (("\t=1+1", "' =1+1"), ("＝1+1", "'＝1+1"), ("＋1", "'＋1"), ("－1", "'－1"), ("＠x", "'＠x")):
            self.tenant.set(device={"device_id": d["device_id"], "device_name": name})
            self.__class__._fleet = None
            folder, extra = self.exports()
            self.client(extra=extra).text("list_devices", {"format": "csv", "fields": "name,device_id", "where": ["device_id = " + d["device_id"]]})
            self.assertEqual(next(folder.glob("*.csv")).read_text().splitlines()[1], f"\"{cell}\",{d['device_id']}")

    def test_a_folder_with_too_long_a_name(self):
        folder, _ = self.exports()
        for n in (160, 160, 160, 165):
            folder = folder / ("d" * n)
            folder.mkdir(mode=0o700)
        self.assertIn("too long", self.client(extra=TEXT + f"[export]\nfolder = {folder}\n").bad("list_devices", {"format": "csv"}))
        self.assertEqual((list(folder.iterdir()), len(list(folder.parent.iterdir()))), ([], 1))

    def test_a_partial_file_says_so(self):
        folder, extra = self.exports()
        k = self.client(extra=extra, limits="sweep_rows = 600")
        self.assertIn("INCOMPLETE", k.text("list_devices", {"format": "csv"}))
        manifest = json.loads(next(folder.glob("*.manifest.json")).read_text())
        self.assertEqual((manifest["complete"], manifest["rows"], manifest["next"]), (False, 600, "@600"))
        self.assertIn("sweep_rows", manifest["note"])

    def test_files_that_are_refused(self):
        ask = {"format": "csv"}
        self.assertIn("[export] folder", self.client().bad("list_devices", ask))
        folder, extra = self.exports()
        k = self.client(extra=extra)
        for mode in (0o777, 0o770):
            folder.chmod(mode)
            self.assertIn("[export] folder", k.bad("list_devices", ask))
        folder.chmod(0o700)
        for more in ({"group_by": "platform"}, {"sort": "name"}, {"min": "os_version"}):
            self.assertIn("leave out", k.bad("list_devices", {**ask, **more}))
        self.assertEqual(list(folder.iterdir()), [])
        folder.rmdir()
        self.assertIn("mkdir", k.bad("list_devices", ask))
        self.assertEqual(self.tenant.requests(), 0)  # refused before anything is asked
        folder, extra = self.exports(max_bytes=20000)
        self.assertIn("max_bytes", self.client(extra=extra).bad("list_devices", ask))
        self.assertEqual(list(folder.iterdir()), [])

    def test_a_full_disk_leaves_nothing(self):
        folder, extra = self.exports()
        site = self.site(extra=extra)

        # a file may have 200 KB, then the kernel says no, as it does on a full disk
        k = Kmcp(site, argv=["/bin/sh", "-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"", KMCP, "--config", str(site.ini)])
        self.addCleanup(k.close)
        why = k.bad("list_devices", {"format": "jsonl", "fields": "all"})
        self.assertIn("cannot be written", why)
        self.assertIn("nothing was kept", why)
        self.assertEqual(list(folder.iterdir()), [])

    # ---- people ----

    def test_names_that_several_have(self):
        names = collections.Counter(d["device_name"] for d in self.fleet())
        name = next(n for n, c in names.items() if c > 1 and " " in n)
        why = self.client().bad("get_device", {"device_id": name})
        self.assertIn(f'{names[name]} devices are named "{name}"', why)
        same = [d["device_id"] for d in self.fleet() if d["device_name"] == name]
        self.assertEqual(len([i for i in same if i in why]), min(len(same), 5), why)

    def test_persons_are_not_spelled_out(self):
        d = self.tenant.find("user:yes,nth:3")
        k = self.client(policy="redact_pii = yes")
        for args in ({"user": d["user_name"][:3]}, {"user": d["user_email"][:-3]}, {"name": d["device_name"][:4]},
                     {"serial_number": d["serial_number"][:-1]}):
            for limit in (0, 1):
                self.assertEqual(matched(k.text("list_devices", {**args, "limit": limit})), 0, (args, limit))
        self.assertIn("none was found does not mean", text := k.text("list_devices", {"where": ["user_email ~ rossi"]}))
        self.assertNotIn("group_by", text)
        for column in ("user_email", "serial_number", "name", "platform,asset_tag"):
            self.assertIn("cannot be told apart", k.bad("list_devices", {"group_by": column}))
        k.good("list_devices", {"group_by": "platform,blueprint,mdm_enabled"})
        self.client(policy="redact_pii = pseudonyms").good("list_devices", {"group_by": "user_email"})
        for condition in ("user_email ~ " + d["user_email"][:4], "serial_number < M", "name !~ Mac"):
            if "~ " in condition and "!~" not in condition:
                self.assertEqual(matched(k.text("list_devices", {"where": [condition], "limit": 0})), 0)
            else:
                self.assertIn("only be compared", k.bad("list_devices", {"where": [condition]}))
        other = self.device("platform:AppleTV")  # for the API his e-mail holds hers: only the host knows better
        self.tenant.set(device={"device_id": other["device_id"], "user_email": "x" + d["user_email"], "user_name": "Somebody Else"})
        self.__class__._fleet = None
        hers = sum(1 for one in self.fleet() if one["user"] and one["user"]["email"] == d["user_email"])
        for limit in (0, 1):
            k = self.client(policy="redact_pii = yes")
            self.assertEqual(matched(k.text("list_devices", {"user": d["user_email"], "limit": limit})), hers)
        whole = k.text("list_devices", {"serial_number": d["serial_number"]})
        self.assertEqual(matched(whole), 1)
        self.assertNotIn(d["serial_number"], whole)

    def test_a_long_text_is_looked_for_whole(self):
        proxy = Proxy(self.tenant.url)  # whose fleet has names that long, and no total
        self.addCleanup(proxy.close)
        rows = json.dumps([{"device_id": "1", "device_name": "x" * 8999, "platform": "Mac"}]).encode()
        proxy.before = lambda method, path, body: (200, rows if "offset" not in path else b"[]")
        k = self.kmcp(self.site(url=proxy.url, extra=TEXT))
        self.assertEqual(matched(k.text("list_devices", {"where": ["name ~ " + "x" * 8999], "limit": 0})), 1)
        for text in ("x" * 9000, "\u00e9" * 1400):
            self.assertEqual(matched(k.text("list_devices", {"where": ["name ~ " + text], "limit": 0})), 0)
        long = [f"name !~ {n}" for n in "qzxj"] + [f"{c} ~ {'y' * 190}" for c in ("name", "model", "asset_tag", "user_name", "serial_number")]
        self.assertEqual(matched(k.text("list_devices", {"where": long, "limit": 0})), 0)
        self.assertTrue(all("limit=" in path for _, path in proxy.log))
        self.assertIn("longer than servers take", k.bad("list_devices", {"user": "y" * 8000}))

    def test_progress_tells_nothing_of_persons(self):
        d = self.tenant.find("user:yes,nth:3")
        k = self.client(policy="redact_pii = yes")
        for args in ({"where": ["user_email ~ " + d["user_email"][:2]]}, {"user": d["user_email"][:3] + "@"},
                     {"serial_number": d["serial_number"][:2]}):
            k.notes.clear()
            k.request("tools/call", {"name": "list_devices", "arguments": {**args, "limit": 0}}, meta={"progressToken": "p"})
            self.assertEqual([n for n in k.notes if "progress" in n["method"]], [], args)  # how many the API found would be in it

    def test_errors_name_the_column_and_the_remedy(self):
        k = self.client()
        for args, part in (({"where": ["os = 14"]}, "devices have no column \"os\""), ({"where": ["os_verson > 14"]}, "did you mean \"os_version\"?"),
                           ({"where": ["last_check_in < last week"]}, "-7d"), ({"fields": "nme"}, "did you mean \"name\""),
                           ({"group_by": "os_version:age"}, "versions :major"), ({"group_by": "platform", "sort": "name"}, "group_by"),
                           ({"where": ["os_version"]}, "COLUMN OP VALUE"), ({"next": "later"}, "as the answer before gave it"),
                           ({"sort": "name desc"}, '"-name" for downwards'), ({"next": "@nowhere"}, "cannot begin at")):
            with self.subTest(args=args):
                self.assertIn(part, k.bad("list_devices", args))
        self.assertEqual(self.tenant.requests(), 0)


del Asking
if __name__ == "__main__":
    unittest.main()
