/* What is installed on a device, for its app list and for prism. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "apps.h"

#include "field.h"
#include "rng.h"

#include <stdio.h>

static const struct app known[] = {
    { "Safari", "com.apple.Safari", "Apple", "", "Apple", false },
    { "Mail", "com.apple.mail", "Apple", "", "Apple", false },
    { "Slack", "com.tinyspeck.slackmacgap", "Apple Business Manager", "BQR82RBBHL", "Slack Technologies",
      true },
    { "Google Chrome", "com.google.Chrome", "Identified Developer", "EQHXZ8M8AV", "Google LLC", false },
    { "Numbers", "com.apple.iWork.Numbers", "Apple Business Manager", "", "Apple", true },
    { "Firefox", "org.mozilla.firefox", "Identified Developer", "43AQ936H96", "Mozilla Corporation", false },
    { "zoom.us", "us.zoom.xos", "Identified Developer", "BJ4HAAB9B3", "Zoom Video Communications", false },
    { "Microsoft Word", "com.microsoft.Word", "Apple Business Manager", "UBF8T346G9", "Microsoft Corporation",
      true },
    { "Self-built “tool”", "local.acme.tool", "", "", "", false },
    { "Terminal", "com.apple.Terminal", "Apple", "", "Apple", false },
};

#define KNOWN (sizeof known / sizeof known[0])

unsigned apps_count(const struct device *d)
{
    return d->platform == MAC ? 55 + rng_below(d->key, 601, 120) : d->platform == APPLETV ? 2 : 8;
}

const struct app *apps_known(unsigned i)
{
    return i < KNOWN ? &known[i] : NULL;
}

uint64_t apps_key(const struct device *d, unsigned i)
{
    return rng_draw(d->key, 600 + (uint64_t)i);
}

char *apps_name(unsigned i, char buf[FLEET_TEXT])
{
    if (i < KNOWN)
        snprintf(buf, FLEET_TEXT, "%s", known[i].name);
    else
        snprintf(buf, FLEET_TEXT, "Utility %u", i);
    return buf;
}

char *apps_bundle(unsigned i, char buf[FLEET_TEXT])
{
    if (i < KNOWN)
        snprintf(buf, FLEET_TEXT, "%s", known[i].bundle);
    else
        snprintf(buf, FLEET_TEXT, "com.example.utility%u", i);
    return buf;
}

char *apps_version(const struct device *d, unsigned i, char buf[FLEET_TEXT])
{
    if (i == KNOWN && field_is_apple(d))
        snprintf(buf, FLEET_TEXT, "No value");
    else
        snprintf(buf, FLEET_TEXT, "%u.%u", 1 + rng_below(d->key, 610 + (uint64_t)i, 20), i % 15);
    return buf;
}

char *apps_path(const struct fleet *f, const struct device *d, unsigned i, char buf[FLEET_TEXT])
{
    char name[FLEET_TEXT], user[FLEET_TEXT];
    buf[0] = '\0';
    if (d->platform != MAC)
        return buf;
    apps_name(i, name);
    if (i % 17 == 16)
        snprintf(buf, FLEET_TEXT, "/Users/%.100s/Applications/%.100s.app",
                 field_text(f, d, FIELD_LOCAL_USER, user), name);
    else
        snprintf(buf, FLEET_TEXT, "/Applications/%.100s.app", name);
    return buf;
}

unsigned apps_bytes(const struct device *d, unsigned i)
{
    return (unsigned)(apps_key(d, i) >> 20 & 0xFFFFFFF);
}
