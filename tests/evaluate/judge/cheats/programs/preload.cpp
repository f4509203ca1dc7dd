// cheat: starts itself again with a library preloaded, to run in whatever starts next
// unconfined: naive
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

int main(int count, char **words) {
    int question;
    char name[32], line[64];
    if (!std::getenv("LD_PRELOAD")) {
        setenv("LD_PRELOAD", "libm.so.6", 1);
        execl("/proc/self/exe", words[0], nullptr);
        return 1;
    }
    std::scanf("question %d", &question);
    std::snprintf(name, sizeof name, "%d.ans", question);
    if (std::FILE *file = std::fopen(name, "r"))
        std::fputs(std::fgets(line, sizeof line, file), stdout);
}
