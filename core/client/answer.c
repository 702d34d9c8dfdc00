/* answer.c - the shapes of a 2xx to an act (api section 1.10): empty, or an object that complains of nothing.
 * SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "answer.h"
#include "base/text.h"

/* Two routes answer otherwise: items of a blueprint are listed, and a deleted user is told of in "detail". */
static bool lists_items(const struct kmcp_route *r)
{
    static const char end[] = "-library-item";
    size_t len = strlen(r->path), n = sizeof end - 1;

    return len > n && strcmp(r->path + len - n, end) == 0;
}

static bool tells_in_detail(const struct kmcp_route *r)
{
    return strcmp(r->method, "DELETE") == 0 && strstr(r->path, "/users/");
}

static bool complains(const struct kmcp_route *r, const kmcp_json *body)
{
    for (const kmcp_json *item = json_first(body); item; item = json_next(item)) {
        const char *key = json_key(item), *text = json_str(item);
        bool flag;

        if (text_casecmp(key, "error") == 0 || text_casecmp(key, "errors") == 0 ||
            (text_casecmp(key, "detail") == 0 && !tells_in_detail(r)))
            return true;
        if (text_casecmp(key, "success") == 0 && json_bool(item, &flag) && !flag)
            return true;
        if (text_casecmp(key, "status") == 0 && text &&
            (text_casecmp(text, "error") == 0 || text_casecmp(text, "failed") == 0))
            return true;
    }
    return false;
}

bool answer_is_fit(const struct kmcp_route *route, int status, const kmcp_json *body)
{
    if (status != 200 && status != 201 && status != 202 && status != 204)
        return false; /* a part (206), somebody else's version (203), ... */
    if (!body)
        return true;
    if (json_kind(body) == KMCP_JSON_ARRAY)
        return lists_items(route);
    return json_kind(body) == KMCP_JSON_OBJECT && !complains(route, body);
}
