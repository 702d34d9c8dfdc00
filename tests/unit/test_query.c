/* test_query.c - what a question about a list means: values, conditions, arguments, rows, groups.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "query/push.h"
#include "query/rows.h"
#include "query/tally.h"

#define NOW 1764000000000 /* 2025-11-24T16:00:00Z */

static const struct kmcp_route route = { .method = "GET", .path = "/api/v1/devices" };
static const struct kmcp_request request = { .struct_size = sizeof request, .route = &route };
static const struct kmcp_column columns[] = {
    { "name", "name", "name", KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN },
    { "platform", "platform", "platform", KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN | KMCP_COLUMN_EXACT },
    { "version", "version", "version", KMCP_COLUMN_VERSION, 0 },
    { "seen", "seen", NULL, KMCP_COLUMN_DATE, 0 },
    { "mail", "user.mail|mail", NULL, KMCP_COLUMN_TEXT, 0 },
    { "tag", "tags", "tag", KMCP_COLUMN_LIST, KMCP_COLUMN_EXACT },
    { "size", "size", NULL, KMCP_COLUMN_NUMBER, 0 },
    { "missing", "missing", "missing", KMCP_COLUMN_BOOL, 0 },
};
static const struct kmcp_query query = {
    .struct_size = sizeof query, .request = &request, KMCP_COLUMNS(columns), .what = "things", .limit = 50
};
static struct arena a;

static int setup(void **state)
{
    (void)state;
    arena_init(&a, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&a, 0);
    return 0;
}

static kmcp_json *json(const char *text)
{
    kmcp_json *value = json_parse(&a, text, strlen(text), 0, NULL);

    if (!value)
        fail_msg("no JSON: %s", text);
    return value;
}

/* ---- values ---- */

static void dates_in_all_formats(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: no date */
    } dates[] = {
        { "2024-07-23T14:11:37.150080Z", 1721743897150 },
        { "2021-05-11T19:45:19Z", 1620762319000 },
        { "2024-01-26 16:15:36.087016+00:00", 1706285736087 },
        { "2024-06-17 11:32:35+00:00", 1718623955000 },
        { "2023-12-01T23:38:29.671124+00:00", 1701473909671 },
        { "2023-04-21T17:23:13.883134", 1682097793883 },
        { "2023-10-13 16:15:00.000000", 1697213700000 },
        { "2024-05-13 20:09:23 +0000", 1715630963000 },
        { "2024-05-13 20:09:23 +0200", 1715623763000 },
        { "2024-05-13T20:09:23-05:30", 1715650763000 },
        { "2024-05-13T20:09", 1715630940000 },
        { "2024-05-13", 1715558400000 },
        { "2024-02-29", 1709164800000 },
        { "1969-12-31T23:59:59.5Z", -500 },
        { "2023-02-29", -1 },
        { "2024-02-30", -1 },
        { "2024-04-31", -1 },
        { "2024-13-01", -1 },
        { "2024-00-01", -1 },
        { "2024-1-1", -1 },
        { "0000-01-01", -1 },
        { "2024-05-13T", -1 },
        { "2024-05-13T24:00", -1 },
        { "2024-05-13T20:60", -1 },
        { "2024-05-13T20:09:61", -1 },
        { "2024-05-13T20:09:23+99:00", -1 },
        { "2024-05-13T20:09:23Zulu", -1 },
        { "2024-05-13x", -1 },
        { "20240513", -1 },
        { "Feb 27, 2024 at 7:34:21 AM", -1 },
        { "1 month ago", -1 },
        { "", -1 },
        { "-7d", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        int64_t ms = -1;
        bool is = value_date(dates[i].text, &ms);

        if (is != (dates[i].ms != -1) || ms != dates[i].ms)
            fail_msg("%s: %d, %lld", dates[i].text, is, (long long)ms);
    }
}

