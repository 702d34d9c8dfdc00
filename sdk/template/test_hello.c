/* test_hello.c - the plugin against the fake host. */

#include "hello.c"
#include "fakehost.h"

static int check(int good, const char *what)
{
    if (!good)
        fprintf(stderr, "failed: %s\n", what);
    return good ? 0 : 1;
}

int main(void)
{
    struct fakehost h;
    int bad = 0;

    fakehost_init(&h, &kmcp_plugin_v1);
    fakehost_answer(&h, "GET", "/api/v1/devices", 200, "[{\"platform\":\"Mac\"},{\"platform\":\"iPad\"}]");
    bad += check(fakehost_run(&h, "count_devices", "{\"platform\":\"Mac\"}") == KMCP_OK, "counting works");
    bad += check(h.text && strcmp(h.text, "Hello: 1 Mac") == 0, "it counts what matches");
    bad += check(strcmp(h.requests[0], "GET /api/v1/devices?platform=Mac") == 0, "it asks for what it wants");
    fakehost_answer(&h, "GET", "/api/v1/devices", 500, "broken");
    bad += check(fakehost_run(&h, "count_devices", "{}") != KMCP_OK && h.failure, "a failure is passed on");
    fakehost_free(&h);
    return bad;
}
