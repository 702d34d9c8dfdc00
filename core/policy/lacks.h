/* lacks.h - what a ruling would need to know.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_LACKS_H
#define KMCP_LACKS_H

#include "policy.h"

/* MORE is C with more facts behind its own. The first of them that, said too, makes the verdict another
 * (RULE: or another rule decide); OTHER is that ruling. NULL: all the same with and without. */
const struct policy_fact *lacks_find(const struct policy *p, const struct policy_case *c,
                                     const struct policy_case *more, bool rule, struct policy_ruling *other);

#endif
