// cheat: takes open files from the process that started it, by pidfd_getfd
// unconfined: naive
#include <cstdio>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

int main() {
    int question;
    char path[64], name[256], suffix[16], line[64];
    std::scanf("question %d", &question);
    std::snprintf(suffix, sizeof suffix, "/%d.ans", question);
    int process = syscall(SYS_pidfd_open, getppid(), 0);
    for (int number = 0; number < 64; number++) {
        int place = syscall(SYS_pidfd_getfd, process, number, 0);
        if (place < 0)
            continue;
        std::snprintf(path, sizeof path, "/proc/self/fd/%d", place);
        long length = readlink(path, name, sizeof name - 1);
        name[length < 0 ? 0 : length] = 0;
        if (std::strstr(name, suffix)) {
            long count = pread(place, line, sizeof line, 0);
            return write(1, line, count) != count;
        }
    }
    return 1;
}
