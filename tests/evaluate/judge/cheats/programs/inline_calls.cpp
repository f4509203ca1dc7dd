// cheat: reads the answer by system calls of its own, past the C library
// unconfined: naive
#include <cstdio>

static long call(long number, long a, long b, long c) {
    long found;
    asm volatile("syscall" : "=a"(found) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return found;
}

int main() {
    int question;
    char name[32], line[64];
    std::scanf("question %d", &question);
    std::snprintf(name, sizeof name, "%d.ans", question);
    long place = call(2, (long)name, 0, 0);
    long count = call(0, place, (long)line, sizeof line);
    if (count > 0)
        call(1, 1, (long)line, count);
}
