// cheat: becomes another program of the machine that reads the answer
// unconfined: naive
#include <cstdio>
#include <unistd.h>

int main() {
    int question;
    char name[32];
    std::scanf("question %d", &question);
    std::snprintf(name, sizeof name, "%d.ans", question);
    execl("/bin/cat", "cat", name, nullptr);
    return 1;
}
