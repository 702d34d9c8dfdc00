"""The tenant simulator itself: what it serves is what it says is so.  SPDX-License-Identifier: Apache-2.0"""
import collections
import json
import unittest
import urllib.error
import urllib.parse
import urllib.request

from e2e import DEADLINE, TOKEN, Case, Tenant

COMMON = """device_id device__name serial_number device__family model_id device__user_name device__user_email device__user_id asset_tag
    blueprint_id blueprint_name tags count created_at updated_at last_changed_at last_collected_at""".split()
SIM = """carrier_settings_version current_carrier_network current_mcc current_mnc eid iccid imei is_data_preferred is_roaming
    is_voice_preferred label label_id phone_number slot subscriber_carrier_network""".split()
FIELDS = {
    "device_information": """device_capacity host_name local_hostname apple_silicon model model_name shared_ipad cellular_technology data_roaming
        hotspot first_enrollment_date last_enrollment_date agent_version mdm_enabled agent_installed os_version os_build marketing_name
        supplemental_build_version supplemental_os_version_extra display_os_version last_checkin last_checkin_agent last_checkin_mdm battery_health
        lost_mode_status""",
    "activation_lock": """bypass_code_failed user_activation_lock_enabled device_activation_lock_enabled activation_lock_allowed_while_supervised
        activation_lock_supported""",
    "application_firewall": "status block_all_incoming logging logging_option stealth_mode version allow_signed_applications unloading",
    "apps": """name version short_version bundle_id path obtained_from bundle_size signature team_id developer_name executable bundle_name bundle_type
        bundle_display_name bundle_region category copyright minimum_system_version compiler info apple_scriptable ad_hoc_code_signed
        app_store_vendable beta_app device_based_vpp download_canceled download_failed download_paused download_waiting dynamic_size
        external_version_identifier has_update_available installing app_clip validated environment_variables""",
    "cellular": "cellular_technology data_roaming_enabled voice_roaming_enabled modem_firmware_version personal_hotspot_enabled meid "
                + " ".join(f"{name}_slot_{n}" for name in SIM for n in (1, 2)),
    "certificates": "common_name identity_certificate",
    "desktop_and_screensaver": "",
    "filevault": "status key_type key_escrowed regeneration_needed scheduled_key_rotation",
    "gatekeeper_and_xprotect": """gatekeeper_status trusted_developers gatekeeper_version gatekeeper_opaque_version xprotect_version
        malware_removal_tool_version""",
    "installed_profiles": """profile_display_name payload_identifier payload_uuid removal_passcode encrypted managed profile_description organization
        removable signed profile_data""",
    "kernel_extensions": "",
    "launch_agents_and_daemons": """path file_name label program run_at_load keep_alive disabled is_disabled is_loaded group_name user_name
        standard_out_path standard_error_path start_interval program_arguments watch_paths queue_directories start_on_mount root_directory
        working_directory process_type domain service_domain pid user_agent_local_user user_agent_local_user_id""",
    "local_users": """username full_name uid type directory home_directory shell generated_uid hidden_user secure_token filevault_user volume_owner
        logged_in logged_in_time mobile_account home_folder_secure user_created_at failed_logins failed_login_time password_last_set""",
    "startup_settings": """sip ssv bootstrap_token_auth kext_requires_bst software_update_requires_bst bootstrap_token_escrowed external_boot_level
        secure_boot_level any_signed_os mdm_manages_kext user_manages_kext""",
    "system_extensions": "identifier name state short_version bundle_version categories path bundle_path team_id is_mdm_managed",
    "transparency_database": "service application client_type status status_reason last_modified local_user",
}
LISTS = {"apps", "certificates", "installed_profiles", "kernel_extensions", "launch_agents_and_daemons", "local_users", "system_extensions",
         "transparency_database"}
MARK = "ZQX9"


