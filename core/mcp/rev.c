/* rev.c - the table of protocol revisions.  SPDX-License-Identifier: Apache-2.0 */
#include "rev.h"

#include <string.h>

#define REV_2024_11 REV_NOT_FOUND
#define REV_2025_03 (REV_2024_11 | REV_ANNOTATIONS | REV_PROGRESS_MESSAGE | REV_AUDIO)
#define REV_2025_06 (REV_2025_03 | REV_TITLE | REV_STRUCTURED | REV_ASK_FORM | REV_LINK)
#define REV_2025_11                                                                                          \
    (REV_2025_06 | REV_ASK_MODE | REV_ICONS | REV_ASK_URL | REV_ASK_URL_ID | REV_FORM_RICH |                 \
     REV_SAMPLE_TOOLS | REV_SSE_RESUME)
#define REV_2026_07                                                                                          \
    ((REV_2025_11 & ~(REV_NOT_FOUND | REV_ASK_URL_ID | REV_SSE_RESUME)) | REV_ASK_RESULT | REV_RESULT_TYPE | \
     REV_CACHE_HINTS | REV_SERVER_META | REV_LISTEN | REV_EXTENSIONS | REV_LOG_PER_REQUEST |                 \
     REV_HTTP_STATUS | REV_HANGUP_CANCELS)

static const struct rev revs[REV_COUNT] = {
    { "2024-11-05", false, REV_2024_11 }, { "2025-03-26", false, REV_2025_03 | REV_BATCH },
    { "2025-06-18", false, REV_2025_06 }, { "2025-11-25", false, REV_2025_11 },
    { "2026-07-28", true, REV_2026_07 },
};

const struct rev *rev_find(const char *date)
{
    for (size_t i = 0; i < REV_COUNT; i++)
        if (!strcmp(revs[i].date, date))
            return &revs[i];
    return NULL;
}

const struct rev *rev_latest_legacy(void)
{
    const struct rev *latest = &revs[0];

    for (size_t i = 0; i < REV_COUNT; i++)
        if (!revs[i].modern)
            latest = &revs[i];
    return latest;
}

const struct rev *rev_modern(size_t i)
{
    for (size_t k = 0; k < REV_COUNT; k++)
        if (revs[k].modern && !i--)
            return &revs[k];
    return NULL;
}

size_t rev_index(const struct rev *rev)
{
    return (size_t)(rev - revs);
}
