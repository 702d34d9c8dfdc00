/* pseudonym.h - stable names for persons and their devices that the model can join on and pass back, and that
 * only who has the key can open.  SPDX-License-Identifier: Apache-2.0
 *
 * A token is KIND ":" and 12 hexadecimal digits of HMAC-SHA256(key, KIND NUL value): the same value has the
 * same token in every tool, process and session of one tenant folder. What a token stands for is kept,
 * sealed, in the state, for those tokens alone that left the host.
 */
#ifndef KMCP_PSEUDONYM_H
#define KMCP_PSEUDONYM_H

#include "base/json.h"
#include "state/state.h"

#define PSEUDONYM_MAX 24 /* of a token, with its end */

struct pseudonyms; /* key and store, for the process */
struct pseudo_map; /* what was named in one call: token to value */

struct pseudonyms *pseudonyms_new(struct state *s);
void pseudonyms_free(struct pseudonyms *p);
/* Is the key to be had? MAKE: it is made if it is not there. False with a sentence in WHY. */
bool pseudonyms_ready(struct pseudonyms *p, bool make, char *why, size_t why_size);
/* The kind of a value of FIELD: "user", "mail", "serial", "device", "asset", "phone", "place" or "person". */
const char *pseudonym_kind(const char *field, const char *value);
bool pseudonym_is_kind(const char *kind);
/* The token of VALUE. False without key or OpenSSL. */
bool pseudonym_of(struct pseudonyms *p, const char *kind, const char *value, char token[PSEUDONYM_MAX]);
/* The length of the token that TEXT begins with, or 0. */
size_t pseudonym_at(const char *text);
/* What TOKEN stands for, in A; NULL with a sentence in WHY. */
const char *pseudonym_open(struct pseudonyms *p, struct arena *a, const char *token, char *why,
                           size_t why_size);

struct pseudo_map *pseudo_map_new(void);
void pseudo_map_free(struct pseudo_map *m);
/* Remembers what TOKEN stands for; best effort, at most a million of them. */
void pseudo_map_add(struct pseudo_map *m, const char *token, const char *value);
/* Keeps those tokens of M that stand in TEXT, so that they can be passed back. False if the state was lost.
 */
bool pseudo_map_keep(struct pseudonyms *p, const struct pseudo_map *m, const char *text);

#endif
