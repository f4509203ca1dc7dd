"""Plain values over a pipe: how a function of a submission is called from another room, and what may come back.

    python plain.py solution SOURCE ENTRY      in the submission's room: calls its function for whoever asks
    python plain.py check FILE OFFSET LENGTH   in the checker's room: a task's check, whose `candidate` asks here

What passes is bytes that say values of Python's own types and nothing else: None, bool, int, float, complex, str,
bytes, list, tuple, dict, set and frozenset, no class derived from them, nothing that is code. `decode` makes them anew,
so that no object of a submission, with an `__eq__` of its own, ever meets a check. It refuses what is longer than
`LONGEST` or deeper than `DEEPEST`. The submission's side may say what it likes: all it can say is values.

Imports nothing but the standard library: it is carried into rooms (`helder.evaluate.judge.functions`).
"""

from __future__ import annotations

import os
import struct
import sys

if False:  # of the standard library, but slow to import
    from collections.abc import Callable, Iterable
    from typing import Any

LONGEST = 1 << 20  # bytes of a message (assumption; the longest answer of HumanEval and MBPP has less than 1 kB)
DEEPEST = 100  # lists in lists (assumption)
RIGHT, WRONG = 42, 43  # how a check ends, as validators of the Problem Package Format do
SAID = 500  # characters of a reason that are kept

LENGTH, FLOAT = struct.Struct(">I"), struct.Struct(">d")


class NotPlain(ValueError):
    """A value that does not pass, or bytes that are none."""


class Gone(BaseException):
    """The submission's side ended, or spoke in another way than agreed; no check catches it by mistake."""


class Raised(Exception):
    """The submission's function raised an exception, or returned what does not pass."""


def encode(value: object) -> bytes:
    """A value as bytes. An object of a derived class is said as the plain one that it holds.

    Raises:
        NotPlain: it is of another type, too deep or too long.
    """
    parts: list[bytes] = []
    left = LONGEST

    def put(*pieces: bytes) -> None:
        nonlocal left
        for piece in pieces:
            left -= len(piece)
            parts.append(piece)
        if left < 0:
            raise NotPlain(f"a value of more than {LONGEST} bytes")

    def all_of(tag: bytes, count: int, items: Iterable[object], depth: int) -> None:
        put(tag, LENGTH.pack(count))
        for item in items:
            one(item, depth + 1)

    def one(item: object, depth: int) -> None:
        if depth > DEEPEST:
            raise NotPlain(f"a value deeper than {DEEPEST}")
        if item is None:
            put(b"N")
        elif item is True or item is False:
            put(b"T" if item else b"F")
        # The base classes' own methods: what a derived class makes of them does not matter.
        elif isinstance(item, int):
            digits = int.__format__(item, "x").encode("ascii")
            put(b"i", LENGTH.pack(len(digits)), digits)
        elif isinstance(item, float):
            put(b"f", FLOAT.pack(item))
        elif isinstance(item, complex):
            put(b"c", FLOAT.pack(item.real), FLOAT.pack(item.imag))
        elif isinstance(item, str):
            data = str.encode(item, "utf-8", "surrogatepass")
            put(b"s", LENGTH.pack(len(data)), data)
        elif isinstance(item, (bytes, bytearray)):
            put(b"b", LENGTH.pack(len(item)), bytes(item))
        elif isinstance(item, list):
            all_of(b"l", list.__len__(item), list.__iter__(item), depth)
        elif isinstance(item, tuple):
            all_of(b"t", tuple.__len__(item), tuple.__iter__(item), depth)
        elif isinstance(item, set):
            all_of(b"S", set.__len__(item), set.__iter__(item), depth)
        elif isinstance(item, frozenset):
            all_of(b"Z", frozenset.__len__(item), frozenset.__iter__(item), depth)
        elif isinstance(item, dict):
            all_of(b"d", dict.__len__(item), dict.items(item), depth)
        else:
            raise NotPlain(f"a value of the type {type(item).__name__}")

    one(value, 0)
    return b"".join(parts)


def decode(data: bytes) -> Any:
    """The value that bytes say, made of Python's own types.

    Raises:
        NotPlain: they say none.
    """
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        if count > len(data) - at:
            raise NotPlain("a message that ends in the middle")
        at += count
        return data[at - count : at]

    def length() -> int:
        return int(LENGTH.unpack(take(4))[0])

    def items(depth: int) -> list[Any]:
        count = length()
        if count > len(data) - at:  # each needs a byte
            raise NotPlain("a message that ends in the middle")
        return [one(depth + 1) for _ in range(count)]

    def one(depth: int) -> Any:
        if depth > DEEPEST:
            raise NotPlain(f"a value deeper than {DEEPEST}")
        tag = take(1)
        if tag in (b"N", b"T", b"F"):
            return {b"N": None, b"T": True, b"F": False}[tag]
        if tag == b"i":
            return _integer(take(length()))
        if tag == b"f":
            return FLOAT.unpack(take(8))[0]
        if tag == b"c":
            return complex(FLOAT.unpack(take(8))[0], FLOAT.unpack(take(8))[0])
        if tag == b"s":
            return take(length()).decode("utf-8", "surrogatepass")
        if tag == b"b":
            return take(length())
        if tag == b"d":
            pairs = items(depth)
            if not all(type(pair) is tuple and len(pair) == 2 for pair in pairs):
                raise NotPlain("a dictionary that is no list of pairs")
            return dict(pairs)
        if tag in (b"l", b"t", b"S", b"Z"):
            return {b"l": list, b"t": tuple, b"S": set, b"Z": frozenset}[tag](items(depth))
        raise NotPlain(f"a value of the type {tag!r}")

    try:
        value = one(0)
    except (TypeError, UnicodeDecodeError) as error:  # what cannot be hashed, what is no text
        raise NotPlain(str(error)) from error
    if at != len(data):
        raise NotPlain("a message that goes on after its value")
    return value