class Served(Case):
    """Requests as a client makes them."""

    def api(self, path, **query):
        return self.tenant.get(f"/api/v1/{path}?{urllib.parse.urlencode(query)}")

    def headers(self, path):
        request = urllib.request.Request(self.tenant.url + path, headers={"Authorization": "Bearer " + TOKEN})
        with urllib.request.urlopen(request, timeout=DEADLINE) as r:
            return r.headers

    def refused(self, path, **query):
        with self.assertRaises(urllib.error.HTTPError) as e:
            self.api(path, **query)
        with e.exception as answer:
            return answer.code, json.load(answer)

    def by_cursor(self, category, limit=300, **query):
        """All rows of a category, and the total that the first page told."""
        page = self.api("prism/" + category, limit=limit, **query)
        total, rows = page["total"], page["data"]
        while page["cursor"]:
            page = self.api("prism/" + category, limit=limit, cursor=page["cursor"], **query)
            self.assertTrue(page["data"])
            rows += page["data"]
        return rows, total

    def by_offset(self, category, limit=300, **query):
        rows, total = [], 1
        while len(rows) < total:
            page = self.api("prism/" + category, limit=limit, offset=len(rows), **query)
            self.assertIsNone(page["cursor"])
            self.assertTrue(page["data"] or not page["total"])
            total = page["total"]
            rows += page["data"]
        return rows


