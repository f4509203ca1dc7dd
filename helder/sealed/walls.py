"""What a stage's room is made of: which parts of the machine it sees, and the command with which bubblewrap makes it.

Folders keep the names that they have outside, so that a stage notices nothing of the room but what is missing. Seen
are: programs and libraries of the system, Python with its packages, Helder's own code, what the caller declares, and
devices that hold nothing. Everything is read-only but what the caller lets it write, and two folders in memory of a
limited size. Other processes, the network, and every other file and socket of the machine are not there at all.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from helder.sealed.machine import bubblewrap

PACKAGE = Path(__file__).resolve().parents[1]  # Helder's own code
LAUNCHER = PACKAGE / "sealed" / "launcher.py"
ROOMS = "/run/helder"  # of a room only: where its socket lies (`helder.sealed.broker`); the system's /run is root's
SOCKET = f"{ROOMS}/rooms"
# Of the system: programs, libraries, compilers' files, time zones, and where its own packages and CUDA lie.
SYSTEM = (
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/libexec", "/usr/include"),
    *("/usr/local", "/usr/share/zoneinfo", "/usr/share/locale", "/opt/cuda", "/opt/rocm"),
)
LINKED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")  # folders, or links into /usr
ALSO = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
# What the kernel says of processors and of the limits of a control group, which decide how many threads work.
KERNEL = ("/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup/cpu.max")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random")
GPUS = ("/dev/nvidia*", "/dev/nvidia-caps/*", "/dev/dri/render*", "/dev/kfd")
NAMES = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf")  # for speaking with other hosts
HOSTS = b"127.0.0.1 localhost room\n::1 localhost\n"
MEMORY_SHARE = 2  # /tmp and /dev/shm hold at most one part in so many of the machine's memory, as the system's own does
# What must never be bound as code or packages, even if a path of Python's names it.
NEVER = {Path("/"), Path("/home"), Path("/root"), Path("/tmp"), Path("/etc"), Path("/var")}


def gpus() -> list[str]:
    """Devices of accelerators, if there are any."""
    return sorted(str(place) for pattern in GPUS for place in Path("/").glob(pattern.removeprefix("/")))


def system() -> list[str]:
    """Paths of the system that a stage sees, links among them."""
    places = [*SYSTEM, *LINKED, *ALSO, *KERNEL, *(["/sys"] if gpus() else [])]
    return [place for place in places if os.path.lexists(place)]


def python() -> list[str]:
    """Where this Python and its packages lie: what a child with the same interpreter imports from."""
    places = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).parent]
    packages = [Path(place) for place in site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        packages.append(Path(site.getusersitepackages()))
    for folder in packages:
        places.append(folder)
        for file in sorted(folder.glob("*.pth")):
            # A line of such a file is a folder that is searched too, or code; code names folders that are not known.
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    places.append(folder / line.strip())
    found = {place.absolute() for place in places if place.is_dir() and place != Path("/usr")}
    found -= NEVER | {PACKAGE.parent}  # of our own code, the package only, unless it lies among all others
    if PACKAGE.parent in [place.absolute() for place in packages]:
        found.add(PACKAGE.parent)
    return [str(place) for place in sorted(found)]


def code(folders: Sequence[Path]) -> list[str]:
    """Helder's own code, and the caller's: packages, and files of modules."""
    found = {str(PACKAGE)}
    for folder in folders:
        found |= {str(place) for place in ([folder] if (folder / "__init__.py").exists() else folder.glob("*.py"))}
    return sorted(found)


def searched(folders: Sequence[Path]) -> list[str]:
    """The folders in which Python looks for Helder's own code and the caller's."""
    places = {PACKAGE.parent, *(folder.parent if (folder / "__init__.py").exists() else folder for folder in folders)}
    return sorted(map(str, places))


def memory() -> int:
    """Bytes that each folder in memory may hold."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEMORY_SHARE


def bind(reads: Sequence[str], writes: Sequence[str]) -> list[str]:
    """Arguments of bubblewrap that show paths: those of folders before those of what lies in them."""
    found = {path: "--ro-bind" for path in reads} | {path: "--bind" for path in writes}
    command: list[str] = []
    # Folders on the way, which bubblewrap would make for their owner only.
    for place in sorted({parent for path in found for parent in Path(path).parents} - {Path("/")}):
        if not any(place.is_relative_to(path) for path in found):
            command += ["--perms", "0755", "--dir", str(place)]
    for path in sorted(found, key=lambda one: Path(one).parts):
        command += [found[path], path, path]
    return command


def command(
    reads: Sequence[str], writes: Sequence[str], folder: str, network: bool, root: bool, data: Mapping[str, int]
) -> list[str]:
    """The command that makes the namespaces of a room; what is to be run in it follows.

    Args:
        reads, writes: absolute paths that exist.
        folder: where the program starts.
        network: whether it stays in the machine's network, to speak with other hosts.
        root: whether root makes it: then no user namespace is needed, and the launcher becomes another user.
        data: path → open file, whose contents are a file of the room.
    """
    made = [bubblewrap(), "--unshare-pid", "--unshare-ipc", "--die-with-parent"]
    made += [] if network else ["--unshare-net", "--unshare-uts", "--hostname", "room"]
    if root:
        # What the launcher needs to become another user, and to make rooms and end them; the stage keeps none of it.
        made += ["--cap-drop", "ALL"]
        for name in ("SETUID", "SETGID", "SETPCAP", "SETFCAP", "KILL", "DAC_READ_SEARCH", "CHOWN"):
            made += ["--cap-add", f"CAP_{name}"]
    else:
        made += ["--unshare-user"]
    size = str(memory())
    made += ["--proc", "/proc", "--tmpfs", "/dev", "--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"]
    made += ["--perms", "1777", "--size", size, "--tmpfs", "/tmp", "--size", str(1 << 20), "--tmpfs", ROOMS]
    for path in (*DEVICES, *gpus()):
        made += ["--dev-bind", path, path]
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        made += ["--symlink", f"/proc/self/fd{target}", f"/dev/{name}"]
    seen = []
    for path in [*system(), *(NAMES if network else ())]:
        if not os.path.lexists(path):
            continue
        if Path(path).is_symlink() and path in LINKED:
            made += ["--symlink", str(Path(path).readlink()), path]
        else:
            seen.append(path)
    for path, place in sorted(data.items()):
        made += ["--perms", "0444", "--ro-bind-data", str(place), path]
    made += bind([*seen, *reads], writes)
    return [*made, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", folder, "--"]