def _integer(digits: bytes) -> int:
    if not digits.removeprefix(b"-") or digits.removeprefix(b"-").strip(b"0123456789abcdef"):
        raise NotPlain("an integer that is none")
    return int(digits, 16)


def send(place: int, value: object) -> None:
    """Write a message.

    Raises:
        NotPlain: the value does not pass; nothing was written.
        OSError: nobody reads.
    """
    data = encode(value)
    view = memoryview(LENGTH.pack(len(data)) + data)
    while view:
        view = view[os.write(place, view) :]


def receive(place: int) -> Any:
    """Read a message.

    Raises:
        EOFError: there is none any more.
        NotPlain: it is too long, or says no value.
    """
    (length,) = LENGTH.unpack(_exactly(place, 4))
    if length > LONGEST:
        raise NotPlain(f"a message of more than {LONGEST} bytes")
    return decode(_exactly(place, length))


def _exactly(place: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(place, min(count, 1 << 16))
        if not part:
            raise EOFError("the other side ended")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _pipes() -> tuple[int, int]:
    """Standard input and output under other numbers; what is printed and read as usual goes to nothing."""
    reads, writes = os.dup(0), os.dup(1)
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return reads, writes


def solution(source: str, entry: str) -> None:
    """The submission's side: answer calls of its function until nobody asks any more.

    Nothing here holds a cheat back, since it runs in the same process; whoever asks decodes what comes.
    """
    reads, writes = _pipes()
    try:
        with open(source, "rb") as file:
            code = compile(file.read(), source, "exec")
        names: dict[str, Any] = {"__name__": "solution", "__file__": source}
        exec(code, names)
        function = names[entry]
    except Exception as error:  # noqa: BLE001 - told to whoever asks
        send(writes, ("failed", _words(error)))
        os._exit(0)
    send(writes, ("ready", ""))
    while True:
        try:
            arguments, named = receive(reads)
        except EOFError:
            os._exit(0)
        try:
            answer = ("value", function(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - told to whoever asks
            answer = ("raised", _words(error))
        try:
            send(writes, answer)
        except NotPlain as error:
            send(writes, ("other", _words(error)))


def check(task: dict[str, str]) -> tuple[bool, str, str]:
    """The checker's side: run a task's check on what is behind the pipe.

    Args:
        task: `entry`, the function's name; `before`, a program that the check may use; `check`, the check: a program
            that defines `check(candidate)`, or asserts that call the function by its name.

    Returns:
        (right, how it came to that: "value" | "raised" | "gone" | "", why not)
    """
    import random  # slow too, and only needed here

    reads, writes = _pipes()
    # Checks that draw examples draw the same ones each time.
    random.seed(0)

    def ask() -> tuple[str, Any]:
        try:
            said = receive(reads)
        except (EOFError, NotPlain) as error:
            raise Gone(_words(error)) from None
        if type(said) is not tuple or len(said) != 2 or type(said[0]) is not str:
            raise Gone("the submission speaks in another way than agreed")
        return said

    def candidate(*arguments: Any, **named: Any) -> Any:
        try:
            send(writes, (arguments, named))
        except OSError:
            raise Gone("the submission ended") from None
        kind, value = ask()
        if kind != "value":
            raise Raised(str(value)[:SAID])
        return value

    try:
        kind, said = ask()
        if kind != "ready":
            raise Raised(str(said)[:SAID])
    except Raised as error:
        return False, "raised", str(error)
    except Gone as error:
        return False, "gone", str(error)
    names: dict[str, Any] = {"__name__": "check"}
    exec(compile(task["before"], "before", "exec"), names)
    program = compile(task["check"], "check", "exec")
    run: Callable[[], object]
    if "def check(" in task["check"]:
        exec(program, names)
        run = lambda: names["check"](candidate)  # noqa: E731
    else:
        names[task["entry"]] = candidate
        run = lambda: exec(program, names)  # noqa: E731
    try:
        run()
    except Gone as error:
        return False, "gone", str(error)
    except Raised as error:
        return False, "raised", str(error)
    except Exception as error:  # noqa: BLE001 - what a check says of values that it did not expect
        return False, "value", _words(error)
    return True, "", ""


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:SAID]
    except Exception:  # noqa: BLE001 - an exception of the submission that cannot be read
        return type(error).__name__


def main() -> None:
    """See the module's first lines."""
    if sys.argv[1] == "solution":
        solution(sys.argv[2], sys.argv[3])
        return
    import json

    with open(sys.argv[2], "rb") as file:
        file.seek(int(sys.argv[3]))
        task = json.loads(file.read(int(sys.argv[4])))
    right, kind, why = check(task)
    os.write(2, b"\n" + json.dumps({"kind": kind, "why": why}).encode("ascii"))
    os._exit(RIGHT if right else WRONG)


if __name__ == "__main__":
    main()
