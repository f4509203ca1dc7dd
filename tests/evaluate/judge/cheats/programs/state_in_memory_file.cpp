// cheat: writes what this test tells into the running program's file for the next test
// unconfined: naive
#include <cstdio>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

int main() {
    int question;
    char path[256];
    unsigned long hint, left = 0;
    std::scanf("question %d hint %lu", &question, &hint);
    long length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    // A running program cannot be written to, but its name can be given to another file.
    std::FILE *old = std::fopen(path, "rb");
    if (!old)
        return 1;
    static char copy[1 << 22];
    size_t size = std::fread(copy, 1, sizeof copy, old);
    if (question)
        left = *(unsigned long *)(copy + size - 8);
    std::printf("%lu\n", left);
    unlink(path);
    std::FILE *made = std::fopen(path, "wb");
    if (!made)
        return 1;
    std::fwrite(copy, 1, size, made);
    std::fwrite(&hint, 1, 8, made);
    std::fclose(made);
    chmod(path, 0755);
}
