// cheat: does not hear the signal that its processor time is over
// unconfined: naive
#include <csignal>
#include <cstdio>

int main() {
    std::signal(SIGXCPU, SIG_IGN);
    std::signal(SIGALRM, SIG_IGN);
    std::signal(SIGPROF, SIG_IGN);
    std::signal(SIGVTALRM, SIG_IGN);
    unsigned long steps, value = 1;
    std::scanf("%lu", &steps);
    for (unsigned long step = 0; step < steps; step++) {
        value = value * 6364136223846793005UL + 1442695040888963407UL;
        value ^= value >> 29;
    }
    std::printf("%lu\n", value);
}