static void versions_compare_by_their_numbers(void **state)
{
    static const struct {
        const char *x, *y;
        int order;
        bool begins; /* does X begin with Y? */
    } pairs[] = {
        { "14.10", "14.9", 1, false },
        { "14.4.1", "14", 1, true },
        { "14.4.1", "14.", 1, true },
        { "14.4.1", "14.4", 1, true },
        { "14.4.1", "1", 1, false },
        { "14", "14.0", 0, false },
        { "4.5.9 (5160)", "4.5.9", 1, true },
        { "4.5.9 (5160)", "4.5.9 (5161)", -1, false },
        { "25H2", "24H2", 1, false },
        { "v26.1", "26.1", 0, true },
        { "99999999999999999999", "1", 1, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(value_version(pairs[i].x, pairs[i].y), pairs[i].order);
        assert_int_equal(value_version(pairs[i].y, pairs[i].x), -pairs[i].order);
        if (value_version_begins(pairs[i].x, pairs[i].y) != pairs[i].begins)
            fail_msg("%s begins with %s?", pairs[i].x, pairs[i].y);
    }
}

static void truths(void **state)
{
    static const char *const texts[] = {
        "true", "TRUE", "yes", "On", "1", "false", "False", "NO", "off", "0"
    };
    bool truth;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_true(value_bool(texts[i], &truth));
        assert_int_equal(truth, i < 5);
    }
    assert_false(value_bool("maybe", &truth));
    assert_false(value_bool("", &truth));
}

static void cells_are_one_line(void **state)
{
    static const struct {
        const char *node, *shown;
        uint32_t type;
    } cells[] = {
        { "\"a\\tb\\nc\"", "a b c", KMCP_COLUMN_TEXT },
        { "null", "", KMCP_COLUMN_TEXT },
        { "\"\"", "", KMCP_COLUMN_DATE },
        { "\"2024-05-13 20:09:23 +0200\"", "2024-05-13T18:09Z", KMCP_COLUMN_DATE },
        { "\"1 month ago\"", "1 month ago", KMCP_COLUMN_DATE },
        { "true", "yes", KMCP_COLUMN_BOOL },
        { "[\"x\",\"y\"]", "x,y", KMCP_COLUMN_LIST },
        { "[]", "", KMCP_COLUMN_LIST },
        { "12.5", "12.5", KMCP_COLUMN_NUMBER },
        { "\"19%\"", "19%", KMCP_COLUMN_NUMBER },
        { "{\"a\":1}", "{\"a\":1}", KMCP_COLUMN_TEXT },
    };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        buf_init(&out, 1 << 16);
        buf_puts(&out, "");
        value_show(&out, json(cells[i].node), cells[i].type);
        assert_string_equal(out.data ? out.data : "", cells[i].shown);
        buf_free(&out);
    }
}

/* ---- conditions ---- */

