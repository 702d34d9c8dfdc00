/* http_tokens.c - the file of hashed tokens.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/trust.h"
#include "http_tokens.h"
#include "mcp/server.h"

#define FILE_MAX  262144
#define NAME_MAX_ 60
#define TOKEN_MAX 512

struct entry {
    char name[NAME_MAX_ + 1];
    uint32_t scopes;
    uint8_t digest[DIGEST_SIZE];
    unsigned line;
};

struct http_tokens {
    struct entry *entries;
    size_t n;
};

/* "read,write" as SCOPE bits; 0: not so. */
static uint32_t read_scopes(const char *text)
{
    uint32_t scopes = 0;

    while (*text) {
        size_t len = strcspn(text, ",");
        uint32_t bit = 0;

        for (kmcp_safety s = KMCP_READ; s <= KMCP_DESTROY; s++)
            if (strlen(server_scope_name(s)) == len && strncmp(text, server_scope_name(s), len) == 0)
                bit = SCOPE(s);
        if (!bit)
            return 0;
        scopes |= bit;
        text += len;
        if (*text == ',' && !*++text)
            return 0;
    }
    return scopes;
}

static bool is_name(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-");

    return n && n <= NAME_MAX_ && !text[n];
}

static bool read_digest(const char *hex, uint8_t out[DIGEST_SIZE])
{
    if (strspn(hex, "0123456789abcdefABCDEF") != 2 * DIGEST_SIZE || hex[2 * DIGEST_SIZE])
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

/* A sentence about LINE, or NULL: it is entry E. */
static const char *read_line(char *line, struct entry *e)
{
    char *name = strtok_r(line, " \t", &line), *scopes = strtok_r(NULL, " \t", &line);
    char *digest = strtok_r(NULL, " \t", &line);

    if (!name || !scopes || !digest || strtok_r(NULL, " \t", &line))
        return "a line is NAME SCOPES SHA256 (kmcp token makes one)";
    if (!is_name(name))
        return "the name may hold letters, digits and . _ @ -, at most 60";
    e->scopes = read_scopes(scopes);
    if (!e->scopes)
        return "the scopes are read, reveal, write and destroy, separated by commas";
    if (!read_digest(digest, e->digest))
        return "the third word must be the 64 hexadecimal digits of the token's SHA-256";
    snprintf(e->name, sizeof e->name, "%s", name);
    return NULL;
}

/* A sentence, perhaps in SAID, or NULL: it is one more. */
static const char *add_entry(struct http_tokens *t, const struct entry *e, char said[200])
{
    struct entry *grown;

    for (size_t i = 0; i < t->n; i++) {
        bool name = strcmp(t->entries[i].name, e->name) == 0;

        if (!name && memcmp(t->entries[i].digest, e->digest, DIGEST_SIZE) != 0)
            continue;
        snprintf(said, 200, "the %s is in line %u already (name \"%s\"); remove one of the two lines%s",
                 name ? "name" : "token", t->entries[i].line, t->entries[i].name,
                 name ? ", or give one another name" : "");
        return said;
    }
    grown = realloc(t->entries, (t->n + 1) * sizeof *grown);
    if (!grown)
        return "out of memory";
    t->entries = grown;
    grown[t->n++] = *e;
    return NULL;
}

struct http_tokens *http_tokens_parse(const char *name, const char *text, size_t len, char *why,
                                      size_t why_size)
{
    struct http_tokens *t = calloc(1, sizeof *t);
    const char *at = text, *end = text + len, *fault = t ? NULL : "out of memory";
    unsigned number = 0;
    char said[200];

    while (at < end && !fault) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        struct entry e = { 0 };
        char line[400];

        number++;
        if (n >= sizeof line || memchr(at, '\0', n)) {
            fault = "the line is too long, or no text";
            break;
        }
        memcpy(line, at, n);
        line[n] = '\0';
        line[strcspn(line, "#\r")] = '\0';
        e.line = number;
        if (line[strspn(line, " \t")] && !(fault = read_line(line, &e)))
            fault = add_entry(t, &e, said);
        at += n + 1;
    }
    if (!fault && !t->n) {
        fault = "it holds no token (kmcp token makes one)";
        number = 0;
    }
    if (!fault)
        return t;
    if (number)
        snprintf(why, why_size, "%s:%u: %s", name, number, fault);
    else
        snprintf(why, why_size, "%s: %s", name, fault);
    http_tokens_free(t);
    return NULL;
}

struct http_tokens *http_tokens_read(const char *file, char *why, size_t why_size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct http_tokens *t = NULL;
    char *text = NULL, above[600];
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) != 0)
        snprintf(why, why_size, "the token file %s cannot be read: %s", file, strerror(errno));
    else if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 077))
        snprintf(why, why_size,
                 "the token file %s must be a file of yours that others cannot read; chmod 600 %s", file,
                 file);
    else if (!trust_above(file, above, sizeof above))
        snprintf(why, why_size, "the token file %s could be replaced by others: %s", file, above);
    else if (st.st_size > FILE_MAX || !(text = malloc((size_t)st.st_size + 1)))
        snprintf(why, why_size, "the token file %s is larger than %d bytes", file, FILE_MAX);
    else if ((n = read(fd, text, (size_t)st.st_size)) < 0)
        snprintf(why, why_size, "the token file %s cannot be read: %s", file, strerror(errno));
    else
        t = http_tokens_parse(file, text, (size_t)n, why, why_size);
    free(text);
    if (fd >= 0)
        close(fd);
    return t;
}

void http_tokens_free(struct http_tokens *t)
{
    if (t)
        free(t->entries);
    free(t);
}

const char *http_tokens_find(const struct http_tokens *t, const char *token, uint32_t *scopes)
{
    uint8_t digest[DIGEST_SIZE];
    const struct entry *found = NULL;

    if (strlen(token) > TOKEN_MAX || !digest_sha256(token, strlen(token), digest))
        return NULL;
    for (size_t i = 0; i < t->n; i++) /* all of them, whichever it is */
        if (digest_equal(digest, t->entries[i].digest, DIGEST_SIZE))
            found = &t->entries[i];
    if (!found)
        return NULL;
    *scopes = found->scopes;
    return found->name;
}

bool http_tokens_has(const struct http_tokens *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->entries[i].name, name) == 0)
            return true;
    return false;
}

bool http_tokens_fit(const char *name, const char *scopes, char *why, size_t why_size)
{
    if (!is_name(name))
        snprintf(why, why_size, "the name may hold letters, digits and . _ @ -, at most %d", NAME_MAX_);
    else if (!read_scopes(scopes))
        snprintf(why, why_size, "the scopes are read, reveal, write and destroy, separated by commas");
    else
        return true;
    return false;
}

bool http_tokens_make(const char *name, const char *scopes, char token[64], char *line, size_t line_size,
                      char *why, size_t why_size)
{
    uint8_t random[32], digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    if (!http_tokens_fit(name, scopes, why, why_size))
        return false;
    if (!digest_random(random, sizeof random))
        snprintf(why, why_size, "there is no randomness to be had (OpenSSL); see above");
    else {
        memcpy(token, "kmcp_", 5);
        digest_b64url(random, sizeof random, token + 5);
        if (digest_sha256(token, strlen(token), digest)) {
            digest_hex(digest, sizeof digest, hex);
            snprintf(line, line_size, "%s %s %s", name, scopes, hex);
            return true;
        }
        snprintf(why, why_size, "the token cannot be digested (OpenSSL)");
    }
    return false;
}
