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
                if category != "kernel_extensions":  # they have nothing of their own
                    self.assertEqual(len({json.dumps(row) for row in rows}), len(rows))

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


if __name__ == "__main__":
    unittest.main()