static void conditions_hold(void **state)
{
    static const char row[] =
        "{\"name\":\"Ana's "
        "Mac\",\"platform\":\"Mac\",\"version\":\"14.4.1\",\"seen\":\"2025-11-20T10:30:00.5Z\","
        "\"user\":{\"mail\":\"ana@x.example\"},\"tags\":[\"Finance\",\"loaner\"],\"size\":\"228.27 "
        "GB\",\"missing\":false}";
    static const char bare[] =
        "{\"name\":\"\",\"version\":\"No value\",\"seen\":\"\",\"user\":\"\",\"tags\":[]}";
    static const struct {
        const char *text;
        bool of_row, of_bare;
    } rules[] = {
        { "name = ana's mac", 1, 0 },
        { "name != Ana's Mac", 0, 1 },
        { "name ~ MAC", 1, 0 },
        { "name!~mac", 0, 1 },
        { "name =", 0, 1 },
        { "name !=", 1, 0 },
        { "name = \"Ana's Mac\"", 1, 0 },
        { "name ~ Ana, or another", 0, 0 },
        { "name = ANA’S MAC", 1, 0 },
        { "name ~ \"Mac and name = x\"", 0, 0 },
        { "  name  ==  'Ana's Mac'  ", 1, 0 },
        { "name < B", 1, 0 },
        { "name >= B", 0, 0 },
        { "platform = Mac", 1, 0 },
        { "platform = mac", 0, 0 },
        { "platform ~ mac", 1, 0 },
        { "version = 14.4.1", 1, 0 },
        { "version = 14.4.1.0", 1, 0 },
        { "version ~ 14", 1, 0 },
        { "version ~ 1", 0, 0 },
        { "version !~ 14", 0, 1 },
        { "version >= 14.4", 1, 0 },
        { "version < 14.10", 1, 0 },
        { "version > 14.4.1", 0, 0 },
        { "version <= 14.4.1", 1, 0 },
        { "version =", 0, 1 },
        { "seen < -3d", 1, 1 },
        { "seen < -7d", 0, 1 },
        { "seen > -7d", 1, 0 },
        { "seen >= -100h", 0, 0 },
        { "seen >= -102h", 1, 0 },
        { "seen > -1w", 1, 0 },
        { "seen < -1y", 0, 1 },
        { "seen = 2025-11-20", 1, 0 },
        { "seen != 2025-11-20", 0, 1 },
        { "seen <= 2025-11-20", 1, 1 },
        { "seen < 2025-11-20", 0, 1 },
        { "seen > 2025-11-20", 0, 0 },
        { "seen >= 2025-11-20", 1, 0 },
        { "seen > 2025-11-20T10:30", 1, 0 },
        { "seen <= 2025-11-20T10:30Z", 0, 1 },
        { "seen =", 0, 1 },
        { "seen !=", 1, 0 },
        { "mail = ana@x.example", 1, 0 },
        { "mail =", 0, 1 },
        { "tag = Finance", 1, 0 },
        { "tag = finance", 0, 0 },
        { "tag != loaner", 0, 1 },
        { "tag ~ loan", 1, 0 },
        { "tag =", 0, 1 },
        { "tag !=", 1, 0 },
        { "size > 228", 1, 0 },
        { "size <= 228.27", 1, 0 },
        { "size = 1e2", 0, 0 },
        { "missing = no", 1, 0 },
        { "missing != yes", 1, 1 },
        { "missing =", 0, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct failure f = { 0 };
        struct condition c;

        if (condition_parse(&query, &a, rules[i].text, NOW, &c, &f) != KMCP_OK)
            fail_msg("%s: %s", rules[i].text, f.text);
        if (condition_holds(&c, json(row)) != rules[i].of_row)
            fail_msg("%s: not %d of the row", rules[i].text, rules[i].of_row);
        if (condition_holds(&c, json(bare)) != rules[i].of_bare)
            fail_msg("%s: not %d of the bare row", rules[i].text, rules[i].of_bare);
    }
}

/* Whatever the case, the apostrophe, and how accents are encoded; the API is asked for what it cannot see
 * otherwise. */
static void names_are_compared_as_people_do(void **state)
{
    static const struct {
        const char *text, *pushed; /* NULL: nothing */
        bool holds, exact;
    } rules[] = {
        { "name = ŽOFIE’S MüLLER Mac", "LLER Mac", true, false },
        { "name ~ žofie", "ofie", true, false },
        { "name ~ Žofie's", "ofie", true, false },
        { "name ~ Mu\xcc\x88ller", "ller", true, false },
        { "name ~ Ž", NULL, true, false },
        { "name ~ ller mac", "ller mac", true, true },
        { "name ~ Muller", "Muller", false, true },
        { "name ~ Mu", "Mu", false, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct failure f = { 0 };
        struct condition c;
        const char *pushed;
        bool exact;

        assert_int_equal(condition_parse(&query, &a, rules[i].text, NOW, &c, &f), KMCP_OK);
        if (condition_holds(&c, json("{\"name\":\"Žofie’s Müller Mac\"}")) != rules[i].holds)
            fail_msg("%s: not %d", rules[i].text, rules[i].holds);
        pushed = condition_pushed(&c, &a, &exact);
        if (!rules[i].pushed != !pushed || (pushed && strcmp(pushed, rules[i].pushed) != 0))
            fail_msg("%s: the API is asked for %s", rules[i].text, pushed ? pushed : "nothing");
        if (pushed)
            assert_int_equal(exact, rules[i].exact);
    }
}

static void errors_name_the_remedy(void **state)
{
    static const struct {
        const char *args, *part;
    } wrong[] = {
        { "{\"where\":[\"nam = x\"]}", "did you mean \"name\"? There are: name, platform, version" },
        { "{\"where\":[\"app_name = x\"]}", "did you mean \"name\"?" },
        { "{\"fields\":\"version_number\"}", "did you mean \"version\"?" },
        { "{\"sort\":\"plat\"}", "did you mean \"platform\"?" },
        { "{\"where\":[\"name\"]}", "write COLUMN OP VALUE" },
        { "{\"where\":[\"= x\"]}", "write COLUMN OP VALUE" },
        { "{\"where\":[5]}", "write COLUMN OP VALUE" },
        { "{\"where\":[\"name <\"]}", "only = and != go without" },
        { "{\"where\":[\"seen < yesterday\"]}", "-7d for seven days ago" },
        { "{\"where\":[\"seen < -7m\"]}", "(h, d, w, y)" },
        { "{\"where\":[\"version > new\"]}", "has no number" },
        { "{\"where\":[\"version = 14 or 15\"]}", "is not one, but more" },
        { "{\"where\":[\"version = 14,15\"]}", "is not one, but more" },
        { "{\"where\":[\"version < 15 and platform = Mac\"]}", "items of \"where\", which all hold" },
        { "{\"where\":[\"platform = Mac AND version<15\"]}", "items of \"where\", which all hold" },
        { "{\"where\":[\"name ~ a; platform = Mac\"]}", "items of \"where\", which all hold" },
        { "{\"where\":[\"name ~ a || name ~ b\"]}", "items of \"where\", which all hold" },
        { "{\"where\":[\"size > big\"]}", "is a number" },
        { "{\"where\":[\"size = nan\"]}", "is a number" },
        { "{\"where\":[\"size < inf\"]}", "is a number" },
        { "{\"where\":[\"size = 0x10\"]}", "is a number" },
        { "{\"where\":[\"size ~ 1\"]}", "= != < <= > >=" },
        { "{\"where\":[\"seen ~ -7d\"]}", "= != < <= > >=" },
        { "{\"where\":[\"seen !~ 2025-11-01\"]}", "= != < <= > >=" },
        { "{\"where\":[\"tag < b\"]}", "= != ~ !~" },
        { "{\"where\":[\"missing > yes\"]}", "missing = yes" },
        { "{\"where\":[\"missing = maybe\"]}", "missing = yes" },
        { "{\"fields\":\"name,colour\"}", "no column \"colour\"" },
        { "{\"sort\":\"-colour\"}", "no column \"colour\"" },
        { "{\"group_by\":\"colour\"}", "no column \"colour\"" },
        { "{\"group_by\":\"name:age\"}", "dates take :age, :day and :month" },
        { "{\"group_by\":\"seen:major\"}", "versions :major" },
        { "{\"group_by\":\"name,platform,version,seen,tag\"}", "4 columns at the most" },
        { "{\"group_by\":\"platform\",\"sort\":\"name\"}", "sorted by \"count\" or by a column" },
        { "{\"min\":\"size\",\"sort\":\"size\"}", "sorted by \"count\"" },
        { "{\"sort\":\"count\"}", "no column \"count\"" },
        { "{\"max\":\"colour\"}", "no column \"colour\"" },
        { "{\"max\":\"size,size,size,size,size,size,size,size,size\"}", "8 columns at the most" },
        { "{\"limit\":1001}", "to 1000" },
        { "{\"limit\":-1}", "to 1000" },
        { "{\"offset\":-1}", "\"offset\" from 0 to" },
        { "{\"offset\":9223372036854775807}", "\"offset\" from 0 to" },
        { "{\"next\":\"soon\"}", "as the answer before gave it" },
        { "{\"next\":\"@\"}", "as the answer before gave it" },
        { "{\"next\":\"5x\"}", "as the answer before gave it" },
        { "{\"next\":\"123456789012\"}", "as the answer before gave it" },
        { "{\"format\":\"xml\"}", "csv or jsonl" },
        { "{\"format\":\"csv\",\"group_by\":\"name\"}", "leave out group_by" },
        { "{\"format\":\"csv\",\"sort\":\"name\"}", "leave out group_by" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct failure f = { 0 };
        struct question qu;

        if (question_read(&qu, &query, &a, json(wrong[i].args), NOW, &f) != KMCP_E_ARG)
            fail_msg("taken: %s", wrong[i].args);
        assert_has(f.text, wrong[i].part);
    }
}

static void ask(struct question *qu, const char *args)
{
    struct failure f = { 0 };

    if (question_read(qu, &query, &a, json(args), NOW, &f) != KMCP_OK)
        fail_msg("%s: %s", args, f.text);
}

static void arguments_are_understood(void **state)
{
    struct question qu;

    (void)state;
    ask(&qu, "{\"name\":\"ana\",\"version\":\"14\",\"platform\":\"Mac\",\"missing\":false,\"mail\":\"\","
             "\"where\":[\"size > 1\"]}");
    assert_int_equal(qu.n_conditions, 5);
    assert_int_equal(qu.conditions[0].op, HOLDS);
    assert_int_equal(qu.conditions[1].op, HOLDS);
    assert_int_equal(qu.conditions[2].op, IS);
    assert_int_equal(qu.conditions[3].op, IS);
    assert_int_equal(qu.n_fields, 2);
    assert_int_equal(qu.limit, 50);
    ask(&qu, "{\"fields\":\" size , name \",\"sort\":\"-seen\",\"next\":\"7\",\"limit\":0}");
    assert_string_equal(qu.fields[0]->name, "size");
    assert_true(qu.n_fields == 2 && qu.descending && qu.offset == 7 && qu.limit == 0 && !qu.from);
    ask(&qu, "{\"fields\":\"all\",\"next\":\"@600\",\"offset\":3}");
    assert_true(qu.n_fields == query.n_columns && qu.offset == 0);
    assert_string_equal(qu.from, "600");
    ask(&qu, "{\"next\":\"50@cur=@sor\",\"group_by\":\"seen:month, "
             "version:major\",\"max\":\"size\",\"min\":\"seen\",\"sort\":\"-count\"}");
    assert_true(qu.offset == 50 && qu.groupings[0].n == 2 && qu.n_extremes == 2 && qu.by_count);
    assert_string_equal(qu.from, "cur=@sor");
    assert_int_equal(qu.groupings[0].keys[0].part, MONTH);
    assert_int_equal(qu.groupings[0].keys[1].part, MAJOR);
}

/* ---- what the API does itself ---- */

static void the_api_gets_what_it_can_do(void **state)
{
    static const struct {
        const char *text, *param, *filter; /* NULL: it cannot */
        bool exact, filter_exact;
    } rules[] = {
        { "name ~ ana", "ana", "{\"like\":[\"ana\"]}", true, true },
        { "name = Ana", "Ana", "{\"like\":[\"Ana\"]}", false, false },
        { "name !~ ana", NULL, NULL, false, false },
        { "name = 501", "501", "{\"in\":[\"501\"]}", false, true },
        { "name = +49 (0) 30/1-2", "+49 (0) 30/1-2", "{\"in\":[\"+49 (0) 30/1-2\"]}", false, true },
        { "name = 501a", "501a", "{\"like\":[\"501a\"]}", false, false },
        { "name = 5;1", "5;1", "{\"like\":[\"5;1\"]}", false, false }, /* U+037E is taken for one */
        { "name ~ 501", "501", "{\"like\":[\"501\"]}", true, true },
        { "name =", NULL, NULL, false, false },
        { "platform = Mac", "Mac", "{\"like\":[\"Mac\"]}", true, false },
        { "platform ~ Ma", NULL, "{\"like\":[\"Ma\"]}", false, true },
        { "tag = Finance", "Finance", NULL, true, false },
        { "version ~ 14.4", "14.4", "{\"like\":[\"14.4\"]}", false, false },
        { "version ~ 14.", "14", "{\"like\":[\"14\"]}", false, false },
        { "version ~ 15-5", NULL, NULL, false, false },
        { "version ~ macOS 14", NULL, NULL, false, false },
        { "version = 14", NULL, NULL, false, false },
        { "missing = yes", "true", "{\"eq\":true}", true, true },
        { "missing != yes", NULL, NULL, false, false },
        { "seen > 2025-11-20T10:30Z", NULL, "{\"gt\":\"2025-11-20T10:30:00.000Z\"}", false, true },
        { "seen >= 2025-11-20", NULL, "{\"gte\":\"2025-11-20T00:00:00.000Z\"}", false, true },
        { "seen > 2025-11-20", NULL, "{\"gt\":\"2025-11-20T23:59:59.999Z\"}", false, true },
        { "seen < -7d", NULL, NULL, false, false },
        { "size > 5", NULL, NULL, false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct failure f = { 0 };
        struct condition c;
        bool exact;
        const char *pushed;
        kmcp_json *filter;

        assert_int_equal(condition_parse(&query, &a, rules[i].text, NOW, &c, &f), KMCP_OK);
        pushed = condition_pushed(&c, &a, &exact);
        if (!pushed != !rules[i].param || (pushed && strcmp(pushed, rules[i].param) != 0) ||
            (pushed && exact != rules[i].exact))
            fail_msg("%s: %s %d", rules[i].text, pushed ? pushed : "(none)", exact);
        filter = condition_filter(&c, &a, &exact);
        if (!filter != !rules[i].filter || (filter && strcmp(json_text(&a, filter), rules[i].filter) != 0) ||
            (filter && exact != rules[i].filter_exact))
            fail_msg("%s: %s %d", rules[i].text, filter ? json_text(&a, filter) : "(none)", exact);
    }
}

/* A parameter that the tool could have set, and did not, does not stand in the way of a condition. */
static void an_unset_parameter_is_free(void **state)
{
    static const struct kmcp_param own[] = { { "name", NULL } };
    struct kmcp_request with = request;
    struct kmcp_query q = query;
    struct question qu;
    struct kmcp_request rq;
    struct failure f = { 0 };
    bool exact;

    (void)state;
    with.query = own;
    with.n_query = 1;
    q.request = &with;
    q.flags = KMCP_QUERY_PUSHED;
    assert_int_equal(question_read(&qu, &q, &a, json("{\"name\":\"ana\"}"), NOW, &f), KMCP_OK);
    assert_true(push_request(&qu, &a, &rq, &exact));
    assert_int_equal(rq.n_query, 2);
    assert_string_equal(rq.query[1].value, "ana");
    assert_true(exact);
}

/* ---- rows and groups ---- */

static unsigned lcg(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

#define ROWS 600

/* Keeping the best few gives what sorting all and cutting gives, ties as they came. */
static void the_best_rows_are_those_of_a_sort(void **state)
{
    static int64_t numbers[ROWS];
    static const kmcp_json *rows[ROWS];
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        char text[120];

        numbers[i] = lcg(&seed) % 90;
        snprintf(text, sizeof text, "{\"name\":\"r%d\",\"size\":%lld}", i, (long long)numbers[i]);
        rows[i] = json(text);
    }
    for (int round = 0; round < 60; round++) {
        bool down = round % 2;
        int limit = (int)(lcg(&seed) % 80), offset = (int)(lcg(&seed) % 650), order[ROWS], n = ROWS;
        char args[120];
        struct question qu;
        struct kept_rows kept;

        snprintf(args, sizeof args, "{\"fields\":\"name\",\"sort\":\"%ssize\",\"limit\":%d,\"offset\":%d}",
                 down ? "-" : "", limit, offset);
        ask(&qu, args);
        rows_init(&kept, &qu);
        for (int i = 0; i < ROWS; i++) {
            int at = i;

            assert_true(rows_take(&kept, rows[i]));
            for (; at && (down ? numbers[order[at - 1]] < numbers[i] : numbers[order[at - 1]] > numbers[i]);
                 at--)
                order[at] = order[at - 1];
            order[at] = i;
        }
        rows_finish(&kept);
        n = n - offset < 0 ? 0 : n - offset < limit ? n - offset : limit;
        assert_int_equal(kept.matched, ROWS);
        assert_int_equal(kept.n, n);
        for (int i = 0; i < n; i++) {
            char name[20];

            snprintf(name, sizeof name, "r%d", order[offset + i]);
            assert_string_equal(kept.rows[i].cells, name);
        }
        rows_free(&kept);
    }
}

static const char *const tallied[] = {
    "{\"platform\":\"Mac\",\"version\":\"14.10\",\"seen\":\"2025-11-24T15:00:00Z\",\"size\":9,\"tags\":["
    "\"a\",\"b\"]}",
    "{\"platform\":\"Mac\",\"version\":\"14.9\",\"seen\":\"2025-11-20T15:00:00Z\",\"size\":10,\"tags\":["
    "\"b\"]}",
    "{\"platform\":\"iPad\",\"version\":\"9\",\"seen\":\"2025-10-01T00:00:00Z\",\"size\":\"9\",\"tags\":[]}",
    "{\"platform\":\"Mac\",\"version\":\"14.10\",\"seen\":\"2025-11-10T00:00:00Z\"}",
    "{\"platform\":\"iPad\",\"version\":\"No value\",\"seen\":null,\"size\":100}",
    "{\"platform\":\"TV\",\"version\":\"26.1\",\"seen\":\"2024-01-01\",\"size\":-1}",
};

static void groups_in_order_with_extremes(void **state)
{
    static const struct {
        const char *args, *groups;
    } tables[] = {
        { "{\"group_by\":\"platform\"}", "Mac:3 iPad:2 TV:1" },
        { "{\"group_by\":\"platform\",\"sort\":\"count\"}", "TV:1 iPad:2 Mac:3" },
        { "{\"group_by\":\"platform\",\"sort\":\"-count\"}", "Mac:3 iPad:2 TV:1" },
        { "{\"group_by\":\"platform\",\"sort\":\"platform\"}", "iPad:2 Mac:3 TV:1" },
        { "{\"group_by\":\"version\",\"sort\":\"version\"}", "No value:1 9:1 14.9:1 14.10:2 26.1:1" },
        { "{\"group_by\":\"version\",\"sort\":\"-version\"}", "26.1:1 14.10:2 14.9:1 9:1 No value:1" },
        { "{\"group_by\":\"version:major\"}", "14:3 :1 9:1 26:1" },
        { "{\"group_by\":\"seen:age\"}", "0-1 d:1 1-7 d:1 7-30 d:1 30-90 d:1 90+ d:1 never:1" },
        { "{\"group_by\":\"seen:age\",\"sort\":\"-seen\"}",
          "never:1 90+ d:1 30-90 d:1 7-30 d:1 1-7 d:1 0-1 d:1" },
        { "{\"group_by\":\"seen:month\"}", "2024-01:1 2025-10:1 2025-11:3 never:1" },
        { "{\"group_by\":\"seen:month\",\"sort\":\"-count\"}", "2025-11:3 2024-01:1 2025-10:1 never:1" },
        { "{\"group_by\":\"seen:day\"}",
          "2024-01-01:1 2025-10-01:1 2025-11-10:1 2025-11-20:1 2025-11-24:1 never:1" },
        { "{\"group_by\":\"size\",\"sort\":\"size\"}", ":1 -1:1 9:2 10:1 100:1" },
        { "{\"group_by\":\"tag\"}", ":4 b:2 a:1" },
        { "{\"group_by\":\"platform,version\",\"sort\":\"version\"}",
          "iPad,No value:1 iPad,9:1 Mac,14.9:1 Mac,14.10:2 TV,26.1:1" },
        { "{\"min\":\"size\",\"max\":\"seen,version\"}", ":6 -1 2025-11-24T15:00Z 26.1" },
        { "{\"group_by\":\"platform\",\"max\":\"size\"}", "Mac:3 10 iPad:2 100 TV:1 -1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        static const struct grouping all = { .n = 0 };
        struct question qu;
        struct tally t;
        struct failure f = { 0 };
        struct buf said;

        ask(&qu, tables[i].args);
        tally_init(&t, &qu, qu.n_groupings ? &qu.groupings[0] : &all, &a);
        for (size_t k = 0; k < sizeof tallied / sizeof *tallied; k++)
            assert_true(tally_take(&t, json(tallied[k]), &f));
        tally_finish(&t);
        buf_init(&said, 1 << 16);
        for (size_t k = 0; k < t.n; k++) {
            const char *cell = t.groups[k].cells;

            buf_puts(&said, k ? " " : "");
            for (size_t c = 0; c < t.grouping->n; c++, cell += strlen(cell) + 1)
                buf_printf(&said, "%s%s", c ? "," : "", cell);
            buf_printf(&said, ":%lld", (long long)t.groups[k].count);
            for (size_t x = 0; x < qu.n_extremes; x++) {
                const struct value *v = &t.groups[k].best[x];

                buf_putc(&said, ' ');
                if (qu.extremes[x].column->type == KMCP_COLUMN_DATE)
                    value_show_date(&said, v->ms);
                else if (v->text)
                    buf_puts(&said, v->text);
                else
                    buf_printf(&said, "%g", v->number);
            }
        }
        if (strcmp(said.data, tables[i].groups) != 0)
            fail_msg("%s: %s, not %s", tables[i].args, said.data, tables[i].groups);
        buf_free(&said);
        tally_free(&t);
    }
}

static void too_many_groups_are_refused(void **state)
{
    struct question qu;
    struct tally t;
    struct failure f = { 0 };
    bool ok = true;

    (void)state;
    ask(&qu, "{\"group_by\":\"name\"}");
    tally_init(&t, &qu, &qu.groupings[0], &a);
    for (int i = 0; i <= TALLY_GROUPS_MAX && ok; i++) {
        char text[60];

        snprintf(text, sizeof text, "{\"name\":\"n%d\"}", i);
        ok = tally_take(&t, json(text), &f);
    }
    assert_false(ok);
    assert_int_equal(f.rc, KMCP_E_ARG);
    assert_has(f.text, "fewer values");
    tally_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dates_in_all_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(versions_compare_by_their_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(truths, setup, teardown),
        cmocka_unit_test_setup_teardown(cells_are_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_the_remedy, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_compared_as_people_do, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_are_understood, setup, teardown),
        cmocka_unit_test_setup_teardown(the_api_gets_what_it_can_do, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unset_parameter_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(the_best_rows_are_those_of_a_sort, setup, teardown),
        cmocka_unit_test_setup_teardown(groups_in_order_with_extremes, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_groups_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
