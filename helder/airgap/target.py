"""The machine that a folder is for: which wheels fit it, and which requirements hold there.

Linux with glibc on x86-64 or ARM; others cannot give Helder its closed room, and xllamacpp has wheels for these.
Tags: https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/ (PEP 600).
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags

from helder.errors import HelderError

MACHINES = ("x86_64", "aarch64")
OLDEST, USUAL = (2, 17), (2, 34)  # glibc: of manylinux2014; of RHEL 9 and Ubuntu 22.04 (Debian 12 has 2.36)
PYTHONS = ("3.11", "3.12", "3.13")  # those that Helder names in its own metadata
# Names from before PEP 600, and the version of glibc that each stands for.
OLDER = {(2, 5): "manylinux1", (2, 12): "manylinux2010", (2, 17): "manylinux2014"}


@dataclass(frozen=True)
class Target:
    """A machine.

    Attributes:
        machine: as `uname -m` calls it.
        glibc: the version of its C library, or the oldest of those that it may be.
        python: major and minor version.
    """

    machine: str
    glibc: tuple[int, int]
    python: str

    @classmethod
    def of(cls, name: str | None, python: str) -> Target:
        """The target that somebody named.

        Args:
            name: linux-x86_64, linux-aarch64, or with its C library as manylinux_2_28_x86_64; None for one like this.

        Raises:
            HelderError: no such target, or a Python that Helder does not run on.
        """
        if python not in PYTHONS:
            raise HelderError(f"Helder does not run on Python {python}.", fix=f"Choose {', '.join(PYTHONS)}.")
        found = re.fullmatch(
            r"linux-([a-z0-9_]+)|manylinux_(\d+)_(\d+)_([a-z0-9_]+)", _here() if name is None else name
        )
        machine = (found.group(1) or found.group(4)) if found else ""
        glibc = (int(found.group(2)), int(found.group(3))) if found and found.group(2) else USUAL
        if machine not in MACHINES or glibc < OLDEST:
            raise HelderError(
                f"There is no folder for {_here() if name is None else name}.",
                "Linux with glibc 2.17 or newer, on x86_64 or aarch64, is what Helder and its engine run on.",
                "Name linux-x86_64, linux-aarch64, or an older C library as manylinux_2_28_x86_64.",
            )
        return cls(machine, glibc, python)

    @property
    def name(self) -> str:
        return f"manylinux_{self.glibc[0]}_{self.glibc[1]}_{self.machine}"

    @property
    def platforms(self) -> list[str]:
        """Tags of platforms whose wheels run there, the least demanding first: of two builds the older one is taken."""
        found = []
        for minor in range(5, self.glibc[1] + 1):
            version = (self.glibc[0], minor)
            found += [f"{OLDER[version]}_{self.machine}"] if version in OLDER else []
            found.append(f"manylinux_{version[0]}_{version[1]}_{self.machine}")
        return found

    @property
    def tags(self) -> list[Tag]:
        """Every tag of a wheel that runs there, in the order in which it is preferred."""
        version = (int(self.python.split(".")[0]), int(self.python.split(".")[1]))
        return [
            *cpython_tags(version, platforms=self.platforms),
            *compatible_tags(version, f"cp{version[0]}{version[1]}", self.platforms),
        ]

    def needs(self, marker: Marker | None, extras: Iterable[str] = ()) -> bool:
        """Whether a requirement with this marker holds there; for any third number of its Python."""
        environments = [
            {
                "implementation_name": "cpython",
                "implementation_version": full,
                "os_name": "posix",
                "platform_machine": self.machine,
                "platform_python_implementation": "CPython",
                "platform_release": "",
                "platform_system": "Linux",
                "platform_version": "",
                "python_full_version": full,
                "python_version": self.python,
                "sys_platform": "linux",
                "extra": extra,
            }
            for full in (f"{self.python}.0", f"{self.python}.99")
            for extra in (*extras, "")
        ]
        return marker is None or any(marker.evaluate({**one}) for one in environments)


def glibc_of(tags: Iterable[Tag]) -> tuple[int, int]:
    """The oldest C library that one of these tags asks for; (0, 0) where none does."""
    found = []
    for tag in tags:
        if (new := re.match(r"manylinux_(\d+)_(\d+)_", tag.platform)) is not None:
            found.append((int(new.group(1)), int(new.group(2))))
        else:
            found += [version for version, name in OLDER.items() if tag.platform.startswith(f"{name}_")] or [(0, 0)]
    return min(found, default=(0, 0))


def _here() -> str:
    return f"linux-{platform.machine()}"
