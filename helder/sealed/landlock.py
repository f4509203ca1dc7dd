"""Landlock: a process gives up every file but those below the paths that it names, for itself and its children.

The kernel's interface is three system calls (Linux, Documentation/userspace-api/landlock.rst); which rights it knows
is told by the version of its interface. Landlock leaves two things open by design: `stat` of a hidden file, and unix
sockets that have a path. So it is a second wall behind a mount namespace, never the only one.

Imports nothing but the standard library: it is carried into rooms (`helder.sealed.warden`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
VERSION_FLAG = 1
PATH_BENEATH = 1
NO_NEW_PRIVS = 38  # prctl's PR_SET_NO_NEW_PRIVS

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
READ = EXECUTE | READ_FILE | READ_DIR
# Rights by the version that brought them: up to MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV.
RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15  # the others are refused for what is no folder
NETWORK = (4, 0b11)  # bind and connect of TCP
SCOPES = (6, 0b11)  # abstract unix sockets and signals, of processes outside


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of the kernel's interface; 0 where Landlock is not compiled in or not switched on."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_FLAG))))


def restrict(reads: Sequence[str], writes: Sequence[str] = (), tcp: bool = False, lists: Sequence[str] = ()) -> int:
    """Give up all files but those below some paths, TCP, and signals to processes outside.

    Args:
        reads: files and folders whose contents may be read and run.
        writes: folders in which everything may be done.
        tcp: whether TCP is kept, where another wall closes the network.
        lists: folders of which the names of what lies below may be read, and nothing else.

    Returns:
        the version that was used, which says how much of that the kernel knows.

    Raises:
        OSError: the kernel has no Landlock, or a path is not there.
    """
    known = version()
    if known == 0:
        raise OSError("the kernel has no Landlock")
    rights = 0
    for since, bits in RIGHTS.items():
        rights |= bits if known >= since else 0
    network = NETWORK[1] if known >= NETWORK[0] and not tcp else 0
    asked = _Ruleset(rights, network, SCOPES[1] if known >= SCOPES[0] else 0)
    # Older kernels know a shorter structure, and refuse a longer one unless what they do not know is zero: it is.
    ruleset = _call(CREATE_RULESET, ctypes.byref(asked), ctypes.c_size_t(ctypes.sizeof(asked)), ctypes.c_uint32(0))
    try:
        for path in reads:
            _allow(ruleset, path, rights & READ)
        for path in lists:
            _allow(ruleset, path, READ_DIR)
        for path in writes:
            _allow(ruleset, path, rights)
        if _libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs is refused")
        _call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return known


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        beneath = _Beneath(rights if os.path.isdir(path) else rights & FOR_FILES, place)
        _call(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(PATH_BENEATH), ctypes.byref(beneath), ctypes.c_uint32(0))
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    found = int(_libc.syscall(number, *arguments))
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return found
