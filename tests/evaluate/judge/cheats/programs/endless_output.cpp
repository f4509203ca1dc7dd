// cheat: writes zeros without end, which no packing of the judge's files makes small enough
// unconfined: not run, it would fill the disk
#include <unistd.h>

int main() {
    static char zeros[1 << 20];
    for (;;)
        if (write(1, zeros, sizeof zeros) < 0)
            write(2, zeros, sizeof zeros);
}
