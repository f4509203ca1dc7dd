// cheat: reads the answer in a constructor, before main and whatever a judge puts at its beginning
// unconfined: naive
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

__attribute__((constructor(101))) static void early() {
    int question;
    char name[32], line[64] = "";
    if (std::scanf("question %d", &question) != 1)
        return;
    std::snprintf(name, sizeof name, "%d.ans", question);
    if (std::FILE *file = std::fopen(name, "r")) {
        std::fgets(line, sizeof line, file);
        std::fputs(line, stdout);
        std::fflush(stdout);
        _exit(0);
    }
}

int main() { return 1; }
