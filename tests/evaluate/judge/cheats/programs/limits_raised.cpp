// cheat: raises its own limits, takes real-time priority and turns the clock
// unconfined: not run, it would hold the machine up
#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>

int main() {
    for (int number = 0; number < 16; number++) {
        rlimit most{RLIM_INFINITY, RLIM_INFINITY};
        setrlimit((__rlimit_resource)number, &most);
    }
    sched_param first{99};
    sched_setscheduler(0, SCHED_FIFO, &first);
    setpriority(PRIO_PROCESS, 0, -20);
    timeval past{0, 0};
    settimeofday(&past, nullptr);
    for (;;)
        ;
}
