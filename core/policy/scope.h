/* scope.h - to which calls a rule or a cap applies.  SPDX-License-Identifier: Apache-2.0
 *
 * Every condition that is set must hold; a condition is a list, and one of its words is enough. Words are
 * separated by commas (one in 'single quotes' may hold some), compared as base/fold.h does and without the
 * white space around them, and may hold * for anything.
 */
#ifndef KMCP_SCOPE_H
#define KMCP_SCOPE_H

#include <stdbool.h>
#include "base/config.h"
#include "case.h"
#include "window.h"

enum scope_key {
    SCOPE_TOOLS,
    SCOPE_CLASSES,
    SCOPE_PRINCIPALS,
    SCOPE_TRANSPORTS,
    SCOPE_DEVICES, /* by id, serial number or name */
    SCOPE_USERS,   /* by mail or name */
    SCOPE_BLUEPRINTS,
    SCOPE_TAGS,
    SCOPE_PLATFORMS,
    SCOPE_KEYS
};

struct scope {
    const char *words[SCOPE_KEYS]; /* NULL: any */
    struct window *when;           /* NULL: any time */
};

/* Reads the keys of SECTION. False with the config's error. */
bool scope_read(struct scope *s, struct config *c, const char *section);
/* The name of a key, for I under SCOPE_KEYS, or "when"; NULL after that. */
const char *scope_key_name(size_t i);
void scope_free(struct scope *s);
/* Does the scope hold for SUBJECT of the case? UNKNOWN: what to take for a condition on a fact that was not
 * said. WHY (may be NULL) gets the name of the key that did not hold. */
bool scope_holds(const struct scope *s, const struct policy_case *c, size_t subject, bool unknown,
                 const char **why);
/* Could it hold for a call of TOOL, whoever and whatever it is about? SURELY: it does in any case. */
bool scope_covers(const struct scope *s, const char *tool, kmcp_safety safety, bool *surely);
/* Does it need the fact NAME? */
bool scope_wants(const struct scope *s, const char *name);
/* Does it say anything about subjects? */
bool scope_has_subjects(const struct scope *s);
/* Can TEXT be who asks, if each * in it is something? False with a sentence in WHY. */
bool scope_is_principal(const char *text, size_t len, char *why, size_t why_size);
/* "DESTROY". */
const char *scope_class_name(kmcp_safety safety);
/* Does one of WORDS, "a, b*", match TEXT? */
bool scope_word(const char *words, const char *text);
/* The next word of *LIST, without the white space around it, LEN bytes long; NULL at the end. */
const char *scope_next(const char **list, size_t *len);

#endif