class Prism(Served):
    TENANT_ARGS = ("--devices", 150, "--mark", MARK)

    def test_cursor_offset_count_and_truth_agree(self):
        for category in FIELDS:
            with self.subTest(category):
                rows, total = self.by_cursor(category)
                self.assertEqual(rows, self.by_offset(category))
                self.assertEqual(self.api("prism/count", category=category), {"count": len(rows), "approximate": False})
                self.assertEqual(total, len(rows))
                self.assertEqual(self.tenant.truth("?prism=" + category), {"rows": len(rows), "devices": len({r["device_id"] for r in rows})})
                if category != "kernel_extensions":  # they have nothing of their own
                    self.assertEqual(len({json.dumps(row) for row in rows}), len(rows))

    def test_pages_may_be_cut_anywhere(self):
        rows, _ = self.by_cursor("local_users")
        self.assertEqual(self.by_cursor("local_users", limit=7)[0], rows)
        self.assertEqual(self.by_offset("local_users", limit=7), rows)
        past = self.api("prism/local_users", offset=100000)
        self.assertEqual((past["data"], past["cursor"]), ([], None))

    def test_every_documented_field_is_there(self):
        for category, names in FIELDS.items():
            with self.subTest(category):
                rows, _ = self.by_cursor(category)
                self.assertTrue(rows)
                for row in rows:
                    self.assertEqual(sorted(row), sorted(COMMON + names.split()))

    def test_no_column_is_always_empty_but_where_nothing_is_known(self):
        for category in sorted(LISTS):
            rows, _ = self.by_cursor(category)
            empty = [k for k in rows[0] if k != "count" and all(row[k] in (None, "") for row in rows)]
            self.assertLessEqual(set(empty), {"external_version_identifier", "environment_variables", "root_directory"})

    def test_lists_have_several_rows_for_some_devices(self):
        for category in sorted(LISTS):
            rows, _ = self.by_cursor(category)
            self.assertGreater(max(collections.Counter(r["device_id"] for r in rows).values()), 1, category)
        for category in sorted(set(FIELDS) - LISTS):
            rows, _ = self.by_cursor(category)
            self.assertEqual(len({r["device_id"] for r in rows}), len(rows), category)

    def test_cellular_is_for_phones_and_cellular_ipads(self):
        rows, _ = self.by_cursor("cellular")
        self.assertEqual({r["device__family"] for r in rows}, {"iPhone", "iPad"})
        self.assertEqual(sum(r["device__family"] == "iPhone" for r in rows), self.tenant.truth()["by_platform"]["iPhone"])
        self.assertLess(len(rows), self.tenant.truth("?prism=device_information&device_families=iPhone,iPad")["rows"])

    def test_apps_are_those_of_the_device(self):
        rows, _ = self.by_cursor("apps")
        for index in range(0, 150, 13):
            device = self.tenant.truth(f"?device={index}")
            if device["platform"] in ("Windows", "Android"):
                continue
            apps = self.api(f"devices/{device['device_id']}/apps")["apps"]
            self.assertEqual([(a["app_name"], a["version"], a["bundle_id"], a["path"] or None) for a in apps],
                             [(r["name"], r["version"], r["bundle_id"], r["path"]) for r in rows if r["device_id"] == device["device_id"]])

    def test_filters_select_rows(self):
        rows, _ = self.by_cursor("apps")
        for asked, fits in (({"name": {"in": ["Slack"]}}, lambda r: r["name"] == "Slack"),
                            ({"name": {"like": ["utility 1"]}, "has_update_available": {"eq": True}},
                             lambda r: "Utility 1" in r["name"] and r["has_update_available"]),
                            ({"bundle_size": {"gt": 200000000}}, lambda r: r["bundle_size"] > 200000000)):
            wanted = [r for r in rows if fits(r)]
            self.assertTrue(wanted)
            text = json.dumps(asked)
            self.assertEqual(self.by_cursor("apps", filter=text), (wanted, len(wanted)))
            self.assertEqual(self.by_offset("apps", filter=text), wanted)
            self.assertEqual(self.api("prism/count", category="apps", filter=text)["count"], len(wanted))
            self.assertEqual(self.tenant.truth("?prism=apps&filter=" + urllib.parse.quote(text))["rows"], len(wanted))

    def test_sorting_keeps_every_row(self):
        rows, _ = self.by_cursor("local_users")
        up = self.by_offset("local_users", sort_by="username")
        self.assertEqual([r["username"].encode() for r in up], sorted(r["username"].encode() for r in rows))
        self.assertEqual(self.by_offset("local_users", sort_by="-username"), up[::-1])
        self.assertEqual(sorted(map(json.dumps, up)), sorted(map(json.dumps, rows)))

    def test_groups_count_every_value(self):
        for category, column, show in (("local_users", "type", str), ("apps", "bundle_id", str), ("filevault", "status", lambda v: str(v).lower()),
                                       ("installed_profiles", "removal_passcode", lambda v: v or "null"), ("local_users", "uid", str)):
            rows, _ = self.by_cursor(category)
            truth = self.tenant.truth(f"?prism={category}&group={column}")
            self.assertEqual(truth["values"], collections.Counter(show(r[column]) for r in rows))
        for question in ("?prism=nonsense", "?prism=apps&group=nonsense"):
            with self.assertRaises(urllib.error.HTTPError) as e:
                self.tenant.truth(question)
            e.exception.close()

    def test_a_removed_row_does_not_stop_a_cursor(self):
        with Tenant("--devices", 40) as t:
            page = t.get("/api/v1/prism/local_users?limit=5")
            gone = page["data"][-1]["device_id"]
            request = urllib.request.Request(f"{t.url}/api/v1/devices/{gone}", method="DELETE", headers={"Authorization": "Bearer " + TOKEN})
            urllib.request.urlopen(request, timeout=DEADLINE).close()
            rest = t.get("/api/v1/prism/local_users?limit=300&cursor=" + urllib.parse.quote(page["cursor"]))["data"]
            self.assertNotIn(gone, [r["device_id"] for r in rest])
            before = [r for r in page["data"] if r["device_id"] != gone]
            self.assertEqual(len(before) + len(rest), t.truth("?prism=local_users")["rows"])

    def test_what_is_personal_bears_the_mark_and_some_secrets_are_held(self):
        personal = {"cellular": ["meid", "imei_slot_1", "imei_slot_2", "iccid_slot_1", "eid_slot_1", "phone_number_slot_1"],
                    "local_users": ["username", "full_name", "home_directory"],
                    "launch_agents_and_daemons": ["standard_out_path", "working_directory", "user_agent_local_user"]}
        for category, names in personal.items():
            for row in self.by_cursor(category)[0]:
                for name in names:
                    if row[name] and not (category == "local_users" and row["uid"] in (248, 502)):
                        self.assertIn(MARK, row[name])
        for category in LISTS:
            for row in self.by_cursor(category)[0]:
                for name, value in row.items():
                    if isinstance(value, str) and value.startswith("/Users/") and "itadmin" not in value:
                        self.assertIn(MARK, value, name)
        mails = [r["common_name"] for r in self.by_cursor("certificates")[0] if "@" in r["common_name"]]
        self.assertTrue(mails)
        self.assertTrue(all(MARK in m for m in mails))
        codes = [r["removal_passcode"] for r in self.by_cursor("installed_profiles")[0]]
        self.assertTrue(any(codes))
        self.assertIn(None, codes)


