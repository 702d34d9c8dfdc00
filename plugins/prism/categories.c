/* categories.c - Prism's categories: their fields, and whom these are about.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * Own fields are those of the API reference. Those of desktop_and_screensaver and kernel_extensions were
 * never published; activation_lock is expected to say what a device's details say.
 */

#include <kmcp/fleet.h>
#include "categories.h"

/* ---- columns ---- */

#define COLUMN(name, type, flags)                                                                            \
    {                                                                                                        \
#name, #name, NULL, KMCP_COLUMN_##type, flags                                                        \
    }
#define SHOWN(name, type) COLUMN(name, type, KMCP_COLUMN_SHOWN)
#define MORE(name, type)  COLUMN(name, type, 0)

/* What every row says of its device: before a category's own columns, and after them. DEVICE_SHOWN: flags of
 * what is shown unasked where there is little else. */
#define DEVICE                                                                                               \
    { "device_name", "device__name|device_name", NULL, KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN },                \
    {                                                                                                        \
        "serial_number", "serial_number", NULL, KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN                          \
    }
#define OF_DEVICE(device_shown)                                                                              \
    { "user_email", "device__user_email|user_email", NULL, KMCP_COLUMN_TEXT, device_shown },                 \
        { "blueprint", "blueprint_name", NULL, KMCP_COLUMN_TEXT, device_shown },                             \
        { "platform", "device__family|platform", "device_families", KMCP_COLUMN_TEXT,                        \
          KMCP_COLUMN_EXACT | (device_shown) },                                                              \
        { "device_user", "device__user_name", NULL, KMCP_COLUMN_TEXT, 0 },                                   \
        { "device_user_id", "device__user_id", NULL, KMCP_COLUMN_TEXT, 0 },                                  \
        { "blueprint_id", "blueprint_id", "blueprint_ids", KMCP_COLUMN_TEXT, KMCP_COLUMN_EXACT },            \
        { "tag", "tags", NULL, KMCP_COLUMN_LIST, KMCP_COLUMN_EXACT }, MORE(asset_tag, TEXT),                 \
        MORE(model_id, TEXT), MORE(created_at, DATE), MORE(updated_at, DATE), MORE(last_changed_at, DATE),   \
        MORE(last_collected_at, DATE), SHOWN(device_id, TEXT)

static const struct kmcp_column device_information[] = {
    DEVICE,
    SHOWN(os_version, VERSION),
    SHOWN(model_name, TEXT),
    SHOWN(last_checkin, DATE),
    MORE(agent_version, VERSION),
    MORE(agent_installed, BOOL),
    MORE(mdm_enabled, BOOL),
    MORE(host_name, TEXT),
    MORE(local_hostname, TEXT),
    MORE(model, TEXT),
    MORE(apple_silicon, BOOL),
    MORE(device_capacity, NUMBER),
    MORE(os_build, TEXT),
    MORE(marketing_name, TEXT),
    MORE(display_os_version, VERSION),
    MORE(supplemental_build_version, TEXT),
    MORE(supplemental_os_version_extra, TEXT),
    MORE(first_enrollment_date, DATE),
    MORE(last_enrollment_date, DATE),
    MORE(last_checkin_agent, DATE),
    MORE(last_checkin_mdm, DATE),
    MORE(battery_health, TEXT),
    MORE(lost_mode_status, TEXT),
    MORE(shared_ipad, BOOL),
    MORE(cellular_technology, TEXT),
    MORE(data_roaming, BOOL),
    MORE(hotspot, BOOL),
    OF_DEVICE(KMCP_COLUMN_SHOWN),
};

static const struct kmcp_column activation_lock[] = {
    DEVICE,
    SHOWN(user_activation_lock_enabled, BOOL),
    SHOWN(device_activation_lock_enabled, BOOL),
    SHOWN(activation_lock_supported, BOOL),
    MORE(activation_lock_allowed_while_supervised, BOOL),
    MORE(bypass_code_failed, BOOL),
    OF_DEVICE(0),
};

