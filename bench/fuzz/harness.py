"""What every target of the fuzzing shares: what it is, when an outcome is fine, how bytes are changed.

It does not know where inputs come from: `child.py` takes them from atheris, `tests/fuzz` from the kept corpus.
"""

from __future__ import annotations

import atexit
import copy
import json
import os
import random
import re
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from helder.errors import HelderError

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
SECONDS = 5.0  # of processor time for one input, and of a wait that has no end
MEMORY = 64 << 20  # bytes beside twice the input: caches, the pools of allocators (assumption)
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# What stands where a reader expects a number, a name or an end, most of it at the edges of integer types.
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 65535, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 62,
           (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
TEXTS = (
    b"-1", b"0", b"1e999", b"NaN", b"9223372036854775808", b"1" * 5000, b"true", b"null", b'""', b"[]", b"{}", b"\x00",
    b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xef\xbb\xbf", b"\r", b"\n", b"../", b"/etc/passwd", b"..\\", b"%2e%2e%2f",
    b"A" * 300, b"[" * 2000, b'{"":' * 1000, b"\xf4\x8f\xbf\xbf", b"__proto__", b"{{7*7}}", b"!!python/name:os.system",
)  # fmt: skip
# Values that a reader of JSON may not think of.
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, float("inf"), float("nan"), 1 << 31, 1 << 63, 1 << 64, 10**400, "",
    " ", "0", "\ud800", "\x00", "\x1b[2J", "../../etc/passwd", "/etc/passwd", "a" * 5000, "é", "\u202e", [], {},
    [[]], [None], {"": None}, [0] * 300, "http://127.0.0.1/", "file:///etc/passwd", "data:text/plain,x",
    "(a+)+$", "9" * 5000, "1e999",
)  # fmt: skip
NAMES = ("", "a", "__proto__", "$ref", "type", "name", "path", "\ud800", "\x00")


@dataclass(frozen=True)
class Target:
    """One reader that is fuzzed.

    Attributes:
        name: what it is called.
        run: reads one input; raises what is wrong with our own code, returns or raises HelderError when all is fine.
        seeds: true inputs to begin with.
        mutate: changes an input where its structure has joints; without it bytes are changed.
        largest: bytes of an input.
        words: what inputs are made of, for the fuzzer's dictionary.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    mutate: Callable[[bytes, random.Random], bytes] | None = None
    largest: int = 1 << 14
    words: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Finding:
    """An outcome that is not fine.

    Attributes:
        kind: the exception's name, "slow" or "memory".
        place: where in our code, without line numbers; findings of the same kind and place count once.
        told: the traceback, or the numbers.
    """

    kind: str
    place: str
    told: str


def judge(target: Target, data: bytes) -> Finding | None:
    """Run one input; what was wrong, or None.

    Memory is the rise of the process's peak, as the kernel counts it: native code is in it.
    """
    before, started = _memory(), time.process_time()
    try:
        target.run(data)
    except HelderError:
        pass
    except RecursionError as error:  # has no place of its own: it hits wherever the stack ends
        return Finding("RecursionError", _place(error, 1), "".join(traceback.format_exception(error, limit=-40)))
    except Exception as error:  # noqa: BLE001  every other exception is what is looked for
        return Finding(type(error).__name__, _place(error), "".join(traceback.format_exception(error)))
    took = time.process_time() - started
    if took > SECONDS:
        return Finding("slow", target.name, f"{len(data)} bytes took {took:.1f} s of processor time")
    rise = _peak() - before
    if rise > 2 * len(data) + MEMORY:
        return Finding("memory", target.name, f"{len(data)} bytes took {rise >> 20} MB")
    return None


def _place(error: BaseException, frames: int = 3) -> str:
    """The innermost functions of ours that the exception went through."""
    ours = [
        f"{Path(frame.filename).stem}.{frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "/helder/" in frame.filename
    ]
    return " < ".join(reversed(ours[-frames:] if frames > 1 else ours[:2]))


def _memory() -> int:
    """Bytes in memory now; from here on the peak is counted anew."""
    if not CLEAR.exists():
        return 0
    CLEAR.write_text("5")  # proc(5): resets the peak, VmHWM
    return _number("VmRSS")


def _peak() -> int:
    return _number("VmHWM") if CLEAR.exists() else 0


def _number(key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB$", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) << 10 if found else 0


# -- changing an input ----------------------------------------------------------------------------------------------


def change(target: Target, data: bytes, chance: random.Random) -> bytes:
    """A changed input, the same for the same state of `chance`."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        if target.mutate is not None and chance.random() < 0.5:
            data = target.mutate(data, chance)
        else:
            data = change_bytes(data, chance, target.words)
    return data[: target.largest]


