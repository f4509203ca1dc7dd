"""Seccomp: system calls that a process gives up, for itself and its children, as a program of the kernel's filter.

A list of what is refused, not of what is allowed, so that any language's runtime works; and calls with a higher number
than the newest that was looked at do not exist at all, so that what kernels learn later is closed until it was.

Imports nothing but the standard library: it is carried into rooms (`helder.sealed.warden`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2  # of prctl
NEWEST = 462  # mseal (Linux 6.10)

# Of <linux/audit.h>: how a filter is told for which architecture a call was made.
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000  # calls of the x32 way of calling, which x86-64 takes for the same architecture

# name: (x86_64, aarch64), of <asm/unistd_64.h> and <asm-generic/unistd.h>; None where there is no such call.
# Looking into other processes, and taking their files:
PROCESSES = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "perf_event_open": (298, 241),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
# Other namespaces and other views of files:
MOUNTS = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "fanotify_init": (300, 262),
}
# Large parts of the kernel that no program of ours needs, where many of its flaws were found:
KERNEL = {
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "personality": (135, 92),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "lookup_dcookie": (212, 18),
}
# Memory and messages that outlive a process, or that no limit of a process counts:
SHARED = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semctl": (66, 191),
    "semop": (65, 193),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
# What tells or decides which pages of the machine's files are cached: the cache is everybody's, so that a program could
# leave in it what the next one reads (Gruss et al. 2019, Page Cache Attacks). Time tells too, and cannot be refused.
CACHE = {
    "fadvise64": (221, 223),
    "readahead": (187, 213),
    "mincore": (27, 232),
    "cachestat": (451, 451),
}
PREADV2 = (327, 286)  # may ask to read only what is cached; the C library asks for `preadv` when it is not there
SOCKETS = {"socket": (41, 198), "socketpair": (53, 199)}
NEW_PROCESSES = {"fork": (57, None), "vfork": (58, None), "clone": (56, 220)}
CLONE, CLONE3 = (56, 220), (435, 435)
CLONE_NEW = 0x7E020080  # the flags of clone that make a namespace
IOCTL = (16, 29)
FCNTL = (72, 25)
LIFETIME = (1036, 1038)  # F_SET_RW_HINT, F_SET_FILE_RW_HINT: two bits that stay with a file, even a read-only one
TERMINAL = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX: typing into the terminal of whoever started us

REFUSED = PROCESSES | MOUNTS | KERNEL | SHARED | CACHE

# The instructions of a filter (Linux, Documentation/networking/filter.rst) and what it may say.
LOAD, EQUAL, AT_LEAST, ANY_OF, SAY = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # where they stand; low halves of the arguments
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def program(processes: bool, sockets: bool, machine: str = "") -> bytes:
    """The filter, as the kernel reads it: instructions of eight bytes.

    Args:
        processes: whether other processes and threads may be started; never in namespaces of their own.
        sockets: whether sockets may be made.
        machine: an architecture of `ARCHITECTURES`; empty for this one.

    Raises:
        OSError: the numbers of this architecture's calls are not known here.
    """
    machine = machine or os.uname().machine
    lines, place = _begin(machine)
    refused = {numbers[place]: errno.EPERM for numbers in REFUSED.values()}
    if not sockets:
        refused |= {numbers[place]: errno.EACCES for numbers in SOCKETS.values()}
    if not processes:
        refused |= {numbers[place]: errno.EAGAIN for numbers in NEW_PROCESSES.values()}
    # Its flags lie in memory, where a filter cannot look: the C library asks for `clone` when this one is not there.
    refused[CLONE3[place]] = refused[PREADV2[place]] = errno.ENOSYS
    lines += _refuse(refused)
    if processes:
        lines += _checked_clone(place)
    lines += _checked_ioctl(place, (IOCTL, TERMINAL), (FCNTL, LIFETIME))
    lines += [(SAY, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


_Line = tuple[int, int, int, int]  # of a filter: code, lines to jump when true, when false, operand


def _begin(machine: str) -> tuple[list[_Line], int]:
    """The first lines of every filter, and the place of an architecture's numbers."""
    if machine not in ARCHITECTURES:
        raise OSError(f"the system calls of {machine} are not known here, but for {', '.join(ARCHITECTURES)}")
    lines = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, ARCHITECTURES[machine]), (SAY, 0, 0, KILL)]
    lines += [(LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":
        lines += [(AT_LEAST, 0, 1, X32), (SAY, 0, 0, KILL)]
    lines += [(AT_LEAST, 0, 1, NEWEST + 1), (SAY, 0, 0, ERROR | errno.ENOSYS)]
    return lines, list(ARCHITECTURES).index(machine)


def _refuse(refused: dict[int | None, int]) -> list[_Line]:
    lines: list[_Line] = []
    for number in sorted(number for number in refused if number is not None):
        lines += [(EQUAL, 0, 1, number), (SAY, 0, 0, ERROR | refused[number])]
    return lines


def _checked_clone(place: int) -> list[_Line]:
    """Processes may be started, but not in namespaces of their own."""
    return [
        (EQUAL, 0, 4, CLONE[place] or 0), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_OF, 0, 1, CLONE_NEW),
        (SAY, 0, 0, ERROR | errno.EPERM), (SAY, 0, 0, ALLOW),
    ]  # fmt: skip


def _checked_ioctl(place: int, *calls: tuple[tuple[int, int], tuple[int, int]]) -> list[_Line]:
    """Two values of a call's second argument are refused."""
    lines: list[_Line] = []
    for call, (one, other) in calls:
        lines += [(EQUAL, 0, 5, call[place]), (LOAD, 0, 0, SECOND_ARGUMENT)]
        lines += [(EQUAL, 1, 0, one), (EQUAL, 0, 1, other), (SAY, 0, 0, ERROR | errno.EPERM), (SAY, 0, 0, ALLOW)]
    return lines


# What a stage needs and a stranger's program does not: files in memory (rooms are made of them), and the cache of
# files, which libraries of large arrays and models steer.
OF_STAGES = {"memfd_create", *CACHE}
UNIX, INET, INET6, NETLINK, STREAM, KIND = 1, 2, 10, 16, 1, 0xF  # of <sys/socket.h>; the rest of a kind are flags
SET_USER = 0o4000  # of a file's mode: it runs as its owner
# name: (x86_64, aarch64, which argument is the mode)
MODES: dict[str, tuple[int, int | None, int]] = {
    "chmod": (90, None, 1),
    "fchmod": (91, 52, 1),
    "fchmodat": (268, 53, 2),
    "fchmodat2": (452, 452, 2),
    "creat": (85, None, 1),
}
CREATING: dict[str, tuple[int, int | None, int]] = {
    "open": (2, None, 1),
    "openat": (257, 56, 2),
}  # flags, and the mode behind them, which counts with these:
CREATE = 0x400040  # O_CREAT and the own bit of O_TMPFILE
OPENAT2 = (437, 437)  # its flags lie in memory, where a filter cannot look: libraries ask for `openat` then
AND = 0x54  # of a filter: keep some bits of what was loaded
THIRD_ARGUMENT = 32


def stage_program(tcp: bool, netlink: bool = False, machine: str = "") -> bytes:
    """The filter of a stage: processes and threads, unix sockets, and no way to another namespace.

    Args:
        tcp: whether TCP may be used; where it leads is another wall's matter. UDP and all other sockets are refused.
        netlink: whether the kernel may be asked for interfaces and routes, which libraries of GPUs do.
        machine: as in `program`.

    Raises:
        OSError: the numbers of this architecture's calls are not known here.
    """
    machine = machine or os.uname().machine
    lines, place = _begin(machine)
    refused = {numbers[place]: errno.EPERM for name, numbers in REFUSED.items() if name not in OF_STAGES}
    refused[CLONE3[place]] = refused[OPENAT2[place]] = errno.ENOSYS
    lines += _refuse(refused)
    lines += _checked_clone(place)
    for *numbers, argument in MODES.values():
        if (number := numbers[place]) is not None:
            lines += [(EQUAL, 0, 4, number), (LOAD, 0, 0, 16 + 8 * argument), (ANY_OF, 0, 1, SET_USER)]
            lines += [(SAY, 0, 0, ERROR | errno.EPERM), (SAY, 0, 0, ALLOW)]
    for *numbers, argument in CREATING.values():
        if (number := numbers[place]) is not None:
            lines += [(EQUAL, 0, 6, number), (LOAD, 0, 0, 16 + 8 * argument), (ANY_OF, 0, 3, CREATE)]
            lines += [(LOAD, 0, 0, 24 + 8 * argument), (ANY_OF, 0, 1, SET_USER)]
            lines += [(SAY, 0, 0, ERROR | errno.EPERM), (SAY, 0, 0, ALLOW)]
    # socket(family, kind, protocol): jumps are counted from the next line.
    lines += [(EQUAL, 0, 14, SOCKETS["socket"][place]), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 0, 1, UNIX)]
    lines += [(SAY, 0, 0, ALLOW)]
    lines += [(EQUAL, 1, 0, INET if tcp else ~0 & 0xFFFFFFFF), (EQUAL, 0, 4, INET6 if tcp else ~0 & 0xFFFFFFFF)]
    lines += [(LOAD, 0, 0, SECOND_ARGUMENT), (AND, 0, 0, KIND), (EQUAL, 0, 5, STREAM), (SAY, 0, 0, ALLOW)]
    lines += [(EQUAL, 0, 3, NETLINK if netlink else ~0 & 0xFFFFFFFF), (LOAD, 0, 0, THIRD_ARGUMENT)]
    lines += [(EQUAL, 0, 1, 0), (SAY, 0, 0, ALLOW), (SAY, 0, 0, ERROR | errno.EACCES)]
    lines += _checked_ioctl(place, (IOCTL, TERMINAL))
    lines += [(SAY, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def restrict(filter_: bytes) -> None:
    """Give up what a filter refuses, for good.

    Raises:
        OSError: the kernel refuses the filter.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    described = _Program(len(filter_) // 8, filter_)
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, MODE_FILTER, ctypes.byref(described), 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp: {os.strerror(code)}")
