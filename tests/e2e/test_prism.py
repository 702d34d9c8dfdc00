"""Prism: all sixteen categories against what the tenant says is so; what it costs; what it hides.  SPDX-License-Identifier: Apache-2.0"""
import collections
import csv
import datetime
import hashlib
import http.server
import io
import json
import pathlib
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from e2e import DEADLINE, Case

CATEGORIES = ("device_information activation_lock application_firewall apps cellular certificates desktop_and_screensaver filevault "
              "gatekeeper_and_xprotect installed_profiles kernel_extensions launch_agents_and_daemons local_users startup_settings "
              "system_extensions transparency_database").split()
# columns by another name than the API's, and those that the tenant cannot group by
FIELDS = {"device_name": "device__name", "user_email": "device__user_email", "device_user": "device__user_name",
          "device_user_id": "device__user_id", "platform": "device__family", "blueprint": "blueprint_name", "tag": "tags"}
NESTED = {"profile_data", "program_arguments", "watch_paths", "queue_directories", "domain", "categories"}
WIDE = "\n[server]\nanswer_bytes = 10000000\n"
MARK = "ZQX9"


def shown(column, value):
    """What a table shows of a value that the tenant's truth names."""
    if column == "platform" and value == "tvOS":
        return "AppleTV"
    if value in ("null", "true", "false"):
        return {"null": "", "true": "yes", "false": "no"}[value]
    if column == "device_capacity":
        return f"{float(value):g}"
    try:
        return datetime.datetime.fromisoformat(value).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ") if "T" in value else value
    except ValueError:
        return value


class Proxy:
    """Between kmcp and the tenant: an API that ignores every condition, or one that tells no totals."""

    def __init__(self, url, drop=(), total=True):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                kept = [p for p in query.split("&") if p and p.split("=")[0] not in drop]
                request = urllib.request.Request(url + path + "?" + "&".join(kept), headers={"Authorization": self.headers["Authorization"]})
                with urllib.request.urlopen(request, timeout=DEADLINE) as r:
                    body = json.loads(r.read())
                if not total:
                    body["total"] = None
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(DEADLINE)


class Prism(Case):
    def truth(self, category, **more):
        return self.tenant.truth("?" + urllib.parse.urlencode({"prism": category, **more}))

    def groups(self, k, category, column):
        """{value: count}, all of them."""
        found, offset = collections.Counter(), 0
        while True:
            r = k.structured("query_prism", {"category": category, "group_by": column, "limit": 1000, "offset": offset})
            self.assertTrue(r["complete"])
            for value, count in r["rows"]:
                found[value] += count
            if not r.get("next"):
                return found, r["total"]
            offset = int(r["next"])

    def columns(self, k, category):
        return k.structured("query_prism", {"category": category, "fields": "all", "limit": 1})["columns"]

    def check_column(self, k, category, column):
        wanted = collections.Counter()
        truth = self.truth(category, group=FIELDS.get(column, column))
        for value, n in truth["values"].items():
            wanted[shown(column, value)] += n
        found, total = self.groups(k, category, column)
        if column == "tag":
            del found[""]  # no tag at all is a group as well
        self.assertEqual(found, wanted, (category, column))
        self.assertEqual(total, truth["rows"], (category, column))

    def last(self):
        return [urllib.parse.unquote(r) for r in self.tenant.stats()["last_requests"]]


