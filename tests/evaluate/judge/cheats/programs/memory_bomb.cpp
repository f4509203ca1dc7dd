// cheat: takes memory without end, on the heap, the stack and by maps
// unconfined: not run, it would take the machine
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

static int down(int depth) {
    volatile char here[1 << 16];
    here[0] = depth;
    return depth > 100000 ? here[0] : down(depth + 1) + here[0];
}

int main() {
    for (int round = 0; round < 10000; round++) {
        void *one = mmap(nullptr, 1 << 24, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (one == MAP_FAILED)
            break;
        std::memset(one, 1, 1 << 24);
        if (void *two = std::malloc(1 << 24))
            std::memset(two, 1, 1 << 24);
    }
    return down(0);
}
