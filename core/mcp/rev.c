/* rev.c - the table of protocol revisions.  SPDX-License-Identifier: Apache-2.0 */
#include "rev.h"

#include <string.h>

#define REV_2025_03 (REV_ANNOTATIONS | REV_PROGRESS_MESSAGE)
#define REV_2025_06 (REV_2025_03 | REV_TITLE | REV_STRUCTURED | REV_ASK_REQUEST)
#define REV_2025_11 (REV_2025_06 | REV_ASK_MODE)
#define REV_2026_07                                                                                          \
    (REV_2025_03 | REV_TITLE | REV_STRUCTURED | REV_ASK_MODE | REV_ASK_RESULT | REV_RESULT_TYPE |            \
     REV_CACHE_HINTS | REV_SERVER_META)

static const struct rev revs[] = {
    { "2024-11-05", false, 0 },           { "2025-03-26", false, REV_2025_03 | REV_BATCH },
    { "2025-06-18", false, REV_2025_06 }, { "2025-11-25", false, REV_2025_11 },
    { "2026-07-28", true, REV_2026_07 },
};

#define N_REVS (sizeof revs / sizeof *revs)

const struct rev *rev_find(const char *date)
{
    for (size_t i = 0; i < N_REVS; i++)
        if (!strcmp(revs[i].date, date))
            return &revs[i];
    return NULL;
}

const struct rev *rev_latest_legacy(void)
{
    const struct rev *latest = &revs[0];

    for (size_t i = 0; i < N_REVS; i++)
        if (!revs[i].modern)
            latest = &revs[i];
    return latest;
}

const struct rev *rev_modern(size_t i)
{
    for (size_t k = 0; k < N_REVS; k++)
        if (revs[k].modern && !i--)
            return &revs[k];
    return NULL;
}
