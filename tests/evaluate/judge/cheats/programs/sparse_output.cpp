// cheat: makes its output as long as a disk by writing one byte far behind
// unconfined: not run, it would look as if it filled the disk
#include <unistd.h>

int main() {
    for (long at = 1L << 20; at < 1L << 50; at *= 2) {
        ftruncate(1, at);
        pwrite(1, "0", 1, at);
    }
}
