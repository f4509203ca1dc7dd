// cheat: writes a program to a file in memory and becomes it
// unconfined: naive
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

int main() {
    int question;
    char script[64], path[64];
    std::scanf("question %d", &question);
    int place = memfd_create("program", 0);
    if (place < 0)
        return 1;
    int length = std::snprintf(script, sizeof script, "#!/bin/sh\ncat %d.ans\n", question);
    if (write(place, script, length) != length)
        return 1;
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    execl(path, path, nullptr);
    return 1;
}
