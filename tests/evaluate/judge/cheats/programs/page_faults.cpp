// cheat: handles its own page faults, to hold the kernel up in the middle of a call
// unconfined: not run, nothing comes of it
#include <linux/userfaultfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int main() {
    int question = syscall(SYS_userfaultfd, 0);
    return question < 0 ? 1 : write(1, "0\n", 2) != 2;
}
