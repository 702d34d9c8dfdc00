/* The lists of library items that people made themselves, in numbered pages. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "library_list.h"

#include "ids.h"
#include "library.h"
#include "page.h"
#include "rng.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

/* Three pages, one page, two pages. */
#define SCRIPTS  700
#define PROFILES 40
#define APPS     320

struct made {
    const char *type; /* as in library_items: those come first */
    unsigned count;
    uint64_t salt;
    void (*write)(struct call *c, uint64_t key);
};

/* The n-th item of this type that blueprints hold; library_count if there are not so many. */
static unsigned made_held(const struct made *made, unsigned n)
{
    unsigned i = 0;
    for (; i < library_count; i++)
        if (strcmp(library_items[i].type, made->type) == 0 && n-- == 0)
            break;
    return i;
}

static void made_open(struct call *c, const struct made *made, unsigned i, uint64_t *key)
{
    static const char *const verbs[] = { "Install", "Audit", "Repair", "Configure", "Remove" };
    static const char *const things[] = { "printers",    "VPN client",        "time server", "browser policy",
                                          "login items", "certificate trust", "“Büro” share" };
    char id[IDS_SIZE], name[96];
    unsigned held = made_held(made, i);
    bool known = held < library_count;
    *key = known ? library_key(&c->t->fleet, held) : rng_draw(c->t->fleet.seed, made->salt + i);
    snprintf(name, sizeof name, "%s %s %03u", verbs[*key % 5], things[*key / 5 % 7], i);
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "id", ids_text(id, *key));
    out_string(&c->out, "name", known ? library_items[held].name : name);
    out_bool(&c->out, "active", *key >> 20 & 7);
}

static void made_dates(struct call *c, uint64_t key)
{
    char when[WHEN_SIZE];
    int64_t made = c->t->fleet.born_us - (200 + (int64_t)(key >> 8 & 511)) * WHEN_DAY -
                   (int64_t)(key % 999983);
    out_string(&c->out, "created_at", when_format(when, made, WHEN_ISO));
    made += (int64_t)(key >> 17 & 127) * WHEN_DAY;
    out_string(&c->out, "updated_at", when_format(when, made, WHEN_ISO));
}

/* Category and recommendation are only there for what self service shows. */
static void made_self_service(struct call *c, uint64_t key)
{
    char id[IDS_SIZE];
    bool shown = (key >> 30 & 3) == 0;
    out_bool(&c->out, "show_in_self_service", shown);
    if (!shown)
        return;
    out_string(&c->out, "self_service_category_id",
               ids_text(id, rng_draw(c->t->fleet.seed, 0x5E1F + key % 4)));
    out_bool(&c->out, "self_service_recommended", key >> 32 & 1);
}

static void made_script(struct call *c, uint64_t key)
{
    static const char *const frequencies[] = { "once", "every_15_min", "every_day", "no_enforcement" };
    struct out *o = &c->out;
    out_string(o, "execution_frequency", frequencies[key >> 24 & 3]);
    out_bool(o, "restart", (key >> 26 & 15) == 0);
    out_string(o, "script",
               "#!/bin/zsh\n/usr/bin/defaults read /Library/Preferences/local.acme >/dev/null || exit 1\n");
    out_string(o, "remediation_script",
               key >> 34 & 1
                   ? "#!/bin/zsh\n/usr/bin/defaults write /Library/Preferences/local.acme on -bool true\n"
                   : "");
    made_dates(c, key);
    made_self_service(c, key);
}

static void made_profile(struct call *c, uint64_t key)
{
    static const char *const runs[] = { "runs_on_mac", "runs_on_iphone", "runs_on_ipad", "runs_on_tv",
                                        "runs_on_vision" };
    struct out *o = &c->out;
    char id[IDS_SIZE], text[512];
    ids_text(id, rng_mix(key));
    snprintf(text, sizeof text,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>PayloadType</key>"
             "<string>Configuration</string><key>PayloadUUID</key><string>%s</string></dict></plist>\n",
             id);
    out_string(o, "profile", text);
    snprintf(text, sizeof text, "com.kandji.profile.custom.%s", id);
    out_string(o, "mdm_identifier", text);
    for (unsigned i = 0; i < sizeof runs / sizeof runs[0]; i++)
        out_bool(o, runs[i], i == 0 || (key >> (34 + i) & 1));
    made_dates(c, key);
}

static void made_app_file(struct call *c, uint64_t key, const char *type)
{
    struct out *o = &c->out;
    char hex[65], text[400], when[WHEN_SIZE];
    ids_letters(hex, 64, key, "0123456789abcdef");
    const char *suffix = strcmp(type, "package") == 0 ? "pkg" : strcmp(type, "zip") == 0 ? "zip" : "dmg";
    snprintf(text, sizeof text, "companies/acme/library/custom_apps/%.12s.%s", hex, suffix);
    out_string(o, "file_key", text);
    /* A signed address is as good as a password. */
    snprintf(text, sizeof text,
             "https://managed-library.example/companies/acme/library/custom_apps/%.12s.%s?X-Amz-Expires=3600"
             "&X-Amz-Signature=%s%s",
             hex, suffix, hex, c->t->fleet.secret_mark);
    out_string(o, "file_url", text);
    out_string(o, "sha256", hex);
    out_int(o, "file_size", (int64_t)(key >> 10 & 0x3FFFFFFF));
    out_string(o, "file_updated", when_format(when, c->t->fleet.born_us - 40 * WHEN_DAY, WHEN_ISO));
}

static void made_app(struct call *c, uint64_t key)
{
    static const char *const types[] = { "package", "zip", "image" };
    static const char *const enforcements[] = { "install_once", "continuously_enforce", "no_enforcement" };
    struct out *o = &c->out;
    const char *type = types[key % 3];
    unsigned enforcement = (unsigned)(key / 3 % 3);
    out_string(o, "install_type", type);
    out_string(o, "install_enforcement", enforcements[enforcement]);
    out_string(o, "audit_script", enforcement == 1 ? "#!/bin/zsh\ntest -d /Applications/Acme.app\n" : "");
    out_string(o, "unzip_location", strcmp(type, "zip") == 0 ? "/Applications" : "");
    out_bool(o, "restart", false);
    out_string(o, "preinstall_script", "");
    out_string(o, "postinstall_script", "");
    made_app_file(c, key, type);
    made_dates(c, key);
    made_self_service(c, key);
}

static void made_list(struct call *c, const struct made *made)
{
    int64_t number;
    if (!page_number(c, made->count, &number))
        return;
    out_open(&c->out, NULL, '[');
    for (int64_t i = (number - 1) * CALL_PAGE; i < made->count && i < number * CALL_PAGE; i++) {
        uint64_t key;
        made_open(c, made, (unsigned)i, &key);
        made->write(c, key);
        out_close(&c->out, '}');
    }
    out_close(&c->out, ']');
    struct out rows = page_rows(c);
    out_open(&c->out, NULL, '{');
    page_number_write(c, made->count, number, &rows);
    out_close(&c->out, '}');
}

void library_scripts(struct call *c)
{
    static const struct made scripts = { "custom-script", SCRIPTS, 0x5C000000U, made_script };
    made_list(c, &scripts);
}

void library_profiles(struct call *c)
{
    static const struct made profiles = { "custom-profile", PROFILES, 0x9F000000U, made_profile };
    made_list(c, &profiles);
}

void library_apps(struct call *c)
{
    static const struct made apps = { "custom-app", APPS, 0xA9000000U, made_app };
    made_list(c, &apps);
}
