/* case.h - what policy decides about: who wants which tool to touch what, and when.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CASE_H
#define KMCP_CASE_H

#include <stddef.h>
#include <stdint.h>
#include <kmcp/plugin.h>

/* One thing a plan said of its subject number SUBJECT. VALUE "": there is none. */
struct policy_fact {
    size_t subject;
    const char *name, *value;
};

struct policy_case {
    const char *tool, *principal, *transport;
    kmcp_safety safety;
    size_t n_subjects;
    const char *const *kinds, *const *ids; /* of each subject */
    const struct policy_fact *facts;
    size_t n_facts;
    int64_t now_ms;     /* Unix milliseconds */
    const uint8_t *key; /* DIGEST_SIZE bytes: under what persons are counted in the state */
};

/* The I-th value of fact NAME of SUBJECT, or NULL. "id" is the subject's own. */
const char *case_fact(const struct policy_case *c, size_t subject, const char *name, size_t i);
/* Was the fact said at all? */
int case_says(const struct policy_case *c, size_t subject, const char *name);

#endif
