/* mask.h - hides declared fields of a reply, and what they held, from everything that leaves the host.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_MASK_H
#define KMCP_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/json.h"

#define MASK_PERSON "[redacted]"
#define MASK_SECRET "[secret]"

/* Values seen in masked fields during one call, at most MASK_SEEN_MAX, so that error texts can be scrubbed of
 * them. */
#define MASK_SEEN_MAX 4096

/* A value that the caller knows by NAME alone, and the plugin in clear. */
struct mask_resolved {
    const char *value, *name;
    bool ordinary; /* it stands in a field of this call's replies that is nobody's: "Mac" */
    struct mask_resolved *next;
};

struct mask_seen {
    /* what is put in a person's place instead of MASK_PERSON: pseudonyms; NULL: nothing */
    const char *(*name)(void *arg, const char *field, const char *value);
    void *name_arg;
    struct arena *arena;
    const char **values;
    const char **names; /* what stands for each of them; NULL: MASK_PERSON */
    size_t n, cap;
    struct mask_resolved *resolved;
};

/* Replaces every string and number under the fields that FIELDS names ("KEY" or "PARENT.KEY" separated by
 * spaces, at any depth; arrays are looked through) by MASK. Booleans, empty strings and null stay: "no user"
 * is not a person. SEEN, if given, collects what was there (values of 2 bytes and more; those under 4 are
 * found as whole words only). False when out of memory: nothing may leave. */
bool mask_apply(struct arena *a, kmcp_json *reply, const char *fields, const char *mask,
                struct mask_seen *seen);
/* Replaces every value under the fields by what SWAP makes of it, and by MASK_SECRET where that is NULL. */
bool mask_swap(struct arena *a, kmcp_json *reply, const char *fields,
               const char *(*swap)(void *arg, const char *field, const char *value), void *arg);
/* Adds VALUE, for which NAME stands. */
bool mask_remember(struct mask_seen *seen, const char *value, const char *name);
/* The same for a value that the arguments named by NAME. */
bool mask_resolve(struct mask_seen *seen, const char *value, const char *name);
/* Collects without replacing: while planning, the real values are needed to name the target to a person. */
bool mask_collect(const kmcp_json *reply, const char *fields, struct mask_seen *seen);
/* TEXT with every value of SEEN replaced by its name or MASK_PERSON, and every word with an '@' in it by
 * MASK_PERSON; in the arena. */
char *mask_scrub(struct arena *a, const struct mask_seen *seen, const char *text);
/* TEXT with what was resolved replaced by its name again, for a plugin may repeat its arguments; TEXT itself
 * if there is nothing. What is ordinary stays: a device named "Mac" must not rename the platform, and persons
 * in replies were renamed as they came in. NULL: no memory. */
const char *mask_rename(struct arena *a, const struct mask_seen *seen, const char *text);
/* Does ROW meet the condition? See struct kmcp_where. Under the fields WHOLE (NULL: none), what would contain
 * the value has to equal it: who may not see a person may not search him out letter by letter. */
bool mask_where(const kmcp_json *row, const struct kmcp_where *where, const char *whole);

#endif
