/* approvers.c - the people who may agree outside the client.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "approvers.h"
#include "base/config.h"
#include "base/digest.h"

#define ROUNDS    600000
#define SALT      16
#define SHORTEST  10
#define NAMES     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
#define NAME_MAX_ 40

static bool is_name(const char *name)
{
    size_t n = strspn(name, NAMES);

    return n && n <= NAME_MAX_ && !name[n];
}

struct hash {
    int rounds;
    uint8_t salt[SALT], digest[DIGEST_SIZE];
};

static bool read_hash(const char *text, struct hash *out)
{
    uint8_t bytes[64];
    const char *salt, *digest;

    if (strncmp(text, "pbkdf2-sha256:", 14) != 0)
        return false;
    out->rounds = (int)strtol(text + 14, NULL, 10);
    salt = strchr(text + 14, ':');
    digest = salt ? strchr(salt + 1, ':') : NULL;
    if (!digest || out->rounds < 100000 || out->rounds > 10000000 || digest - salt - 1 > 40 ||
        strlen(digest + 1) > 60 || digest_b64url_decode(salt + 1, (size_t)(digest - salt - 1), bytes) != SALT)
        return false;
    memcpy(out->salt, bytes, SALT);
    if (digest_b64url_decode(digest + 1, strlen(digest + 1), bytes) != DIGEST_SIZE)
        return false;
    memcpy(out->digest, bytes, DIGEST_SIZE);
    return true;
}

static bool read_file(const char *file, struct config *c, char *why, size_t why_size)
{
    struct stat st;
    bool ok = config_read(c, file);

    if (ok && (stat(file, &st) != 0 || (st.st_mode & 077)))
        ok = config_fail(c, 0, "may be read by others, who could guess passphrases; chmod 600 it");
    for (size_t i = 0; ok && i < c->n_sections; i++) {
        const char *section = c->sections[i].name;
        const struct config_entry *e = config_find(c, section, "hash");
        struct hash hash;

        if (strncmp(section, "approver ", 9) != 0 || !is_name(section + 9) || !e ||
            !read_hash(e->value, &hash))
            ok = config_fail(c, c->sections[i].line,
                             "[%s] must be [approver NAME] with the hash that kmcp approver NAME prints",
                             section);
    }
    for (size_t i = 0; ok && i < c->n_entries; i++)
        if (strcmp(c->entries[i].key, "hash") != 0)
            ok = config_fail(c, c->entries[i].line, "unknown key \"%s\"; only hash is known here",
                             c->entries[i].key);
    if (!ok)
        snprintf(why, why_size, "%s%s", c->error,
                 access(file, F_OK) != 0 && errno == ENOENT ? "; kmcp approver NAME makes its lines" : "");
    return ok;
}

bool approvers_check(const char *file, size_t *n, char *why, size_t why_size)
{
    struct config c;
    bool ok = read_file(file, &c, why, why_size);

    *n = c.n_sections;
    config_free(&c);
    return ok;
}

bool approvers_know(const char *file, const char *name, const char *passphrase, char *why, size_t why_size)
{
    struct hash hash = { .rounds = ROUNDS };
    const struct config_entry *e;
    char section[NAME_MAX_ + 10];
    uint8_t digest[DIGEST_SIZE] = { 0 };
    struct config c;
    bool ok;

    if (!read_file(file, &c, why, why_size)) {
        config_free(&c);
        return false;
    }
    snprintf(section, sizeof section, "approver %.40s", name);
    e = is_name(name) ? config_find(&c, section, "hash") : NULL;
    ok = e && read_hash(e->value, &hash);
    /* as much work for a name that is not there */
    ok = digest_stretch(passphrase, hash.salt, SALT, hash.rounds, digest) && ok &&
         digest_equal(digest, hash.digest, sizeof digest);
    config_free(&c);
    if (!ok)
        snprintf(why, why_size, "name and passphrase are not those of an approver in %.200s", file);
    return ok;
}

bool approvers_have(const char *file, const char *who, char *why, size_t why_size)
{
    int len = (int)strcspn(who, " ");
    char section[NAME_MAX_ + 10];
    struct config c;
    bool ok = read_file(file, &c, why, why_size);

    if (ok) {
        snprintf(section, sizeof section, "approver %.*s", len, who);
        ok = len <= NAME_MAX_ && config_find(&c, section, "hash");
        snprintf(why, why_size, "%.*s, who agreed, is no approver any more",
                 len > NAME_MAX_ ? NAME_MAX_ : len, who);
    }
    config_free(&c);
    return ok;
}

bool approvers_make(const char *name, const char *passphrase, char *lines, size_t size, char *why,
                    size_t why_size)
{
    uint8_t salt[SALT], digest[DIGEST_SIZE];
    char salt_text[40], digest_text[60];

    if (!is_name(name)) {
        snprintf(why, why_size, "\"%.60s\" is no name for an approver; use up to 40 letters, digits, - and _",
                 name);
        return false;
    }
    if (strlen(passphrase) < SHORTEST) {
        snprintf(why, why_size, "the passphrase is too short; take at least %d characters", SHORTEST);
        return false;
    }
    if (!digest_random(salt, sizeof salt) || !digest_stretch(passphrase, salt, sizeof salt, ROUNDS, digest)) {
        snprintf(why, why_size, "OpenSSL cannot be used; see the log");
        return false;
    }
    digest_b64url(salt, sizeof salt, salt_text);
    digest_b64url(digest, sizeof digest, digest_text);
    snprintf(lines, size, "[approver %s]\nhash = pbkdf2-sha256:%d:%s:%s", name, ROUNDS, salt_text,
             digest_text);
    return true;
}
