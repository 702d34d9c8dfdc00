/* replay_main.c - runs a fuzz target over the files given, without libFuzzer.  SPDX-License-Identifier:
 * Apache-2.0 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    size_t n;

    if (!f || !data)
        return 0;
    n = fread(data, 1, 1 << 20, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    int n = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;
        char path[4096];

        if (!dir) {
            n += replay(argv[i]);
            continue;
        }
        while ((entry = readdir(dir))) {
            struct stat st;

            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
                n += replay(path);
        }
        closedir(dir);
    }
    printf("%d inputs replayed\n", n);
    return n ? 0 : 1;
}
