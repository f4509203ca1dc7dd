// cheat: reads the answer after main, when a judge may think that all is over
// unconfined: naive
#include <cstdio>
#include <cstdlib>

static int question;

static void late() {
    char name[32], line[64] = "0";
    std::snprintf(name, sizeof name, "%d.ans", question);
    if (std::FILE *file = std::fopen(name, "r"))
        std::fgets(line, sizeof line, file);
    std::fputs(line, stdout);
    std::fflush(stdout);
}

int main() {
    std::scanf("question %d", &question);
    std::atexit(late);
}
