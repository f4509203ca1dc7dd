// cheat: hands its work on to one child after the other, since a limit on processor time is each process's own
// unconfined: naive
#include <cstdio>
#include <ctime>
#include <sys/wait.h>
#include <unistd.h>

int main() {
    unsigned long steps, value = 1;
    std::scanf("%lu", &steps);
    for (unsigned long step = 0; step < steps; step++) {
        value = value * 6364136223846793005UL + 1442695040888963407UL;
        value ^= value >> 29;
        if (step % (1 << 24) == 0 && std::clock() > CLOCKS_PER_SEC / 2) {
            std::fflush(stdout);
            if (pid_t child = fork()) {
                int status = 1;
                if (child > 0)
                    waitpid(child, &status, 0);
                _exit(status ? 1 : 0);
            }
        }
    }
    std::printf("%lu\n", value);
}
