"""How much memory is free, and how much a model needs: what is admitted by memory is admitted by these numbers.

The kernel's own estimate (MemAvailable), or what is left under the limit of this process's control group where that is
less. A system that tells neither (macOS) is not asked: None.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from helder.errors import HelderError

ROOT = Path("/")
WORKING = 64 << 20  # bytes that a process needs beside weights, keys and values; measured: 45 MiB (SmolLM2-135M)


def available(root: Path = ROOT) -> int | None:
    """Bytes that can still be had; None where the system does not say.

    Args:
        root: where /proc and /sys lie; for tests.
    """
    found = [size for size in (_of_machine(root), _of_group(root)) if size is not None]
    return min(found, default=None)


def resident(process: int | str = "self", root: Path = ROOT, *, below: bool = False) -> int | None:
    """Bytes of a process that are in memory, shared pages included; None where the system does not say.

    Args:
        below: with the processes that it started, and those that they did: a room is a process around another.
    """
    folder = root / "proc" / str(process)
    with suppress(OSError, ValueError, IndexError):
        own = int((folder / "statm").read_text(encoding="ascii").split()[1]) * 4096
        if not below:
            return own
        children = (folder / "task" / str(process) / "children").read_text(encoding="ascii").split()
        return own + sum(resident(child, root, below=True) or 0 for child in children)
    return None


def _of_machine(root: Path) -> int | None:
    with suppress(OSError, ValueError):
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _of_group(root: Path) -> int | None:
    """What the control group leaves (version 2, as service managers and containers set it); None without a limit."""
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            number, _, path = line.split(":", 2)
            if number != "0":
                continue
            folder = root / "sys/fs/cgroup" / path.lstrip("/")
            limit = (folder / "memory.max").read_text(encoding="ascii").strip()
            if limit == "max":
                return None
            used = int((folder / "memory.current").read_text(encoding="ascii"))
            # Pages of files can be given back; a model that is mapped counts there.
            stat = dict(pair.split() for pair in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
            return max(0, int(limit) - used + int(stat.get("inactive_file", "0")))
    return None


def needed(path: Path, context: int, places: int) -> int:
    """Bytes for a model and the keys and values of its places: F32, `context` tokens each.

    What llama.cpp needs for one pass over a prompt comes on top: see `WORKING`.

    Raises:
        HelderError: the file's header is damaged.
    """
    from helder.model.gguf_file import read_header

    keys, _ = read_header(path)
    family = keys.get("general.architecture", "llama")

    def number(name: str, default: int = 0) -> int:
        found = keys.get(f"{family}.{name}", default)
        return int(max(found, default=0) if isinstance(found, list) else found)

    heads = max(1, number("attention.head_count", 1))
    width = number("embedding_length") // heads
    keys_width, values_width = number("attention.key_length", width), number("attention.value_length", width)
    of_token = number("block_count") * number("attention.head_count_kv", heads) * (keys_width + values_width) * 4
    return path.stat().st_size + places * (context * of_token + WORKING)


def check(path: Path, context: int, places: int, free: int | None) -> None:
    """Raises: HelderError: memory does not suffice for so many places of so long a context."""
    need = needed(path, context, places)
    if free is None or need <= free:
        return
    raise HelderError(
        f"{path.name} with {places} places of {context} tokens needs about {need >> 20} MiB, and {free >> 20} MiB are "
        "free.",
        "It would be killed, or slow everything else, in the middle of an answer.",
        "Free memory, or use fewer places (--parallel), a shorter --context, or a smaller --format.",
    )