GROUPS = {"failed": {"ERROR", "failed"}, "waiting": {"PENDING", "pending", "CACHED", "DOWNLOADING", "INSTALLING", "CHANGE_PENDING"},
          "good": {"PASS", "success", "AVAILABLE", "REMEDIATED"}, "other": {"WARNING"}}


class Truth(Served):
    TENANT_ARGS = ("--devices", 60)

    def test_compliance_is_what_the_devices_say(self):
        items, parameters, failing = collections.Counter(), collections.Counter(), collections.Counter()
        tally = collections.defaultdict(collections.Counter)
        for d in self.api("devices"):
            status = self.api(f"devices/{d['device_id']}/status")
            words = [r["status"] for r in status["library_items"] + status["parameters"]]
            items.update(r["status"] for r in status["library_items"])
            parameters.update(r["status"] for r in status["parameters"])
            for kind, rows in (("library_item", status["library_items"]), ("parameter", status["parameters"])):
                failing.update((r["name"], kind) for r in rows if r["status"] in GROUPS["failed"])
            failed, applies = any(w in GROUPS["failed"] for w in words), any(w in g for g in GROUPS.values() for w in words)
            for where in ("all", d["platform"]):
                tally[where]["devices"] += 1
                tally[where]["failing"] += failed
                tally[where]["none_failed"] += applies and not failed
                tally[where]["waiting"] += not failed and any(w in GROUPS["waiting"] for w in words)
                tally[where]["nothing_applies"] += not applies
        truth = self.tenant.truth("?compliance=1")
        self.assertEqual({k: truth[k] for k in tally["all"]}, tally.pop("all"))
        self.assertEqual(truth["by_platform"], tally)
        self.assertEqual((truth["library_items"], truth["parameters"]), (items, parameters))
        self.assertEqual([r["devices"] for r in truth["most_failing"]], sorted(failing.values(), reverse=True)[:10])
        for r in truth["most_failing"]:
            self.assertEqual(failing[r["name"], r["kind"]], r["devices"])

    def test_check_in_ages(self):
        ages = self.tenant.truth()["check_in_age_days"]
        self.assertEqual(list(ages), ["0-1", "1-7", "7-30", "30-90", "90+", "never"])
        self.assertEqual(sum(ages.values()), 60)
        self.assertEqual(ages["never"], sum(d["last_check_in"] == "" for d in self.api("devices")))
        with Tenant("--devices", 60) as t:
            t.set(clock_advance_s=100 * 86400)
            later = t.truth()["check_in_age_days"]
        self.assertEqual((later["90+"], later["never"]), (60 - ages["never"], ages["never"]))


LIBRARY = {
    "custom-apps": """id name file_key install_type install_enforcement audit_script unzip_location active restart preinstall_script postinstall_script
        file_url sha256 file_size file_updated created_at updated_at show_in_self_service""",
    "custom-profiles": "id name active profile mdm_identifier runs_on_mac runs_on_iphone runs_on_ipad runs_on_tv runs_on_vision created_at updated_at",
    "custom-scripts": "id name active execution_frequency restart script remediation_script created_at updated_at show_in_self_service",
}