static const struct kmcp_column application_firewall[] = {
    DEVICE,
    SHOWN(status, BOOL),
    SHOWN(block_all_incoming, BOOL),
    SHOWN(stealth_mode, BOOL),
    SHOWN(logging, BOOL),
    MORE(logging_option, TEXT),
    MORE(version, VERSION),
    MORE(allow_signed_applications, BOOL),
    MORE(unloading, BOOL),
    OF_DEVICE(0),
};

static const struct kmcp_column apps[] = {
    DEVICE,
    SHOWN(name, TEXT),
    SHOWN(version, VERSION),
    SHOWN(bundle_id, TEXT),
    SHOWN(obtained_from, TEXT),
    MORE(short_version, VERSION),
    MORE(path, TEXT),
    MORE(bundle_size, NUMBER),
    MORE(signature, TEXT),
    MORE(team_id, TEXT),
    MORE(developer_name, TEXT),
    MORE(executable, TEXT),
    MORE(bundle_name, TEXT),
    MORE(bundle_type, TEXT),
    MORE(bundle_display_name, TEXT),
    MORE(bundle_region, TEXT),
    MORE(category, TEXT),
    MORE(copyright, TEXT),
    MORE(minimum_system_version, VERSION),
    MORE(compiler, TEXT),
    MORE(info, TEXT),
    MORE(apple_scriptable, BOOL),
    MORE(ad_hoc_code_signed, BOOL),
    MORE(app_store_vendable, BOOL),
    MORE(beta_app, BOOL),
    MORE(device_based_vpp, BOOL),
    MORE(download_canceled, BOOL),
    MORE(download_failed, BOOL),
    MORE(download_paused, BOOL),
    MORE(download_waiting, BOOL),
    MORE(dynamic_size, NUMBER),
    MORE(external_version_identifier, NUMBER),
    MORE(has_update_available, BOOL),
    MORE(installing, BOOL),
    MORE(app_clip, BOOL),
    MORE(validated, BOOL),
    MORE(environment_variables, LIST),
    OF_DEVICE(0),
};