class Small(Prism):
    TENANT_ARGS = ("--devices", 60)

    def test_every_column_of_every_category_is_the_truth(self):
        k = self.kmcp(self.site(extra=WIDE))
        for category in CATEGORIES:
            for column in self.columns(k, category) if self.truth(category)["rows"] else ():
                # the tenant does not show secrets either
                if column not in NESTED and column != "removal_passcode":
                    with self.subTest(category=category, column=column):
                        self.check_column(k, category, column)

    def test_every_field_of_the_api_can_be_asked_for(self):
        k = self.kmcp()
        for category in CATEGORIES:
            rows = self.tenant.get(f"/api/v1/prism/{category}?limit=1")["data"]
            if not rows:
                continue
            names = {FIELDS.get(c, c) for c in self.columns(k, category)}
            self.assertEqual(set(rows[0]) - names, {"count"}, category)  # always null

    def test_an_unknown_column_is_answered_with_all_there_are(self):
        k = self.kmcp()
        for category in ("apps", "cellular"):
            said = k.bad("query_prism", {"category": category, "where": ["nosuch = 1"]})
            for column in self.columns(k, category):
                self.assertIn(column, said)

    def test_a_removal_passcode_is_neither_shown_nor_searched_out(self):
        passcodes = [r["removal_passcode"] for r in self.tenant.get("/api/v1/prism/installed_profiles?limit=300")["data"]
                     if r["removal_passcode"]]
        self.assertTrue(passcodes)
        k = self.kmcp()
        ask = {"category": "installed_profiles", "fields": "profile_display_name,removal_passcode", "limit": 1000}
        r = k.structured("query_prism", {**ask, "where": ["removal_passcode !="]})
        self.assertEqual((r["total"], {row[1] for row in r["rows"]}), (len(passcodes), {"[secret]"}))
        self.assertEqual(k.structured("query_prism", {**ask, "where": ["removal_passcode ="]})["total"],
                         self.truth("installed_profiles")["rows"] - len(passcodes))
        for condition in (f"removal_passcode = {passcodes[0]}", "removal_passcode ~ 1", "removal_passcode > 5", "removal_passcode !~ 1"):
            self.tenant.reset()
            self.assertIn("is a secret", k.bad("query_prism", {**ask, "where": [condition]}))
            self.assertEqual(self.tenant.requests(), 0)
        for more in ({"group_by": "removal_passcode"}, {"max": "removal_passcode"}, {"sort": "removal_passcode"}):
            k.good("query_prism", {**ask, **more})
        everything = b"".join(k.raw).decode() + k.stderr
        for passcode in passcodes:
            self.assertNotIn(passcode, everything)


