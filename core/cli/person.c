/* person.c - which person is at the terminal: who the record names.  SPDX-License-Identifier: Apache-2.0 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "cli.h"
#include "policy/approvers.h"
#include "policy/tries.h"

enum person person_identify(struct host *host, char who[PERSON_SIZE], char *why, size_t why_size)
{
    const char *file = host->policy.approvers;
    char name[64], passphrase[256], user[110];
    int64_t wait = 0;
    enum state_rc rc;
    size_t n;
    bool ok;

    terminal_who(user, sizeof user);
    snprintf(who, PERSON_SIZE, "%s", user);
    if (!file)
        return PERSON_KNOWN;
    if (!approvers_check(file, &n, why, why_size))
        return PERSON_NONE;
    snprintf(why, why_size, "nobody said who they are");
    if (!terminal_ask("Your name as approver: ", name, sizeof name, false))
        return PERSON_NONE;
    rc = tries_take(host->state, name, &wait);
    if (rc == STATE_LOST)
        state_why(host->state, why, why_size);
    else if (rc == STATE_NO)
        snprintf(why, why_size, "too many failed tries (%.40s); wait %lld minutes", name,
                 (long long)((wait + 59999) / 60000));
    if (rc != STATE_YES || !terminal_ask("Your passphrase: ", passphrase, sizeof passphrase, true))
        return PERSON_NONE;
    ok = approvers_know(file, name, passphrase, why, why_size);
    digest_wipe(passphrase, sizeof passphrase);
    if (ok)
        tries_give_back(host->state, name);
    snprintf(who, PERSON_SIZE, "%.40s on %s", ok ? name : "somebody unknown", user);
    return ok ? PERSON_KNOWN : PERSON_WRONG;
}

/* A letter or digit of any script: what is none of ASCII's and no punctuation. */
static bool has_words(const char *text)
{
    size_t left = strlen(text), len;

    for (; left && (len = text_utf8_len(text, left)); text += len, left -= len) {
        uint32_t c = text_codepoint(text, len);

        if (c < 0x80 ? isalnum((int)c) : c > 0xBF && (c < 0x2000 || c > 0x206F) && (c < 0x3000 || c > 0x303F))
            return true;
    }
    return false;
}

const char *person_lacks(const char *reason, bool needs_reason)
{
    if (needs_reason && (!reason || strlen(reason) < 3 || !has_words(reason)))
        return "say why, with --reason TEXT of at least three characters, a letter or digit among them; it "
               "is "
               "recorded";
    return terminal_is_there() ? NULL : "a person has to do this on a terminal; standard input is none";
}

bool person_may_open(struct host *host, struct audit_call *record, char who[PERSON_SIZE], char *why,
                     size_t why_size)
{
    struct policy_ruling frozen;
    enum person person;

    terminal_who(who, PERSON_SIZE);
    record->principal = who;
    if (policy_is_frozen(&host->policy, &frozen)) {
        snprintf(why, why_size, "%s", frozen.why);
        record->rule = "freeze";
        audit_refused(host->audit, record, why);
        return false;
    }
    person = person_identify(host, who, why, why_size);
    if (person == PERSON_WRONG)
        audit_refused(host->audit, record, why);
    return person == PERSON_KNOWN;
}
