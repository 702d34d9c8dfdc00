/* replay_case.h - the case that a record tells of, and what the record leaves out.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_REPLAY_CASE_H
#define KMCP_REPLAY_CASE_H

#include "base/json.h"
#include "policy/case.h"

/* The case that RECORD tells of. False: it tells of none, or of what only reads. */
bool replay_case(struct arena *a, const kmcp_json *record, struct policy_case *out);
/* The same case as if there were none of what was left out, behind its own facts. NULL: nothing was. */
const struct policy_case *replay_without(struct arena *a, const kmcp_json *record,
                                         const struct policy_case *past);
/* Was it recorded with redact_pii? Then there is no label. */
bool replay_is_redacted(const kmcp_json *record);
/* Is FACT one that such a record leaves out? */
bool replay_is_personal(const char *fact);

#endif
