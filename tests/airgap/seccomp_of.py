"""Run a command under the system calls that a unit allows: what systemd would load, by way of libseccomp.

python seccomp_of.py UNIT COMMAND …
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

EPERM = 0x00050001  # SCMP_ACT_ERRNO(EPERM)
ALLOW = 0x7FFF0000
NO_NEW_PRIVILEGES, NO_EXECUTABLE_GAIN = 38, 65  # prctl: PR_SET_NO_NEW_PRIVS, PR_SET_MDWE


def expanded(name: str) -> Iterator[str]:
    """The system calls of a group, or the one that is named."""
    if not name.startswith("@"):
        yield name
        return
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines()[1:]:
        if (inside := line.strip()) and not inside.startswith("#"):
            yield from expanded(inside)


def allowed(unit: str) -> set[str]:
    """What the SystemCallFilter lines of a unit allow, in their order; @default is always allowed."""
    found: set[str] = set()
    for line in unit.splitlines():
        if not line.startswith("SystemCallFilter="):
            continue
        names = line.partition("=")[2].removeprefix("~").split()
        calls = {call for name in names for call in expanded(name)}
        found = found - calls if "=~" in line else found | calls
    return found | set(expanded("@default"))


def main() -> None:
    unit = Path(sys.argv[1]).read_text(encoding="utf-8")
    calls = allowed(unit)
    libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(EPERM)))
    for call in sorted(calls):
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        if number >= 0 and seccomp.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), number, 0):
            sys.exit(f"no rule for {call}")
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(NO_EXECUTABLE_GAIN, 1, 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if seccomp.seccomp_load(context):
        sys.exit("the filter was not taken")
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
