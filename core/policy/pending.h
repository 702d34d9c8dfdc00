/* pending.h - calls that wait for a person outside the model and the client.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * One record in the state for each call (principal, tool, arguments) that needs one. It is bound to what the
 * plan found, the request that would be sent and the policy; an approval counts for exactly that, once, until
 * it expires. The arguments that a schema calls writeOnly are not kept. What names a person (arguments,
 * sentence, request, reason) is sealed with KEY; a record that it does not open is none.
 */
#ifndef KMCP_PENDING_H
#define KMCP_PENDING_H

#include "base/digest.h"
#include "base/json.h"
#include "state/state.h"

#define PENDING_ID_SIZE 10 /* "7KQF-X2MA" */

enum pending_stage { PENDING_WAITING, PENDING_APPROVED, PENDING_DENIED, PENDING_USED, PENDING_VOID };

struct pending {
    enum pending_stage stage;
    char id[PENDING_ID_SIZE];
    char call[2 * DIGEST_SIZE + 1]; /* its key: of principal, tool, arguments, machine */
    char plan[2 * DIGEST_SIZE + 1], request_sha256[2 * DIGEST_SIZE + 1];
    char policy[17];
    char unknown[33]; /* the act nobody knows the end of that this would do again; "": none */
    const char *tool, *principal, *client, *transport;
    const char *host;     /* the machine it was asked on, where several share the state; or NULL */
    const char *args;     /* as the caller said them; canonical, without writeOnly members */
    const char *sentence; /* of the plan */
    const char *request;  /* what would be sent, for people; or NULL */
    const char *reason, *rule;
    int64_t asked_ms, expires_ms;
    int needs;         /* people */
    const char *by[2]; /* who approved, or denied */
    int64_t by_ms[2];
    int n_by;
    int64_t version;
};

enum state_rc pending_get(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE], const char *call,
                          struct pending *out);
/* By the id that people type, case and hyphen ignored. NO: none of those that can be read; *BAD cannot. */
enum state_rc pending_find(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE], const char *id,
                           struct pending *out, size_t *bad);
/* All there are, N in *OUT, in A; *BAD more cannot be read. */
enum state_rc pending_all(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE],
                          struct pending **out, size_t *n, size_t *bad);
/* Writes it over the version it has. NO: somebody else was faster. */
enum state_rc pending_put(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE],
                          struct pending *p);
/* A fresh id. False without randomness. */
bool pending_name(struct pending *p);
const char *pending_stage_name(enum pending_stage stage);

#endif
