/* Prism's categories system_extensions and kernel_extensions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "prism_table.h"
#include "rng.h"

static const struct {
    const char *identifier, *name, *version, *category, *app, *team;
} extensions[] = {
    { "io.kandji.edr.extension", "Avert", "1.9.2", "com.apple.system_extension.endpoint_security",
      "/Library/Kandji/Kandji Agent.app", "P3FGV63VK7" },
    { "us.zoom.xos.filter", "Zoom Filter", "6.2.0", "com.apple.system_extension.network_extension",
      "/Applications/zoom.us.app", "BJ4HAAB9B3" },
    { "example.vpn.tunnel", "VPN Tunnel", "4.1", "com.apple.system_extension.network_extension",
      "/Applications/VPN client.app", "EXAMPLE001" },
};

#define EXTENSIONS (sizeof extensions / sizeof extensions[0])

enum { EXT_IDENTIFIER, EXT_NAME, EXT_STATE, EXT_VERSION, EXT_PATH, EXT_BUNDLE, EXT_TEAM };

static unsigned extension_rows(const struct device *d)
{
    return rng_below(d->key, 970, EXTENSIONS + 1);
}

/* Few Macs still carry them. */
static unsigned kernel_rows(const struct device *d)
{
    return rng_below(d->key, 972, 6) ? 0 : 1 + rng_below(d->key, 973, 2);
}

static PRISM_GETTER(get_extension)
{
    unsigned at = prism_pick(r, 971, EXTENSIONS);
    if (arg == EXT_IDENTIFIER)
        cell_put_text(cell, extensions[at].identifier);
    else if (arg == EXT_NAME)
        cell_put_text(cell, extensions[at].name);
    else if (arg == EXT_STATE)
        cell_put_text(cell, rng_below(r->d->key, 974 + (uint64_t)at, 10) ? "activated_enabled"
                                                                         : "activated_waiting_for_user");
    else if (arg == EXT_VERSION)
        cell_put_text(cell, extensions[at].version);
    else if (arg == EXT_PATH)
        cell_put_text(cell, extensions[at].app);
    else if (arg == EXT_BUNDLE)
        cell_put_format(cell, "%s/Contents/Library/SystemExtensions/%s.systemextension", extensions[at].app,
                        extensions[at].identifier);
    else
        cell_put_text(cell, extensions[at].team);
}

static void write_categories(const struct prism_row *r, struct out *o, const char *key)
{
    out_open(o, key, '[');
    out_string(o, NULL, extensions[prism_pick(r, 971, EXTENSIONS)].category);
    out_close(o, ']');
}

static PRISM_GETTER(get_managed)
{
    cell_put_bool(cell, prism_pick(r, 971, EXTENSIONS) != EXTENSIONS - 1);
}

static const struct prism_column system_extensions[] = {
    { .name = "identifier", .get = get_extension, .arg = EXT_IDENTIFIER },
    { .name = "name", .get = get_extension, .arg = EXT_NAME },
    { .name = "state", .get = get_extension, .arg = EXT_STATE },
    { .name = "short_version", .get = get_extension, .arg = EXT_VERSION },
    { .name = "bundle_version", .get = get_extension, .arg = EXT_VERSION },
    { .name = "categories", .write = write_categories },
    { .name = "path", .get = get_extension, .arg = EXT_PATH },
    { .name = "bundle_path", .get = get_extension, .arg = EXT_BUNDLE },
    { .name = "team_id", .get = get_extension, .arg = EXT_TEAM },
    { .name = "is_mdm_managed", .get = get_managed },
};

const struct prism_category prism_system_extensions = { "system_extensions", PRISM_ONLY(MAC),
                                                        PRISM_COLS(system_extensions),
                                                        .rows = extension_rows };
/* Its own fields were never published. */
const struct prism_category prism_kernel_extensions = { .name = "kernel_extensions",
                                                        .platforms = PRISM_ONLY(MAC),
                                                        .rows = kernel_rows };
