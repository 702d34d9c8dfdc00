/* state_open.c - the store's front: where it is, and when it is opened, given up and opened again.
 * SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lazy.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/trust.h"
#include "state_inner.h"

#define REOPEN_MS 2000 /* a lost store is tried again after so long */

/* ---- where it is ---- */

/* REDIS is redis://HOST[:PORT][/NUMBER]; *HOST_LEN bytes of it are the host's. */
static bool is_url(const char *redis, size_t *host_len)
{
    const char *at = redis + 8;
    size_t n;

    if (strncmp(redis, "redis://", 8) != 0 || strlen(redis) > 500)
        return false;
    *host_len = strcspn(at, ":/");
    at += *host_len;
    if (*at == ':') {
        n = strspn(++at, "0123456789");
        if (!n || n > 5 || strtol(at, NULL, 10) > 65535)
            return false;
        at += n;
    }
    if (*at == '/') {
        n = strspn(++at, "0123456789");
        if (n > 5)
            return false;
        at += n;
    }
    return !*at && *host_len && *host_len < 256 && strcspn(redis + 8, "@?#%\\ ") >= *host_len;
}

/* What may be sent in clear: to this machine, or where the INI says so. */
static bool is_fit(struct config *c, const char *redis)
{
    bool plain = config_bool(c, "state", "redis_plain", false);
    int line = redis ? config_find(c, "state", "redis")->line : 0;
    size_t n;

    if (!redis || strncmp(redis, "unix:/", 6) == 0)
        return true;
    if (!is_url(redis, &n))
        return config_fail(c, line, "\"redis\" must be redis://HOST:PORT/NUMBER or unix:/PATH");
    if (!plain &&
        !(n == 9 && (memcmp(redis + 8, "127.0.0.1", n) == 0 || memcmp(redis + 8, "localhost", n) == 0)))
        return config_fail(
            c, line,
            "Redis on another machine is reached in clear; put a tunnel with TLS before it and name its "
            "local end, or set redis_plain = yes in [state]");
    return true;
}

struct state *state_new(struct config *c, const char *tenant)
{
    const char *folder = config_path(c, "state", "folder"), *redis = config_str(c, "state", "redis", NULL);
    int64_t seconds = config_int(c, "state", "timeout", 1, 60, 5);
    const char *password_file = config_path(c, "state", "redis_password_file");
    const char *user = config_str(c, "state", "redis_user", NULL);
    struct state *s = calloc(1, sizeof *s);

    if (!is_fit(c, redis) || c->error[0] || !s) {
        free(s);
        config_fail(c, 0, "out of memory");
        return NULL;
    }
    if (folder)
        snprintf(s->folder, sizeof s->folder, "%s", folder);
    else if (!config_state_folder(s->folder, sizeof s->folder))
        s->folder[0] = '\0';
    s->redis = redis != NULL;
    s->user = user;
    s->password_file = password_file;
    s->timeout_ms = (int)(1000 * seconds);
    if (redis)
        snprintf(s->path, sizeof s->path, "%s", redis);
    else if (s->folder[0])
        snprintf(s->path, sizeof s->path, "%s/state.db", s->folder);
    snprintf(s->tenant, sizeof s->tenant, "%s", tenant);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    if (s->db)
        s->ops->close(s->db);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *state_folder(const struct state *s)
{
    return s ? s->folder : "";
}

const char *state_place(const struct state *s)
{
    return s->path;
}

bool state_is_shared(const struct state *s)
{
    return s && s->redis;
}

bool state_exists(const struct state *s)
{
    return s && (s->redis || access(s->path, F_OK) == 0);
}

/* ---- opening ---- */

static bool make_folder(struct state *s)
{
    char path[520], above[400];
    struct stat st;

    snprintf(path, sizeof path, "%s/", s->folder);
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            snprintf(s->fault, sizeof s->fault,
                     "the state folder \"%s\" cannot be made (%s); make it, or set folder in [state]",
                     s->folder, strerror(errno));
            return false;
        }
        *p = '/';
    }
    if (stat(s->path, &st) == 0 && (st.st_uid != geteuid() || (st.st_mode & 077))) {
        snprintf(s->fault, sizeof s->fault,
                 "the state file \"%s\" belongs to somebody else or is open to others; chown it to the user "
                 "that runs kmcp and chmod 600 it",
                 s->path);
        return false;
    }
    if (!trust_above(s->path, above, sizeof above)) {
        snprintf(s->fault, sizeof s->fault,
                 "the state file \"%s\" could be replaced by others: %.200s; or set folder in [state]",
                 s->path, above);
        return false;
    }
    return true;
}