class Fleet(Prism):
    TENANT_ARGS = ("--devices", 700)

    def test_rows_and_groups_of_every_category(self):
        k = self.kmcp(self.site(extra=WIDE))
        for category in CATEGORIES:
            with self.subTest(category=category):
                truth = self.truth(category)
                self.assertEqual(k.structured("query_prism", {"category": category, "limit": 0})["total"], truth["rows"])
                if not truth["rows"]:
                    continue
                shown_columns = k.structured("query_prism", {"category": category, "limit": 1})["columns"]
                for column in [*shown_columns[2:], "platform"]:
                    self.check_column(k, category, column)
                by_device = k.structured("query_prism", {"category": category, "group_by": "device_id", "limit": 1000})
                self.assertEqual(len(by_device["rows"]), truth["devices"])

    def test_counting_costs_one_request(self):
        for category in CATEGORIES:
            k = self.kmcp()
            self.tenant.reset()
            total = k.structured("query_prism", {"category": category, "limit": 0})["total"]
            self.assertEqual(self.last(), [f"GET /api/v1/prism/{category}?limit=1"])
            self.assertEqual(total, self.truth(category)["rows"])
        k = self.kmcp()
        for more, select in (({"name": "zoom"}, {"filter": '{"name":{"like":["zoom"]}}'}),
                             ({"where": ["has_update_available = yes"]}, {"filter": '{"has_update_available":{"eq":true}}'}),
                             ({"platform": "iPad"}, {"device_families": "iPad"}),
                             ({"where": ["name ~ a", "beta_app = no"]}, {"filter": '{"name":{"like":["a"]},"beta_app":{"eq":false}}'})):
            self.tenant.reset()
            r = k.structured("query_prism", {"category": "apps", "limit": 0, **more})
            self.assertEqual((r["total"], r["complete"]), (self.truth("apps", **select)["rows"], True))
            self.assertEqual(self.tenant.requests(), 1, more)
            self.assertIn("&".join(f"{name}={value}" for name, value in select.items()), self.last()[0])
        self.assertGreater(self.truth("apps")["rows"], 3000)

    def test_a_category_without_rows_of_a_platform_says_so(self):
        text = self.kmcp(self.site(extra="[server]\nstructured_content = no\n")).text("query_prism", {"category": "filevault", "platform": "iPad"})
        self.assertIn('none of all devices in filevault has that "platform"', text)

    def test_a_text_without_letters_is_left_to_the_api_whole(self):
        k = self.kmcp()
        for category, column in (("cellular", "current_mcc_slot_1"), ("cellular", "phone_number_slot_1"), ("device_information", "asset_tag")):
            values = {v: n for v, n in self.truth(category, group=column)["values"].items() if v != "null"}
            value, n = max(values.items(), key=lambda one: one[1])
            r = k.structured("query_prism", {"category": category, "where": [f"{column} = {value}"], "limit": 0})
            how = "in" if not any(c.isalpha() for c in value) else "like"  # `in` minds the case of letters, and = does not
            self.assertEqual((r["total"], r["complete"]), (n, True), (column, value))
            self.assertIn(json.dumps({column: {how: [value]}}, separators=(",", ":")), self.last()[-1])
        value = max((v for v in self.truth("apps", group="name")["values"]), key=len)
        for said in (value, value.upper()):
            self.assertEqual(k.structured("query_prism", {"category": "apps", "where": [f"name = {said}"], "limit": 0})["total"],
                             self.truth("apps", group="name")["values"][value], said)

    def test_conditions_are_left_to_the_api(self):
        k = self.kmcp()
        blueprint = self.tenant.find("platform:Mac")["blueprint_id"]
        name = self.tenant.truth()["by_blueprint"][blueprint]["name"]
        for args, part in (({"category": "filevault", "where": ["status = no"]}, 'filter={"status":{"eq":false}}'),
                           ({"category": "apps", "name": "Chrome"}, 'filter={"name":{"like":["Chrome"]}}'),
                           ({"category": "local_users", "where": ["password_last_set > 2025-06-01"]}, '"password_last_set":{"gt":"2025-06-01T'),
                           ({"category": "filevault", "name": "mac"}, 'filter={"device__name":{"like":["mac"]}}'),
                           ({"category": "filevault", "blueprint_id": blueprint}, "blueprint_ids=" + blueprint),
                           ({"category": "filevault", "blueprint_id": name}, 'filter={"blueprint_name":{"like":["%s"]}}' % name),
                           ({"category": "device_information", "platform": "AppleTV"}, "device_families=tvOS")):
            self.tenant.reset()
            self.assertTrue(k.structured("query_prism", {**args, "limit": 5})["total"], args)
            self.assertIn(part, self.last()[0])
        self.assertEqual(k.structured("query_prism", {"category": "filevault", "blueprint_id": name, "limit": 0})["total"],
                         self.truth("filevault", blueprint_ids=blueprint)["rows"])

    def questions(self):
        """Arguments, and how many rows there are."""
        blueprint = sorted(self.tenant.truth()["by_blueprint"])[1]
        zoom = '{"name":{"like":["zoom"]}}'
        return [
            ({"category": "apps", "name": "zoom"}, self.truth("apps", filter=zoom)["rows"]),
            ({"category": "apps", "name": "zoom", "platform": "iPad"}, self.truth("apps", filter=zoom, device_families="iPad")["rows"]),
            ({"category": "filevault", "where": ["status = no"]}, self.truth("filevault", filter='{"status":{"eq":false}}')["rows"]),
            ({"category": "filevault", "where": ["status != yes", "key_escrowed = no"]},
             self.truth("filevault", filter='{"status":{"eq":false},"key_escrowed":{"eq":false}}')["rows"]),
            ({"category": "device_information", "platform": "AppleTV"}, self.truth("device_information", device_families="tvOS")["rows"]),
            ({"category": "device_information", "where": ["platform != AppleTV"]},
             self.truth("device_information", device_families="Mac,iPhone,iPad")["rows"]),
            ({"category": "local_users", "blueprint_id": blueprint}, self.truth("local_users", blueprint_ids=blueprint)["rows"]),
            ({"category": "startup_settings", "where": ["sip = no"]}, self.truth("startup_settings", filter='{"sip":{"eq":false}}')["rows"]),
            ({"category": "certificates"}, self.truth("certificates")["rows"]),
        ]

    def check_questions(self, k):
        for args, rows in self.questions():
            for limit in (0, 5):
                r = k.structured("query_prism", {**args, "limit": limit})
                self.assertEqual((r["total"], r["complete"], r["returned"]), (rows, True, min(rows, limit)), args)
            last = k.structured("query_prism", {**args, "limit": 5, "offset": rows - 2})
            self.assertEqual((last["total"], last["returned"]), (rows, 2), args)

    def test_answers(self):
        self.check_questions(self.kmcp())

    def test_an_api_that_ignores_conditions(self):
        proxy = Proxy(self.tenant.url, drop=("filter", "blueprint_ids", "device_families"))
        self.addCleanup(proxy.close)
        self.check_questions(self.kmcp(self.site(url=proxy.url)))

    def test_an_api_that_tells_no_totals(self):
        proxy = Proxy(self.tenant.url, total=False)
        self.addCleanup(proxy.close)
        self.check_questions(self.kmcp(self.site(url=proxy.url)))

    def test_apple_tv_is_called_so_everywhere(self):
        k = self.kmcp()
        n = self.tenant.truth()["by_platform"]["AppleTV"]
        text = k.text("query_prism", {"category": "device_information", "platform": "AppleTV", "limit": 2})
        self.assertIn(f" of {n} devices", text)
        self.assertIn("\tAppleTV\t", text)
        for condition in ("platform = AppleTV", "platform = appletv", "platform = tvOS"):
            self.tenant.reset()
            r = k.structured("query_prism", {"category": "apps", "where": [condition], "limit": 3, "fields": "platform"})
            self.assertEqual((r["total"], r["rows"]), (self.truth("apps", device_families="tvOS")["rows"], [["AppleTV"]] * 3))
        self.assertEqual(k.structured("query_prism", {"category": "device_information", "where": ["platform = mac"], "limit": 0})["total"],
                         self.tenant.truth()["by_platform"]["Mac"])
        self.assertNotIn("tvOS", k.text("query_prism", {"category": "apps", "group_by": "platform"}))

    def test_tags_are_compared_as_in_the_list_of_devices(self):
        k = self.kmcp()
        tags = self.truth("device_information", group="tags")["values"]
        for tag in ("Finance", "finance"):
            text = k.text("query_prism", {"category": "device_information", "where": [f"tag = {tag}"], "limit": 0})
            self.assertTrue(text.startswith(f"{tags[tag]} devices in device_information, as of "), text)

    def test_files(self):
        folder = pathlib.Path(self.site().dir) / "files"
        folder.mkdir(mode=0o700)
        k = self.kmcp(self.site(extra=f"[export]\nfolder = {folder}\n"))
        for category in ("local_users", "apps"):
            truth = self.truth(category)
            for form in ("csv", "jsonl"):
                r = k.structured("query_prism", {"category": category, "format": form, "fields": "all"})
                data = pathlib.Path(r["path"]).read_bytes()
                manifest = json.loads(pathlib.Path(r["path"] + ".manifest.json").read_text())
                self.assertEqual((manifest["rows"], manifest["complete"], manifest["bytes"]), (truth["rows"], True, len(data)))
                self.assertEqual(manifest["sha256"], hashlib.sha256(data).hexdigest())
                self.assertEqual((manifest["tool"], manifest["query"]["category"], manifest["format"]), ("query_prism", category, form))
                self.assertEqual(manifest["columns"], self.columns(k, category))
                text = data.decode()
                rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else [json.loads(line) for line in text.splitlines()]
                self.assertEqual(len(rows), truth["rows"])
                self.assertEqual(list(rows[0]), manifest["columns"])
                self.assertEqual(len({row["device_id"] for row in rows}), truth["devices"])
                wanted = self.truth(category, group="serial_number")["values"]
                self.assertEqual(collections.Counter(row["serial_number"] for row in rows), wanted)

    def test_a_fault_in_the_middle_is_told_and_gone_on_from(self):
        k = self.kmcp()
        rows = self.truth("local_users")["rows"]
        self.tenant.set(faults=["403,path=/prism,after=2"])
        r = k.structured("query_prism", {"category": "local_users", "group_by": "type"})
        self.assertFalse(r["complete"])
        self.assertNotIn("total", r)
        self.tenant.set(faults=[])
        rest = k.structured("query_prism", {"category": "local_users", "group_by": "type", "next": r["next"]})
        self.assertTrue(rest["complete"])
        self.assertEqual(sum(n for _, n in r["rows"] + rest["rows"]), rows)


