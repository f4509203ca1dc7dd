"""YAML files of problem packages, read strictly: unknown keys, double keys and values of another kind are errors.

PyYAML is imported when a package is read; it comes with the extra "judge".
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from helder.errors import HelderError
from helder.evaluate.judge.problem import KIBIBYTE, MEBIBYTE, Limits

T = TypeVar("T")
MISSING: Any = object()
LARGEST = 64 << 10  # bytes of a YAML file (assumption: those of packages have some kB); PyYAML reads 100 kB/s
DEEPEST = 100  # brackets in one another; the time that PyYAML takes grows with their square (3,000: 3 s)
MOST_VALUES = 100_000  # of one, aliases written out (assumption)
LICENSES = ("unknown", "public domain", "cc0", "cc by", "cc by-sa", "educational", "permission")


def load(path: Path) -> dict[Any, Any]:
    """A YAML file whose top is a table; an empty file is an empty table.

    Raises:
        HelderError: it is no YAML, or another thing than a table, or PyYAML is not installed.
    """
    yaml, loader = _yaml()
    if path.stat().st_size > LARGEST:
        raise HelderError(f"{path} has more than {LARGEST:,} bytes.", "No package needs such a file.", "Shorten it.")
    try:
        text = path.read_text(encoding="utf-8")
        _check_depth(text)
        found = yaml.load(text, Loader=loader)
        _check(found)
    # What PyYAML says itself, and what it stumbles over: dates that are none, brackets a thousand deep, `!!bool maybe`.
    except (
        yaml.YAMLError,
        ValueError,
        ArithmeticError,
        RecursionError,
        AttributeError,
        LookupError,
        TypeError,
    ) as error:
        raise HelderError(f"{path} is no YAML.", str(error), "Correct the file.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise HelderError(f"{path} holds no keys.", f"Its top is a {kind_of(found)}.", "Write `key: value`.")
    return found


def _check_depth(text: str) -> None:
    """Brackets in texts count as well: no text has so many that nothing closes.

    Raises:
        ValueError
    """
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = max(0, depth + (1 if bracket[0] in "[{" else -1))
        if depth > DEEPEST:
            raise ValueError(f"its brackets are nested more than {DEEPEST} levels deep")


def _check(found: Any) -> None:
    """Refuse what would cost more than its text: aliases of aliases of aliases count each time that they are written,
    one within itself without end; and whole numbers that no computer has.

    Raises:
        ValueError
    """
    left, count = [found], 0
    while left:
        one = left.pop()
        count += 1
        if count > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values, aliases written out")
        if isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set):
            left += one
        elif isinstance(one, int) and one.bit_length() > 64:
            raise ValueError("a whole number in it has more than 64 bits")
        elif isinstance(one, str):
            one.encode("utf-8")  # half of a surrogate pair is no text


@functools.cache
def _yaml() -> tuple[Any, Any]:
    try:
        import yaml
    except ImportError as error:
        raise HelderError(
            "Problem packages need PyYAML.", "It is not installed.", 'pip install "helder[judge]"'
        ) from error

    class Strict(yaml.SafeLoader):  # type: ignore[misc,name-defined,unused-ignore]
        """PyYAML's safe loader, which refuses a key that stands twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            seen: set[Any] = set()
            for key in keys:
                try:
                    twice = key in seen
                    seen.add(key)
                except TypeError:  # a list or a table as a key
                    raise yaml.constructor.ConstructorError(
                        None, None, "a key is no text or number", node.start_mark
                    ) from None
                if twice:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", node.start_mark)
            made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return made

    return yaml, Strict


class Keys:
    """A table of which every key must be taken.

    Args:
        record: the table.
        where: how errors call it: the file, and the key that holds it.
        what: what has such keys, for the error about one that is unknown.
    """

    def __init__(self, record: Mapping[Any, Any], where: str) -> None:
        self.record = dict(record)
        self.where = where
        self.known: list[str] = []

    def take(self, key: str, convert: Callable[[Any, str], T], default: Any = MISSING) -> T:
        """A value, converted; the default when the key is missing or empty.

        Raises:
            HelderError: it is missing and has no default, or it is of another kind.
        """
        self.known.append(key)
        value = self.record.pop(key, None)
        if value is None:
            if default is MISSING:
                raise HelderError(f"{self.where} lacks the key {key!r}.", "The format requires it.", "Add it.")
            found: T = default
            return found
        return convert(value, f"{self.where}, {key!r}")

    def done(self) -> None:
        """Raises: HelderError: a key was not taken, so that nobody knows it."""
        for key in self.record:
            raise HelderError(
                f"{self.where}: the key {key!r} is unknown.",
                f"Known are {', '.join(sorted(self.known))}. An unknown key is an error in this format.",
                "Correct its spelling, or leave it out.",
            )


def wrong(value: Any, where: str, wanted: str) -> HelderError:
    return HelderError(f"{where} is {value!r}.", f"It must be {wanted}, not a {kind_of(value)}.", "Correct it.")


def kind_of(value: Any) -> str:
    names = {dict: "table", list: "list", str: "text", bool: "truth value", int: "number", float: "number"}
    return names.get(type(value), type(value).__name__)


def text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise wrong(value, where, "text")
    return value


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(value, where, "true or false")
    return value


def number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise wrong(value, where, "a number")
    return float(value)


def positive(value: Any, where: str) -> float:
    found = number(value, where)
    if not 0 < found < float("inf"):
        raise wrong(value, where, "a number above 0")
    return found


def at_least_one(value: Any, where: str) -> float:
    found = number(value, where)
    if not 1 <= found < float("inf"):
        raise wrong(value, where, "a number of at least 1")
    return found


def whole(value: Any, where: str) -> int:
    """An integer above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise wrong(value, where, "a whole number above 0")
    return value


def table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or any(not isinstance(key, str) for key in value):
        raise wrong(value, where, "a table whose keys are text")
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise wrong(value, where, "a list of texts")
    return tuple(text(one, where) for one in value)


def text_or_texts(value: Any, where: str) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else texts(value, where)


def one_of(*names: str) -> Callable[[Any, str], str]:
    def convert(value: Any, where: str) -> str:
        if value not in names or not isinstance(value, str):
            raise wrong(value, where, f"one of {', '.join(names)}")
        return value

    return convert


def anything(value: Any, where: str) -> Any:
    return value


def sizes(keys: Keys) -> dict[str, Any]:
    """The limits that both formats write alike."""
    usual, found = Limits(), {}
    for key, unit in (
        ("memory", MEBIBYTE),
        ("output", MEBIBYTE),
        ("code", KIBIBYTE),
        ("compilation_time", 1),
        ("compilation_memory", MEBIBYTE),
        ("validation_time", 1),
        ("validation_memory", MEBIBYTE),
        ("validation_output", MEBIBYTE),
    ):
        given = keys.take(key, whole, None)
        found[key] = getattr(usual, key) if given is None else given * unit
    return found


def unsupported(where: str, what: str) -> HelderError:
    """What a package asks for and does not get."""
    return HelderError(
        f"{where}: {what} is not supported.",
        "Helder's judge refuses what it cannot do as the format says, so that no verdict is half of one.",
        "Judge this problem elsewhere, or bring it into a form without that.",
    )
