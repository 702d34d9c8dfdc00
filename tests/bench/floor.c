/* floor.c - the least a C program can do for the same work, measured in the same run as kmcp.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   floor echo              answers every line with a fixed JSON-RPC reply; libc only in use, libcurl linked
 *   floor get URL N         N sequential GETs on one libcurl handle, each parsed with cJSON
 *   floor sweep URL FLIGHT  all pages of a list, FLIGHT at a time, counted by "platform" without building
 * trees The token is in KANDJI_API_TOKEN. get and sweep print one line: "REQUESTS CPU_US WALL_MS PEAK_KB",
 * and sweep the counts after it.
 */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 300, FLIGHT_MAX = 64, GROUPS_MAX = 16, NAME_MAX_LEN = 32 };

struct transfer {
    CURL *curl;
    char *data;
    size_t len, cap;
};

struct tally {
    struct {
        char name[NAME_MAX_LEN];
        long count;
    } group[GROUPS_MAX];
    int groups;
};

static struct curl_slist *headers;

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    (void)size;
    if (t->len + n + 1 > t->cap) {
        t->cap = 2 * (t->len + n + 1);
        t->data = realloc(t->data, t->cap);
        if (!t->data)
            return 0;
    }
    memcpy(t->data + t->len, bytes, n);
    t->len += n;
    t->data[t->len] = '\0';
    return n;
}

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_kb(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static int echo(void)
{
    char line[65536];

    while (fgets(line, sizeof line, stdin)) {
        fputs("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n", stdout);
        fflush(stdout);
    }
    return 0;
}

static void open_transfer(struct transfer *t)
{
    t->curl = curl_easy_init();
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_PRIVATE, t);
}

static void close_transfer(struct transfer *t)
{
    curl_easy_cleanup(t->curl);
    free(t->data);
}

/* The requests sent, or -1. */
static long get(const char *url, long n)
{
    struct transfer t = { 0 };
    long done = 0;

    open_transfer(&t);
    curl_easy_setopt(t.curl, CURLOPT_URL, url);
    for (; done < n; done++) {
        cJSON *value;

        t.len = 0;
        if (curl_easy_perform(t.curl) != CURLE_OK || !t.data)
            break;
        value = cJSON_ParseWithLength(t.data, t.len);
        if (!value)
            break;
        cJSON_Delete(value);
    }
    close_transfer(&t);
    return done == n ? done : -1;
}

static int count_one(struct tally *tally, const char *name, size_t len)
{
    int i = 0;

    if (len >= NAME_MAX_LEN)
        return -1;
    while (i < tally->groups && (strncmp(tally->group[i].name, name, len) != 0 || tally->group[i].name[len]))
        i++;
    if (i == GROUPS_MAX)
        return -1;
    if (i == tally->groups) {
        memcpy(tally->group[i].name, name, len);
        tally->groups++;
    }
    tally->group[i].count++;
    return 0;
}

/* A quote inside a string is escaped, so this finds members alone; what is nested would be counted too. */
static int count_page(struct tally *tally, const char *at)
{
    static const char key[] = "\"platform\":\"";

    while ((at = strstr(at, key)) != NULL) {
        const char *end;

        at += sizeof key - 1;
        end = strchr(at, '"');
        if (!end || count_one(tally, at, (size_t)(end - at)) != 0)
            return -1;
    }
    return 0;
}

static void ask_page(CURLM *multi, struct transfer *t, const char *url, long offset)
{
    char line[4200];

    t->len = 0;
    snprintf(line, sizeof line, "%s?limit=%d&offset=%ld", url, PAGE, offset);
    curl_easy_setopt(t->curl, CURLOPT_URL, line);
    curl_multi_add_handle(multi, t->curl);
}

/* Page one, which says how many there are. */
static long first_page(struct transfer *t, const char *url, struct tally *tally)
{
    struct curl_header *total;
    char line[4200];

    snprintf(line, sizeof line, "%s?limit=%d&offset=0", url, PAGE);
    curl_easy_setopt(t->curl, CURLOPT_URL, line);
    if (curl_easy_perform(t->curl) != CURLE_OK || !t->data || count_page(tally, t->data) != 0)
        return -1;
    if (curl_easy_header(t->curl, "X-Total-Count", 0, CURLH_HEADER, -1, &total) != CURLHE_OK)
        return -1;
    return strtol(total->value, NULL, 10);
}

/* The pages after the first; the requests sent, or -1. */
static long other_pages(struct transfer *t, long flight, const char *url, long total, struct tally *tally)
{
    CURLM *multi = curl_multi_init();
    long next = PAGE, sent = 0;
    int running = 0, left, bad = 0;
    CURLMsg *done;

    for (long i = 0; i < flight && next < total; i++, sent++, next += PAGE)
        ask_page(multi, &t[i], url, next);
    do {
        curl_multi_perform(multi, &running);
        while ((done = curl_multi_info_read(multi, &left)) != NULL) {
            struct transfer *one = NULL;

            curl_easy_getinfo(done->easy_handle, CURLINFO_PRIVATE, &one);
            bad |= done->data.result != CURLE_OK || !one->data || count_page(tally, one->data) != 0;
            curl_multi_remove_handle(multi, one->curl);
            if (next < total) {
                ask_page(multi, one, url, next);
                next += PAGE;
                sent++;
                running = 1;
            }
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running);
    curl_multi_cleanup(multi);
    return bad ? -1 : sent;
}

static long sweep(const char *url, long flight, struct tally *tally)
{
    struct transfer t[FLIGHT_MAX] = { 0 };
    long total, sent = -1;

    if (flight < 1 || flight > FLIGHT_MAX)
        return -1;
    for (long i = 0; i < flight; i++)
        open_transfer(&t[i]);
    total = first_page(&t[0], url, tally);
    if (total >= 0)
        sent = other_pages(t, flight, url, total, tally);
    for (long i = 0; i < flight; i++)
        close_transfer(&t[i]);
    return sent < 0 ? -1 : sent + 1;
}

int main(int argc, char **argv)
{
    struct tally tally = { 0 };
    long n, requests = -1;
    double cpu, wall;
    char line[4200];

    if (argc == 2 && strcmp(argv[1], "echo") == 0)
        return echo();
    if (argc != 4)
        return 2;
    n = strtol(argv[3], NULL, 10);
    snprintf(line, sizeof line, "Authorization: Bearer %s", getenv("KANDJI_API_TOKEN"));
    headers = curl_slist_append(NULL, line);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    wall = now(CLOCK_MONOTONIC);
    if (strcmp(argv[1], "get") == 0)
        requests = get(argv[2], n);
    if (strcmp(argv[1], "sweep") == 0)
        requests = sweep(argv[2], n, &tally);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = now(CLOCK_MONOTONIC) - wall;
    curl_slist_free_all(headers);
    if (requests < 0)
        return 1;
    printf("%ld %.1f %.3f %ld", requests, cpu * 1e6, wall * 1e3, peak_kb());
    for (int i = 0; i < tally.groups; i++)
        printf(" %s=%ld", tally.group[i].name, tally.group[i].count);
    printf("\n");
    return 0;
}
