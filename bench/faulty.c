/* A C library's calls that fail on purpose: LD_PRELOAD for bench/faults.py.
 *
 * HELDER_FAULT is "KIND:N" and HELDER_FAULT_BELOW a folder: of all calls that this process makes on files below it, the Nth fails.
 *   EIO, ENOSPC   write, pwrite, fsync, fdatasync, rename, ftruncate give −1 and the error
 *   SHORT         write and pwrite write half of what they were given (at least a byte), once
 *   TORN          write and pwrite write half, then the process gets SIGKILL: what a loss of power leaves of a page
 * A counter that is told on the way out says how many calls there were: HELDER_FAULT_COUNT names a file for it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static long counted, wanted = -1;
static int kind; /* an error number, -1 SHORT, -2 TORN */
static const char *below;
static pid_t owner;

__attribute__((constructor)) static void begin(void) {
    const char *fault = getenv("HELDER_FAULT");
    below = getenv("HELDER_FAULT_BELOW");
    owner = getpid();
    if (!fault || !below) return;
    const char *colon = strchr(fault, ':');
    if (!colon) return;
    wanted = atol(colon + 1);
    if (!strncmp(fault, "EIO", 3)) kind = EIO;
    else if (!strncmp(fault, "ENOSPC", 6)) kind = ENOSPC;
    else if (!strncmp(fault, "SHORT", 5)) kind = -1;
    else if (!strncmp(fault, "TORN", 4)) kind = -2;
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("HELDER_FAULT_COUNT");
    if (!path || getpid() != owner) return;
    FILE *file = fopen(path, "w");
    if (file) {
        fprintf(file, "%ld\n", counted);
        fclose(file);
    }
}

/* Whether this call is the one that fails. */
static int due(const char *path) {
    if (!below || getpid() != owner || strncmp(path, below, strlen(below))) return 0;
    return __sync_add_and_fetch(&counted, 1) == wanted;
}

static int due_file(int file) {
    char link[64], path[4096];
    if (!below || getpid() != owner) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return due(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t half(ssize_t written) {
    if (kind == -2) kill(getpid(), SIGKILL);
    return written;
}

ssize_t write(int file, const void *data, size_t count) {
    if (!due_file(file)) return REAL(write)(file, data, count);
    if (kind > 0) { errno = kind; return -1; }
    return half(REAL(write)(file, data, count > 1 ? count / 2 : count));
}

ssize_t pwrite64(int file, const void *data, size_t count, off64_t at) {
    if (!due_file(file)) return REAL(pwrite64)(file, data, count, at);
    if (kind > 0) { errno = kind; return -1; }
    return half(REAL(pwrite64)(file, data, count > 1 ? count / 2 : count, at));
}

int fsync(int file) {
    if (!due_file(file)) return REAL(fsync)(file);
    if (kind > 0) { errno = kind; return -1; }
    if (kind == -2) kill(getpid(), SIGKILL);
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    if (!due_file(file)) return REAL(fdatasync)(file);
    if (kind > 0) { errno = kind; return -1; }
    if (kind == -2) kill(getpid(), SIGKILL);
    return REAL(fdatasync)(file);
}

int ftruncate64(int file, off64_t length) {
    if (!due_file(file)) return REAL(ftruncate64)(file, length);
    if (kind > 0) { errno = kind; return -1; }
    return REAL(ftruncate64)(file, length);
}

int rename(const char *from, const char *to) {
    if (!due(to)) return REAL(rename)(from, to);
    if (kind > 0) { errno = kind; return -1; }
    if (kind == -2) kill(getpid(), SIGKILL);
    return REAL(rename)(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags) {
    if (!due(to)) return REAL(renameat2)(from_folder, from, to_folder, to, flags);
    if (kind > 0) { errno = kind; return -1; }
    if (kind == -2) kill(getpid(), SIGKILL);
    return REAL(renameat2)(from_folder, from, to_folder, to, flags);
}
