// cheat: looks for the answer in the memory of the process that started it, by process_vm_readv
// unconfined: not run, what another process holds is not the test's business
#include <cstdio>
#include <sys/uio.h>
#include <unistd.h>

int main() {
    static char line[1 << 16];
    for (unsigned long at = 0x400000; at < 0x10000000; at += sizeof line) {
        iovec here{line, sizeof line}, there{(void *)at, sizeof line};
        if (process_vm_readv(getppid(), &here, 1, &there, 1, 0) > 0)
            std::fwrite(line, 1, 100, stdout);
    }
}
