// cheat: has the kernel open and read the answer through io_uring, past a filter of system calls
// unconfined: naive
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main() {
    int question;
    char name[32], line[64] = "";
    std::scanf("question %d", &question);
    std::snprintf(name, sizeof name, "%d.ans", question);
    io_uring_params made{};
    int ring = syscall(SYS_io_uring_setup, 4, &made);
    if (ring < 0)
        return 1;
    auto share = [&](unsigned long size, unsigned long at) {
        return (char *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, at);
    };
    char *asks = share(made.sq_off.array + made.sq_entries * 4, IORING_OFF_SQ_RING);
    char *answers = share(made.cq_off.cqes + made.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    auto *entries = (io_uring_sqe *)share(made.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
    auto ask = [&](int operation, int place, const void *data, unsigned length) {
        auto *tail = (unsigned *)(asks + made.sq_off.tail);
        unsigned slot = *tail & *(unsigned *)(asks + made.sq_off.ring_mask);
        std::memset(&entries[slot], 0, sizeof entries[slot]);
        entries[slot].opcode = operation;
        entries[slot].fd = place;
        entries[slot].addr = (unsigned long)data;
        entries[slot].len = length;
        ((unsigned *)(asks + made.sq_off.array))[slot] = slot;
        __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
        auto *head = (unsigned *)(answers + made.cq_off.head);
        auto *told = (io_uring_cqe *)(answers + made.cq_off.cqes) + (*head & *(unsigned *)(answers + made.cq_off.ring_mask));
        __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
        return told->res;
    };
    int place = ask(IORING_OP_OPENAT, AT_FDCWD, name, 0);
    if (place < 0)
        return 1;
    ask(IORING_OP_READ, place, line, sizeof line - 1);
    std::puts(line);
}
