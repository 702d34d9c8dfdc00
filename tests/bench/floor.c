/* floor.c - the least a C program can do for the same work, measured in the same run as kmcp.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   floor echo              answers every line with a fixed JSON-RPC reply; libc only in use, libcurl linked
 *   floor get URL N         N sequential GETs on one libcurl handle, each parsed with cJSON
 *   floor sweep URL N       GETs URL&limit=300&offset=0,300,... until N rows were seen
 * The token is in KANDJI_API_TOKEN. Prints "CPU_US_PER_REQUEST WALL_MS".
 */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct body {
    char *data;
    size_t len, cap;
};

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
    struct body *b = arg;

    (void)size;
    if (b->len + n + 1 > b->cap) {
        b->cap = 2 * (b->len + n + 1);
        b->data = realloc(b->data, b->cap);
        if (!b->data)
            return 0;
    }
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return n;
}

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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

/* One GET, parsed; the number of array elements, or -1. */
static int get(CURL *curl, const char *url, struct body *body)
{
    cJSON *value;
    int n;

    body->len = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (curl_easy_perform(curl) != CURLE_OK || !body->data)
        return -1;
    value = cJSON_ParseWithLength(body->data, body->len);
    n = value ? cJSON_GetArraySize(value) : -1;
    cJSON_Delete(value);
    return n;
}

int main(int argc, char **argv)
{
    struct body body = { 0 };
    struct curl_slist *headers = NULL;
    char line[4200], url[4200];
    double cpu, wall;
    long n, done = 0, rows = 0;
    CURL *curl;

    if (argc == 2 && strcmp(argv[1], "echo") == 0)
        return echo();
    if (argc != 4)
        return 2;
    n = strtol(argv[3], NULL, 10);
    snprintf(line, sizeof line, "Authorization: Bearer %s", getenv("KANDJI_API_TOKEN"));
    headers = curl_slist_append(headers, line);
    curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    wall = now(CLOCK_MONOTONIC);
    if (strcmp(argv[1], "get") == 0)
        for (; done < n; done++)
            if (get(curl, argv[2], &body) < 0)
                return 1;
    if (strcmp(argv[1], "sweep") == 0)
        for (; rows < n; done++) {
            int got;

            snprintf(url, sizeof url, "%s?limit=300&offset=%ld", argv[2], rows);
            got = get(curl, url, &body);
            if (got <= 0)
                return 1;
            rows += got;
        }
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = now(CLOCK_MONOTONIC) - wall;
    printf("%.1f %.1f\n", cpu * 1e6 / (double)(done ? done : 1), wall * 1e3);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(body.data);
    return 0;
}
