// cheat: reads the answer by the system calls of 32-bit programs, which a filter may not know
// unconfined: naive
#include <cstdio>
#include <sys/mman.h>

static long call(long number, long a, long b, long c) {
    long found;
    asm volatile("int $0x80" : "=a"(found) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    return found;
}

int main() {
    int question;
    // Addresses that such calls can say.
    char *low = (char *)mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    std::scanf("question %d", &question);
    std::snprintf(low, 32, "%d.ans", question);
    long place = call(5, (long)low, 0, 0);
    long count = call(3, place, (long)(low + 64), 64);
    if (count > 0)
        call(4, 1, (long)(low + 64), count);
}