def change_bytes(data: bytes, chance: random.Random, words: tuple[bytes, ...] = ()) -> bytes:
    """One change that knows nothing of the format: a bit, a number, a word, a part twice, gone, moved, the end cut."""
    at = chance.randrange(len(data) + 1)
    upto = min(len(data), at + chance.choice((1, 2, 4, 8, chance.randrange(1, 65))))
    match chance.randrange(8):
        case 0 if data:
            at = min(at, len(data) - 1)
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 1:
            width = chance.choice((1, 2, 4, 8))
            number = (chance.choice(NUMBERS) + chance.choice((-1, 0, 0, 1))) % (1 << 8 * width)
            return data[:at] + number.to_bytes(width, chance.choice(("little", "big"))) + data[at + width :]
        case 2:
            return data[:at] + chance.choice(TEXTS) + data[at:]
        case 3:
            return data[:at] + chance.choice(words or TEXTS) + data[upto:]
        case 4:
            return data[:at] + data[upto:]
        case 5:
            return data[:upto] + data[at:]
        case 6:
            other = chance.randrange(len(data) + 1)
            return data[:other] + data[at:upto] + data[other:]
        case _:
            return data[:at]


def change_text(data: bytes, chance: random.Random) -> bytes:
    """One change of a text: a line or a word taken out, doubled, moved, or given another value."""
    parts = re.split(rb"(\n|[^\w]+)", data)
    if len(parts) < 3:
        return change_bytes(data, chance)
    at, other = chance.randrange(len(parts)), chance.randrange(len(parts))
    match chance.randrange(4):
        case 0:
            parts[at] = chance.choice(TEXTS)
        case 1:
            parts[at] = parts[other]
        case 2:
            del parts[min(at, other) : max(at, other)][:8]
        case _:
            parts[at:at] = parts[other : other + chance.randrange(1, 12)]
    return b"".join(parts)


def change_json(data: bytes, chance: random.Random) -> bytes:
    """One change of a JSON text: a value that is another, missing, doubled, or in the place of another one."""
    try:
        value = json.loads(data)
        places = list(_places(value))
    except (ValueError, RecursionError):
        return change_text(data, chance)
    if not places:
        return json.dumps(chance.choice(ODD)).encode()
    inside, key = chance.choice(places)
    other, from_ = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del inside[key]
        case 1:
            inside[key] = copy.deepcopy(other[from_])
        case 2 if isinstance(inside, list):
            inside.insert(key, copy.deepcopy(other[from_]))
        case 2:
            inside[chance.choice(NAMES)] = copy.deepcopy(other[from_])
        case 3 if isinstance(inside[key], str):
            inside[key] = change_text(inside[key].encode("utf-8", "replace"), chance).decode("utf-8", "replace")
        case 4 if type(inside[key]) is float or (type(inside[key]) is int and inside[key].bit_length() < 1000):
            inside[key] += chance.choice((-1, 1, 0.5, 1 << 31, -(1 << 63), 1e308))
        case _:
            inside[key] = chance.choice(ODD)
    try:
        text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
        return text.replace("Infinity", "1e999").encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return data


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (object or list, key or position) of a JSON value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _places(inner)


# -- where inputs are kept ------------------------------------------------------------------------------------------


def kept(name: str) -> list[bytes]:
    """The kept corpus of a target, in the order of its names, which are digests."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*")) if path.is_file()]


def cases(target: Target, count: int) -> Iterator[bytes]:
    """The seeds, the kept corpus and `count` changes of both, always the same."""
    corpus, chance = [*target.seeds(), *kept(target.name)], random.Random(f"{target.name} 1")
    yield from corpus
    for _ in range(count):
        yield change(target, chance.choice(corpus), chance)


@cache
def scratch() -> Path:
    """A folder for what has to be a file, in memory where there is such a place; gone when the process ends well."""
    shm = Path("/dev/shm")
    made, owner = Path(tempfile.mkdtemp(prefix="helder-fuzz-", dir=shm if shm.is_dir() else None)), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return made