static bool open_store(struct state *s)
{
    struct state_place place = { .path = s->path, .timeout_ms = s->timeout_ms };
    struct secret password = { 0 };

    if (!s->path[0]) {
        snprintf(s->fault, sizeof s->fault,
                 "there is no place for the state (no HOME); set folder in [state] to a full path");
        return false;
    }
    if (!s->ops)
        s->ops = s->redis ? lazy_load("redis", "kmcp_redis_v1", s->fault, sizeof s->fault)
                          : lazy_load("sqlite", "kmcp_sqlite_v1", s->fault, sizeof s->fault);
    if (!s->ops || (!s->redis && !make_folder(s)))
        return false;
    if (s->redis && s->password_file &&
        !secret_from_file(&password, s->password_file, s->fault, sizeof s->fault))
        return false;
    place.password = !s->redis ? NULL : password.text ? password.text : getenv("KMCP_REDIS_PASSWORD");
    place.user = s->user;
    if (s->redis && s->user && !place.password)
        snprintf(s->fault, sizeof s->fault,
                 "redis_user is set, but there is no password for it; set redis_password_file in [state]");
    else
        s->db = s->ops->open(&place, s->fault);
    secret_free(&password);
    return s->db != NULL;
}

/* Under the lock: is it open, now? */
static bool opened(struct state *s)
{
    if (s->db)
        return true;
    if (s->tried_ms && clock_ms() - s->tried_ms < REOPEN_MS)
        return false;
    if (open_store(s)) {
        s->tried_ms = 0;
        return true;
    }
    if (!s->tried_ms)
        log_line(KMCP_LOG_ERROR, "state", "%s", s->fault);
    s->tried_ms = clock_ms();
    return false;
}

/* Under the lock: after STATE_LOST the store is closed, so that the next one opens it afresh. */
static enum state_rc settle(struct state *s, enum state_rc rc)
{
    if (rc == STATE_LOST) {
        log_line(KMCP_LOG_ERROR, "state", "%s", s->fault);
        s->ops->close(s->db);
        s->db = NULL;
        s->tried_ms = clock_ms();
    }
    return rc;
}

bool state_enter(struct state *s)
{
    pthread_mutex_lock(&s->lock);
    if (opened(s))
        return true;
    pthread_mutex_unlock(&s->lock);
    return false;
}

enum state_rc state_leave(struct state *s, enum state_rc rc)
{
    rc = settle(s, rc);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

bool state_ready(struct state *s, char *why, size_t why_size)
{
    if (!s || !state_enter(s)) {
        state_why(s, why, why_size);
        return false;
    }
    return state_leave(s, STATE_YES) == STATE_YES;
}

void state_why(struct state *s, char *why, size_t why_size)
{
    if (!s) {
        snprintf(why, why_size, "there is no state");
        return;
    }
    pthread_mutex_lock(&s->lock);
    snprintf(why, why_size, "%s", s->fault[0] ? s->fault : "the state cannot be used");
    pthread_mutex_unlock(&s->lock);
}

enum state_rc state_keeps(struct state *s, char *why, size_t why_size)
{
    char fault[STATE_FAULT_MAX] = "";
    enum state_rc rc;

    if (!s || !state_enter(s))
        return STATE_LOST;
    rc = s->ops->keeps ? s->ops->keeps(s->db, fault) : STATE_YES;
    state_leave(s, STATE_YES); /* one that does not say is not lost */
    snprintf(why, why_size, "%s", fault);
    return rc;
}