class Paging(Served):
    """The seven ways in which the API cuts lists into pages."""
    TENANT_ARGS = ("--devices", 700)

    def foreign(self, url):
        """The query of a next link, whose host must not be the tenant's."""
        self.assertTrue(url.startswith(("https://acme.kandji.io/api/v1/", "https://acme.api.kandji.io/api/v1/")), url)
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))

    def test_a_bare_arrays_with_headers(self):
        h = self.headers("/api/v1/devices")
        self.assertEqual((h["X-Total-Count"], h["X-Total-Pages"]), ("700", "3"))
        self.assertEqual(h["Link"], '<https://acme.api.kandji.io/api/v1/devices?limit=300&offset=300>; rel="next", <None>; rel="prev"')
        h = self.headers("/api/v1/devices?limit=9999&offset=600&platform=Mac")
        self.assertIn('<None>; rel="next"', h["Link"])
        self.assertIn("limit=300", h["Link"])
        self.assertIn("platform=Mac", h["Link"])
        self.assertEqual(self.api("devices", offset=5000), [])

    def test_b_and_c_limit_and_offset(self):
        page = self.api("blueprints", limit=5, offset=5)
        self.assertEqual(page["count"], 12)
        self.assertEqual(self.foreign(page["next"]), {"limit": "5", "offset": "10"})
        self.assertEqual(self.foreign(page["previous"]), {"limit": "5"})
        past = self.api("blueprints", offset=50)
        self.assertEqual((past["results"], past["next"]), ([], None))
        d = self.tenant.find("platform:Mac")["device_id"]
        for what in ("activity", "commands"):
            page = self.api(f"devices/{d}/{what}", limit=2)
            self.assertEqual(sorted(page), sorted(["device_id", what]))
            self.assertEqual(self.foreign(page[what]["next"]), {"limit": "2", "offset": "2"})

    def test_d_page_numbers(self):
        for kind, fields in LIBRARY.items():
            seen, number, pages = [], 1, 0
            while number:
                page = self.api("library/" + kind, page=number)
                pages += 1
                seen += page["results"]
                self.assertEqual(page["previous"] is None, number == 1)
                if number == 2:
                    self.assertNotIn("page=", page["previous"])
                self.assertTrue(page["next"] is None or len(page["results"]) == 300)
                number = page["next"] and self.foreign(page["next"])["page"]
                number = number and int(number)
            self.assertEqual((len({r["id"] for r in seen}), len(seen)), (page["count"], page["count"]))
            for row in seen:
                shown = row.get("show_in_self_service")
                more = ["self_service_category_id", "self_service_recommended"] if shown else []
                self.assertEqual(sorted(row), sorted(fields.split() + more))
            for wrong in (pages + 1, 0, "x"):
                self.assertEqual(self.refused("library/" + kind, page=wrong), (404, {"detail": "Invalid page."}))
        self.assertEqual(self.api("library/custom-scripts")["count"], 700)

    def test_d_ids_are_those_of_the_blueprints(self):
        held = {r["id"]: r["name"] for b in self.api("blueprints")["results"] for r in self.api(f"blueprints/{b['id']}/list-library-items")["results"]}
        for kind, name in (("custom-scripts", "Rename by serial"), ("custom-apps", "VPN client")):
            row = self.api("library/" + kind)["results"][0]
            self.assertEqual((row["name"], held[row["id"]]), (name, name))

    def test_e_cursors_in_urls(self):
        for path, query in (("users", {"archived": "false"}), ("audit/events", {"limit": 7, "sort_by": "-occurred_at"})):
            seen, asked = [], dict(query)
            while True:
                page = self.api(path, **asked)
                self.assertEqual(sorted(page), ["next", "previous", "results"])
                seen += page["results"]
                if page["next"] is None:
                    break
                self.assertNotIn("=", page["next"].split("cursor=")[1].split("&")[0])
                asked = self.foreign(page["next"])
                self.assertLessEqual(set(query), set(asked))
            self.assertGreater(len(seen), 50)
            self.assertEqual(len({r["id"] for r in seen}), len(seen))
            self.assertTrue(all(not r.get("archived") for r in seen))

    def test_f_prism(self):
        page = self.api("prism/device_information")
        self.assertEqual(sorted(page), ["cursor", "data", "limit", "offset", "total"])
        self.assertEqual((page["limit"], page["offset"], len(page["data"])), (25, 0, 25))
        self.assertEqual(self.api("prism/device_information", limit=9999)["limit"], 300)
        second = self.api("prism/device_information", cursor=page["cursor"])
        self.assertEqual((second["offset"], second["total"]), (None, None))
        self.assertEqual(self.refused("prism/device_information", cursor="!")[0], 400)

    def test_g_pages_by_size(self):
        path = "vulnerability-management/vulnerabilities"
        rows, number = [], 1
        while (page := self.api(path, page=number))["results"]:
            self.assertEqual((sorted(page), page["page"], page["size"]), (["page", "results", "size", "total"], number, 50))
            rows += page["results"]
            number += 1
        self.assertGreater(number, 3)
        self.assertEqual((len({r["cve_id"] for r in rows}), len(rows)), (page["total"], page["total"]))
        self.assertEqual(sorted(rows[0]), sorted("""cve_id severity cvss_score kev_score cve_link first_detection_date latest_detection_date
            device_count software status""".split()))
        self.assertEqual(self.api(path, size=1000)["size"], 50)
        worst = self.api(path, sort_by="-cvss_score")["results"]
        self.assertEqual([r["cvss_score"] for r in worst], sorted((r["cvss_score"] for r in rows), reverse=True)[:50])
        for column in ("age", "cve_id", "device_count", "known_exploit", "software", "severity", "status"):
            self.assertEqual(self.api(path, sort_by=column)["total"], len(rows))
        self.assertEqual(self.refused(path, sort_by="nonsense")[0], 422)
        critical = self.api(path, filter=json.dumps({"severity": {"in": ["Critical"]}}))
        self.assertEqual(critical["total"], sum(r["severity"] == "Critical" for r in rows))

    def test_g_detections_after(self):
        path = "vulnerability-management/detections"
        for size, query in ((300, {}), (13, {"filter": json.dumps({"cvss_severity": {"in": ["Critical"]}, "name": {"in": ["Slack"]}})})):
            rows, asked = [], {"size": size, **query}
            while True:
                page = self.api(path, **asked)
                self.assertEqual(sorted(page), ["next", "previous", "results"])
                self.assertTrue(page["next"] is None or len(page["results"]) == size)
                rows += page["results"]
                if page["next"] is None:
                    break
                asked = self.foreign(page["next"])
            self.assertEqual(len({(r["device_id"], r["cve_id"]) for r in rows}), len(rows))
            if query:
                self.assertEqual({(r["cvss_severity"], r["name"]) for r in rows}, {("Critical", "Slack")})
                self.assertGreater(len(rows), size)
                continue
            self.assertEqual(sorted(rows[0]), sorted("""device_id device_name device_serial_number device_model device_os_version blueprint_id
                blueprint_name name version path bundle_id cve_id cve_description cve_link cvss_score cvss_severity first_detection_date
                latest_detection_date""".split()))
            found = collections.Counter(r["cve_id"] for r in rows)
            listed = [r for n in (1, 2, 3) for r in self.api("vulnerability-management/vulnerabilities", page=n)["results"]]
            self.assertEqual({r["cve_id"]: r["device_count"] for r in listed}, found)
        self.assertEqual(self.refused(path, after="!")[0], 400)


if __name__ == "__main__":
    unittest.main()
