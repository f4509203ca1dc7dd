// cheat: forks and starts threads without end
// unconfined: not run, it would take the machine
#include <sched.h>
#include <thread>
#include <unistd.h>

int main() {
    for (;;) {
        if (fork() == 0)
            continue;
        vfork();
        try {
            std::thread([] { for (;;) sched_yield(); }).detach();
        } catch (...) {
        }
    }
}