class Older(Prism):
    """The shapes of the seed's API reference."""
    TENANT_ARGS = ("--devices", 60, "--dialect", "seed")

    def test_rows_of_every_category(self):
        k = self.kmcp()
        for category in CATEGORIES:
            self.assertEqual(k.structured("query_prism", {"category": category, "limit": 0})["total"], self.truth(category)["rows"])
        n = self.tenant.truth()["by_platform"]["AppleTV"]
        self.assertEqual(k.structured("query_prism", {"category": "device_information", "platform": "AppleTV"})["total"], n)


class Privacy(Prism):
    TENANT_ARGS = ("--devices", 60, "--mark", MARK)

    def ask_everything(self, k):
        person = self.tenant.truth("?device=0")
        for category in CATEGORIES:
            columns = self.columns(k, category) if self.truth(category)["rows"] else ["device_name", "device_id"]
            k.good("query_prism", {"category": category, "fields": "all", "limit": 1000})
            for column in columns:
                k.call("query_prism", {"category": category, "group_by": column})  # what is masked is refused
            k.good("query_prism", {"category": category, "max": "device_name,serial_number", "min": ",".join(columns[2:8])})
            k.good("query_prism", {"category": category, "sort": "-device_name"})
            k.good("query_prism", {"category": category, "serial_number": person["serial_number"]})
            k.call("query_prism", {"category": category, "where": ["device_name ~ " + person["device_name"][:3]]})
            k.call("query_prism", {"category": category, "where": ["device_name > a"]})
            for form in ("csv", "jsonl"):
                k.good("query_prism", {"category": category, "fields": "all", "format": form})

    def test_no_person_leaves(self):
        for mode, stands in (("yes", "[redacted]"), ("pseudonyms", None)):
            with self.subTest(mode=mode):
                folder = pathlib.Path(self.site().dir) / "files"
                folder.mkdir(mode=0o700)
                site = self.site(policy=f"redact_pii = {mode}\nrepeat_minutes = 0",
                                 extra=f"[log]\nlevel = debug\n[export]\nfolder = {folder}\n")
                k = self.kmcp(site)
                self.ask_everything(k)
                k.close()
                files = "".join(f.read_text() for f in folder.iterdir() if not f.name.endswith(".manifest.json"))
                everything = b"".join(k.raw).decode() + k.stderr + files
                at = everything.find(MARK)
                self.assertEqual(at, -1, everything[max(0, at - 300):at + 100])
                if stands:
                    self.assertIn(stands, everything)
                self.assertIn("com.apple.Safari", everything)  # what is no person stays

    def test_a_person_can_still_be_asked_about(self):
        k = self.kmcp(self.site(policy="redact_pii = yes"))
        d = self.tenant.find("platform:Mac")
        r = k.structured("query_prism", {"category": "filevault", "serial_number": d["serial_number"]})
        self.assertEqual((r["total"], r["rows"][0][1], r["rows"][0][-1]), (1, "[redacted]", d["device_id"]))

    def test_the_mark_is_there_without_privacy_mode(self):
        k = self.kmcp()
        k.good("query_prism", {"category": "local_users"})
        self.assertIn(MARK, b"".join(k.raw).decode())


if __name__ == "__main__":
    unittest.main()