#define SLOT_SHOWN(n) SHOWN(current_carrier_network_slot_##n, TEXT), SHOWN(phone_number_slot_##n, TEXT)
#define SLOT(n)                                                                                              \
    MORE(subscriber_carrier_network_slot_##n, TEXT), MORE(imei_slot_##n, TEXT), MORE(iccid_slot_##n, TEXT),  \
        MORE(eid_slot_##n, TEXT), MORE(is_data_preferred_slot_##n, BOOL), MORE(is_roaming_slot_##n, BOOL),   \
        MORE(is_voice_preferred_slot_##n, BOOL), MORE(label_slot_##n, TEXT), MORE(label_id_slot_##n, TEXT),  \
        MORE(slot_slot_##n, TEXT), MORE(carrier_settings_version_slot_##n, VERSION),                         \
        MORE(current_mcc_slot_##n, TEXT), MORE(current_mnc_slot_##n, TEXT)

static const struct kmcp_column cellular[] = {
    DEVICE,
    SLOT_SHOWN(1),
    SLOT_SHOWN(2),
    SHOWN(data_roaming_enabled, BOOL),
    MORE(voice_roaming_enabled, BOOL),
    MORE(personal_hotspot_enabled, BOOL),
    MORE(cellular_technology, TEXT),
    MORE(modem_firmware_version, VERSION),
    MORE(meid, TEXT),
    SLOT(1),
    SLOT(2),
    OF_DEVICE(0),
};

static const struct kmcp_column certificates[] = {
    DEVICE,
    SHOWN(common_name, TEXT),
    SHOWN(identity_certificate, BOOL),
    OF_DEVICE(0),
};

static const struct kmcp_column desktop_and_screensaver[] = {
    DEVICE,
    OF_DEVICE(KMCP_COLUMN_SHOWN),
};

static const struct kmcp_column filevault[] = {
    DEVICE,
    SHOWN(status, BOOL),
    SHOWN(key_type, TEXT),
    SHOWN(key_escrowed, BOOL),
    SHOWN(regeneration_needed, BOOL),
    MORE(scheduled_key_rotation, DATE),
    OF_DEVICE(0),
};

static const struct kmcp_column gatekeeper_and_xprotect[] = {
    DEVICE,
    SHOWN(gatekeeper_status, BOOL),
    SHOWN(trusted_developers, BOOL),
    SHOWN(xprotect_version, VERSION),
    MORE(gatekeeper_version, VERSION),
    MORE(gatekeeper_opaque_version, VERSION),
    MORE(malware_removal_tool_version, VERSION),
    OF_DEVICE(0),
};

static const struct kmcp_column installed_profiles[] = {
    DEVICE,
    SHOWN(profile_display_name, TEXT),
    SHOWN(payload_identifier, TEXT),
    SHOWN(managed, BOOL),
    SHOWN(removable, BOOL),
    MORE(payload_uuid, TEXT),
    MORE(profile_description, TEXT),
    MORE(organization, TEXT),
    MORE(signed, BOOL),
    MORE(encrypted, BOOL),
    MORE(removal_passcode, TEXT),
    MORE(profile_data, LIST),
    OF_DEVICE(0),
};

static const struct kmcp_column kernel_extensions[] = {
    DEVICE,
    OF_DEVICE(KMCP_COLUMN_SHOWN),
};

/* Nested values are LISTs: the API's filter cannot look into them. */
static const struct kmcp_column launch_agents_and_daemons[] = {
    DEVICE,
    SHOWN(label, TEXT),
    SHOWN(is_loaded, BOOL),
    SHOWN(run_at_load, BOOL),
    SHOWN(program, TEXT),
    SHOWN(service_domain, TEXT),
    MORE(path, TEXT),
    MORE(file_name, TEXT),
    MORE(keep_alive, BOOL),
    MORE(disabled, BOOL),
    MORE(is_disabled, BOOL),
    MORE(group_name, TEXT),
    MORE(user_name, TEXT),
    MORE(standard_out_path, TEXT),
    MORE(standard_error_path, TEXT),
    MORE(start_interval, NUMBER),
    MORE(program_arguments, LIST),
    MORE(watch_paths, LIST),
    MORE(queue_directories, LIST),
    MORE(start_on_mount, BOOL),
    MORE(root_directory, TEXT),
    MORE(working_directory, TEXT),
    MORE(process_type, TEXT),
    MORE(domain, LIST),
    MORE(pid, NUMBER),
    MORE(user_agent_local_user, TEXT),
    MORE(user_agent_local_user_id, TEXT),
    OF_DEVICE(0),
};

static const struct kmcp_column local_users[] = {
    DEVICE,
    SHOWN(username, TEXT),
    SHOWN(full_name, TEXT),
    SHOWN(type, TEXT),
    SHOWN(secure_token, BOOL),
    SHOWN(filevault_user, BOOL),
    SHOWN(logged_in, BOOL),
    MORE(uid, NUMBER),
    MORE(directory, TEXT),
    MORE(home_directory, TEXT),
    MORE(shell, TEXT),
    MORE(generated_uid, TEXT),
    MORE(hidden_user, BOOL),
    MORE(volume_owner, BOOL),
    MORE(logged_in_time, DATE),
    MORE(mobile_account, BOOL),
    MORE(home_folder_secure, BOOL),
    MORE(user_created_at, DATE),
    MORE(failed_logins, NUMBER),
    MORE(failed_login_time, DATE),
    MORE(password_last_set, DATE),
    OF_DEVICE(0),
};

static const struct kmcp_column startup_settings[] = {
    DEVICE,
    SHOWN(sip, BOOL),
    SHOWN(ssv, BOOL),
    SHOWN(secure_boot_level, TEXT),
    SHOWN(external_boot_level, TEXT),
    SHOWN(bootstrap_token_escrowed, BOOL),
    MORE(bootstrap_token_auth, BOOL),
    MORE(kext_requires_bst, BOOL),
    MORE(software_update_requires_bst, BOOL),
    MORE(any_signed_os, BOOL),
    MORE(mdm_manages_kext, BOOL),
    MORE(user_manages_kext, BOOL),
    OF_DEVICE(0),
};

static const struct kmcp_column system_extensions[] = {
    DEVICE,
    SHOWN(name, TEXT),
    SHOWN(identifier, TEXT),
    SHOWN(state, TEXT),
    SHOWN(short_version, VERSION),
    MORE(bundle_version, VERSION),
    MORE(categories, LIST),
    MORE(path, TEXT),
    MORE(bundle_path, TEXT),
    MORE(team_id, TEXT),
    MORE(is_mdm_managed, BOOL),
    OF_DEVICE(0),
};

static const struct kmcp_column transparency_database[] = {
    DEVICE,
    SHOWN(service, TEXT),
    SHOWN(application, TEXT),
    SHOWN(status, TEXT),
    SHOWN(status_reason, TEXT),
    SHOWN(local_user, TEXT),
    MORE(client_type, TEXT),
    MORE(last_modified, DATE),
    OF_DEVICE(0),
};

/* ---- routes ---- */

/* Whom a device belongs to, and what else names it. */
#define PERSON KMCP_DEVICE_PII " device__name device__user_name device__user_email device__user_id"

#define ROUTE(category, word, own_pii, one_row, hidden)                                                      \
    {                                                                                                        \
        .method = "GET", .path = "/api/v1/prism/" category, .permission = "Prism: " word,                    \
        .pii = PERSON own_pii, .secrets = hidden, .cache = "compliance", .tags = "prism", .row_id = one_row, \
        .safety = KMCP_READ, .flags = KMCP_ROUTE_RETRY, .ttl_s = 120, .paging = KMCP_PAGES_CURSOR            \
    }
/* A device has one row; several; perhaps several. */
#define ONE(category, own_pii)  ROUTE(category, category, own_pii, "device_id", NULL)
#define MANY(category, own_pii) ROUTE(category, category, own_pii, NULL, NULL)

/* Paths may lead into a home directory, which is called as its owner is. */
const struct kmcp_route prism_routes[N_CATEGORIES] = {
    ONE("device_information", " host_name local_hostname"),
    ONE("activation_lock", ""),
    ONE("application_firewall", ""),
    ROUTE("apps", "applications", " path environment_variables", NULL, NULL),
    ONE("cellular", " meid imei_slot_1 imei_slot_2 iccid_slot_1 iccid_slot_2 eid_slot_1 eid_slot_2 "
                    "phone_number_slot_1 phone_number_slot_2"),
    MANY("certificates", " common_name"),
    MANY("desktop_and_screensaver", ""),
    ONE("filevault", ""),
    ONE("gatekeeper_and_xprotect", ""),
    ROUTE("installed_profiles", "installed_profiles", "", NULL, "removal_passcode"),
    MANY("kernel_extensions", ""),
    MANY("launch_agents_and_daemons",
         " path program program_arguments watch_paths queue_directories standard_out_path "
         "standard_error_path root_directory working_directory domain user_agent_local_user "
         "user_agent_local_user_id"),
    MANY("local_users", " username full_name home_directory generated_uid"),
    ONE("startup_settings", ""),
    MANY("system_extensions", " path bundle_path"),
    MANY("transparency_database", " application local_user"),
};

#define ROWS(category, what)                                                                                 \
    {                                                                                                        \
#category, what, category, sizeof category / sizeof *category                                        \
    }
#define DEVICES(category) ROWS(category, "devices in " #category)

const struct category categories[N_CATEGORIES] = {
    DEVICES(device_information),
    DEVICES(activation_lock),
    DEVICES(application_firewall),
    ROWS(apps, "installed apps"),
    DEVICES(cellular),
    ROWS(certificates, "certificates"),
    ROWS(desktop_and_screensaver, "rows of desktop_and_screensaver"),
    DEVICES(filevault),
    DEVICES(gatekeeper_and_xprotect),
    ROWS(installed_profiles, "installed profiles"),
    ROWS(kernel_extensions, "kernel extensions"),
    ROWS(launch_agents_and_daemons, "launch agents and daemons"),
    ROWS(local_users, "local users"),
    DEVICES(startup_settings),
    ROWS(system_extensions, "system extensions"),
    ROWS(transparency_database, "privacy permissions"),
};
