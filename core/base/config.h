/* config.h - the INI file: read once, every key accounted for.  SPDX-License-Identifier: Apache-2.0
 *
 * [section] or [plugin NAME], `key = value`, comments start with ; or # (at line start, or ; after white
 * space). Values may be in double quotes. Duplicate keys, duplicate sections, keys outside a section, lines
 * over 4,000 bytes, more than 1,000 keys, bytes that are not UTF-8, and keys that nobody asked for are errors
 * with FILE:LINE. inih does the parsing behind our own line reader.
 */
#ifndef KMCP_CONFIG_H
#define KMCP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_entry {
    const char *section, *key, *value;
    int line;
    bool used; /* somebody asked for it */
};

struct config {
    const char *file; /* as given; "(built in)" when there is none */
    struct config_entry *entries;
    size_t n_entries;
    struct {
        const char *name;
        int line;
    } * sections; /* in file order */
    size_t n_sections;
    char *text; /* the file's, as it was read; NULL if it was none */
    size_t len;
    int64_t id[5];   /* of the file: device, inode, size, time of change */
    char error[600]; /* the first error, "FILE:LINE: what; remedy", or "" */
};

/* False with c->error. The file must be a regular file, owned by us or root, and not writable by group or
 * others: it says what may happen. */
bool config_read(struct config *c, const char *file);
/* Does the file still say what was read? False too if it cannot be read any more. */
bool config_is_current(const struct config *c);
/* config_read from text, for tests and fuzzing; NAME stands for the file in errors. */
bool config_parse(struct config *c, const char *name, const char *text, size_t len);
void config_free(struct config *c);

/* Typed look-ups; each marks the key used and sets c->error (once) when the value is not of the type or out
 * of range, returning DFLT. Integers are plain decimal digits: "5m", "-1", "abc" and "" are errors that say
 * so. */
const char *config_str(struct config *c, const char *section, const char *key, const char *dflt);
int64_t config_int(struct config *c, const char *section, const char *key, int64_t min, int64_t max,
                   int64_t dflt);
bool config_bool(struct config *c, const char *section, const char *key,
                 bool dflt); /* yes, no, true, false, on, off */
/* yes, no, or the one other word THIRD (may be NULL): CONFIG_THIRD. */
#define CONFIG_THIRD 2
int config_bool_or(struct config *c, const char *section, const char *key, bool dflt, const char *third);
/* A full path, NULL if it is not set; ~/ at its beginning is the home of who runs the process, from then on.
 */
const char *config_path(struct config *c, const char *section, const char *key);
/* Where state is kept when the INI does not say: for root /var/lib, else $XDG_STATE_HOME, ~/.local/state;
 * with /kmcp. False: nowhere, or it does not fit. */
bool config_state_folder(char *out, size_t size);
const struct config_entry *config_find(const struct config *c, const char *section, const char *key);
/* Records "FILE:LINE: ..." as the error if there is none yet. Always returns false. */
bool config_fail(struct config *c, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* False with an error naming the first key or section nobody used, with the nearest known one: call it last.
 * KNOWN_SECTIONS is NULL-terminated. */
bool config_all_used(struct config *c, const char *const *known_sections);

#endif
