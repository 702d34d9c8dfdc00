/* schema_pattern.c - the keyword "pattern" as a POSIX extended expression.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * What POSIX reads differently from ECMA-262 is refused, and so is what regcomp() would unfold without end:
 * it copies what is repeated, so repetitions of repetitions grow as powers (a++++, ((a{99}){99}){99}). */

#include <stdlib.h>
#include <string.h>

#include "schema_inner.h"

#define DEPTH_MAX 32    /* groups within groups */
#define COST_MAX  20000 /* atoms once everything is unfolded */

static const char *skip_bracket(const char *p)
{
    p += p[1] == '^' ? 2 : 1;
    if (*p == ']')
        p++;
    while (*p && *p != ']') {
        if (*p == '[' && strchr(":.=", p[1]) && p[1]) {
            char end[3] = { p[1], ']', '\0' };
            const char *found = strstr(p + 2, end);

            p = found ? found + 1 : p;
        }
        p++;
    }
    return *p ? p + 1 : p;
}

/* What the quantifier at *P, if there is one, makes of an atom that costs COST. A second one after it would
 * be lazy or an error to ECMA-262, and something else to POSIX. */
static double repeated(const char **p, double cost)
{
    char kind = **p;

    if (!kind || !strchr("*+?{", kind))
        return cost;
    if (kind == '{') {
        char *end = NULL;
        double least = strtod(*p + 1, &end), most = *end == ',' ? strtod(end + 1, &end) : least;

        cost *= 1 + (most > least ? most : least);
        *p = *end == '}' ? end : *p;
    }
    (*p)++;
    if (**p && strchr("*+?{", **p))
        return COST_MAX + 1.0;
    return kind == '+' ? 2 * cost : cost + 1;
}

/* Atoms from *P up to the end of the group or text; more than COST_MAX is as good as endless. */
static double cost_of(const char **p, int depth)
{
    double sum = 0;

    while (**p && **p != ')' && sum <= COST_MAX) {
        double atom = 1;

        if (**p == '(' && depth == DEPTH_MAX)
            return COST_MAX + 1.0;
        if (**p == '(') {
            (*p)++;
            atom += cost_of(p, depth + 1);
            *p += **p == ')';
        } else if (**p == '[') {
            *p = skip_bracket(*p);
        } else {
            *p += **p == '\\' && (*p)[1] ? 2 : 1;
        }
        sum += repeated(p, atom);
    }
    return sum;
}

const char *schema_pattern_compile(regex_t *regex, const char *text)
{
    static const char *const foreign[] = { "\\d", "\\w", "\\s", "\\b", "\\u", "\\p",
                                           "\\D", "\\W", "\\S", "\\B", "\\k", "(?" };
    const char *p = text;

    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strstr(text, foreign[i]))
            return "a pattern with \\d, \\w, \\s, \\b, \\u, \\p or (?, which kmcp does not read; write it "
                   "with "
                   "[0-9] and the like";
    for (const char *at = strchr(text, '\\'); at && at[1]; at = strchr(at + 2, '\\'))
        if (at[1] >= '1' && at[1] <= '9')
            return "a pattern with a back-reference, which kmcp does not read";
    if (cost_of(&p, 0) > COST_MAX)
        return "a pattern whose repetitions repeat one another or multiply too far";
    if (*p || regcomp(regex, text, REG_EXTENDED | REG_NOSUB) != 0)
        return "a pattern that is not a regular expression";
    return NULL;
}
