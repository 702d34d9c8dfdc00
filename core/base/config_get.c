/* config_get.c - typed look-ups in the INI, and the check that every key was meant for somebody.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pwd.h>
#include <unistd.h>

#include "config.h"
#include "text.h"

static struct config_entry *find(struct config *c, const char *section, const char *key)
{
    for (size_t i = 0; i < c->n_entries; i++)
        if (strcmp(c->entries[i].section, section) == 0 && strcmp(c->entries[i].key, key) == 0) {
            c->entries[i].used = true;
            return &c->entries[i];
        }
    return NULL;
}

const struct config_entry *config_find(const struct config *c, const char *section, const char *key)
{
    for (size_t i = 0; i < c->n_entries; i++)
        if (strcmp(c->entries[i].section, section) == 0 && strcmp(c->entries[i].key, key) == 0)
            return &c->entries[i];
    return NULL;
}

const char *config_str(struct config *c, const char *section, const char *key, const char *dflt)
{
    struct config_entry *e = find(c, section, key);

    return e ? e->value : dflt;
}

/* The folder that ~ stands for; NULL: there is none. */
static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    const struct passwd *user = home && *home == '/' ? NULL : getpwuid(getuid());

    return user ? user->pw_dir : home;
}

const char *config_path(struct config *c, const char *section, const char *key)
{
    struct config_entry *e = find(c, section, key);
    const char *home = e && strncmp(e->value, "~/", 2) == 0 ? home_folder() : NULL;

    if (home && *home == '/') {
        size_t size = strlen(home) + strlen(e->value);
        char *full = malloc(size);

        if (!full) {
            config_fail(c, e->line, "out of memory");
            return NULL;
        }
        snprintf(full, size, "%s%s", home, e->value + 1);
        free((char *)(uintptr_t)e->value);
        e->value = full;
    }
    if (!e || e->value[0] == '/')
        return e ? e->value : NULL;
    config_fail(c, e->line, "\"%s\" in [%s] is a path and must begin with / or ~/", key, section);
    return NULL;
}

bool config_state_folder(char *out, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (geteuid() == 0)
        return snprintf(out, size, "/var/lib/kmcp") < (int)size;
    if (state && *state == '/')
        return snprintf(out, size, "%s/kmcp", state) < (int)size;
    return home && *home == '/' && snprintf(out, size, "%s/.local/state/kmcp", home) < (int)size;
}

int64_t config_int(struct config *c, const char *section, const char *key, int64_t min, int64_t max,
                   int64_t dflt)
{
    struct config_entry *e = find(c, section, key);
    size_t n = e ? strlen(e->value) : 0;
    long long value;

    if (!e)
        return dflt;
    if (!n || n > 18 || strspn(e->value, "0123456789") != n) {
        config_fail(c, e->line,
                    "\"%s\" must be a whole number from %lld to %lld without a unit, not \"%.40s\"", key,
                    (long long)min, (long long)max, e->value);
        return dflt;
    }
    value = strtoll(e->value, NULL, 10);
    if (value < min || value > max) {
        config_fail(c, e->line, "\"%s\" must be from %lld to %lld, not %lld", key, (long long)min,
                    (long long)max, value);
        return dflt;
    }
    return value;
}

int config_bool_or(struct config *c, const char *section, const char *key, bool dflt, const char *third)
{
    struct config_entry *e = find(c, section, key);
    static const char *const yes[] = { "yes", "true", "on" }, *const no[] = { "no", "false", "off" };

    if (!e)
        return dflt;
    for (size_t i = 0; i < 3; i++) {
        if (text_casecmp(e->value, yes[i]) == 0)
            return true;
        if (text_casecmp(e->value, no[i]) == 0)
            return false;
    }
    if (third && strcmp(e->value, third) == 0)
        return CONFIG_THIRD;
    config_fail(c, e->line, "\"%s\" must be yes%s %s%sno, not \"%.40s\"", key, third ? "," : "",
                third ? third : "", third ? " or " : "or ", e->value);
    return dflt;
}

bool config_bool(struct config *c, const char *section, const char *key, bool dflt)
{
    return config_bool_or(c, section, key, dflt, NULL) == true;
}

/* How many single-character edits lie between A and B; at least 4 if they are far apart. */
static size_t distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b), row[65];

    if (la > 64 || lb > 64)
        return 9;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[lb];
}

static bool known_section(const char *name, const char *const *known)
{
    static const char *const families[] = { "rule ", "cap ", "test " };

    if (strncmp(name, "plugin ", 7) == 0 && text_is_name(name + 7, 32))
        return true;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        size_t n = strlen(families[i]), len = strlen(name);

        if (strncmp(name, families[i], n) == 0 && len > n && len <= n + 40 &&
            strspn(name + n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len - n)
            return true;
    }
    for (; *known; known++)
        if (strcmp(name, *known) == 0)
            return true;
    return false;
}

bool config_all_used(struct config *c, const char *const *known_sections)
{
    if (c->error[0])
        return false;
    for (size_t i = 0; i < c->n_sections; i++)
        if (!known_section(c->sections[i].name, known_sections)) {
            const char *near = NULL;

            for (const char *const *k = known_sections; *k; k++)
                if (distance(*k, c->sections[i].name) < 3)
                    near = *k;
            return config_fail(c, c->sections[i].line, "unknown section [%s]; %s%s%s", c->sections[i].name,
                               near ? "did you mean ["
                                    : "kmcp.ini shows them all; modules are named [plugin NAME], "
                                      "rules [rule NAME], caps [cap NAME]",
                               near ? near : "", near ? "]?" : "");
        }
    for (size_t i = 0; i < c->n_entries; i++)
        if (!c->entries[i].used)
            return config_fail(c, c->entries[i].line,
                               "unknown key \"%s\" in [%s]; conf/kmcp.ini and `kmcp dump` show "
                               "the keys there are",
                               c->entries[i].key, c->entries[i].section);
    return true;
}
