"""The default output comparison, on bytes in our own process: tokens, with tolerance for numbers when it is asked for.

It decides as problemtools' default validator does, whose source is the reference where the format is silent: numbers
are what C's scanf reads as one (hexadecimal ones and "1e" too), a token ends at a zero byte, and case is that of ASCII.
Nothing of a submission runs here: bytes are compared with bytes.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from helder.errors import HelderError

# What scanf("%lf") of the GNU C library takes whole: an exponent may lack its digits.
DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]*)?")
HEXADECIMAL = re.compile(
    rb"(?P<mantissa>[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+))(?:[pP](?P<exponent>[+-]?[0-9]*))?"
)
NOTHING = re.compile(rb"[+-]?0[xX]\.")  # taken as 0, but not with an exponent behind it
SPACES = re.compile(rb"[ \t\n\r\x0b\x0c]+")
SHOWN = 60  # bytes of a token that a message shows


@dataclass(frozen=True)
class Comparison:
    """How outputs are compared.

    Attributes:
        case_sensitive: letters must have the same case.
        space_change_sensitive: white space must be the same, byte for byte.
        absolute, relative: tolerances of numbers; below 0 for none.
    """

    case_sensitive: bool = False
    space_change_sensitive: bool = False
    absolute: float = -1.0
    relative: float = -1.0

    @classmethod
    def of(cls, arguments: Sequence[str], where: str = "", strict: bool = False) -> Comparison:
        """From a validator's arguments.

        Args:
            where: file that holds them, for errors.
            strict: whether a tolerance given twice is an error, as version 2025-09 has it.

        Raises:
            HelderError: an argument is unknown, or lacks its number.
        """
        found: dict[str, float | bool] = {}
        rest = list(arguments)
        while rest:
            word = rest.pop(0)
            if word in ("case_sensitive", "space_change_sensitive"):
                found[word] = True
            elif word in ("float_tolerance", "float_absolute_tolerance", "float_relative_tolerance"):
                value = _number(rest.pop(0).encode()) if rest else None
                if value is None:
                    raise _wrong(where, f"{word} is not followed by a number")
                kinds = ("absolute", "relative") if word == "float_tolerance" else (word.split("_")[1],)
                if strict and any(kind in found for kind in kinds):
                    raise _wrong(where, f"{word} gives a tolerance again")
                found |= dict.fromkeys(kinds, value)
            else:
                raise _wrong(where, f"{word!r} is unknown")
        return cls(**found)  # type: ignore[arg-type]

    def wrong(self, output: bytes, answer: bytes) -> str:
        """What is wrong with an output: "" when it is right."""
        given, right = output.split(), answer.split()
        if self.space_change_sensitive and _spaces(output) != _spaces(answer):
            return "White space differs."
        if self.absolute < 0 and self.relative < 0 and self._alike(given, right):
            return ""
        for place, (mine, theirs) in enumerate(zip(given, right, strict=False), 1):
            if why := self._token(mine, theirs):
                return f"Token {place}: {why}"
        if len(given) < len(right):
            return f"The output ends after {len(given)} tokens, {len(right)} are expected."
        return f"{len(given) - len(right)} tokens too many." if len(given) > len(right) else ""

    def _alike(self, given: list[bytes], right: list[bytes]) -> bool:
        """The quick way for outputs that are the same to the byte."""
        return given == right or (
            not self.case_sensitive and [one.lower() for one in given] == [one.lower() for one in right]
        )

    def _token(self, mine: bytes, theirs: bytes) -> str:
        mine, theirs = mine.split(b"\0", 1)[0], theirs.split(b"\0", 1)[0]
        if self.absolute >= 0 or self.relative >= 0:
            wanted = _number(theirs)
            if wanted is not None:
                found = _number(mine)
                if found is None:
                    return f"{_shown(mine)} is no number, {_shown(theirs)} is expected."
                difference = abs(wanted - found)
                if difference <= self.absolute or difference <= self.relative * abs(wanted):
                    return ""
                return f"{_shown(mine)} is too far from {_shown(theirs)}."
        same = mine == theirs if self.case_sensitive else mine.lower() == theirs.lower()
        return "" if same else f"{_shown(mine)} instead of {_shown(theirs)}."


@functools.lru_cache(maxsize=4096)
def _number(token: bytes) -> float | None:
    """The finite number that a token is, as C reads it."""
    if DECIMAL.fullmatch(token):
        whole = token if token[-1:] not in b"eE+-" else token.rstrip(b"+-").rstrip(b"eE")
        value = float(whole)
    elif match := HEXADECIMAL.fullmatch(token):
        exponent = match["exponent"] or b"0"
        try:
            value = float.fromhex(
                (match["mantissa"] + b"p" + (exponent + b"0" if exponent in b"+-" else exponent)).decode()
            )
        except OverflowError:
            return None
    elif NOTHING.fullmatch(token):
        value = 0.0
    else:
        return None
    return value if math.isfinite(value) else None


def _spaces(data: bytes) -> list[bytes]:
    """White space before, between and behind the tokens."""
    tokens = SPACES.split(data)
    found = SPACES.findall(data)
    # A space at the beginning and none there make lists of the same length otherwise.
    return [b"" if tokens[0] else b"|", *found, b"" if tokens[-1] else b"|"]


def _shown(token: bytes) -> str:
    text = token[:SHOWN].decode("utf-8", "backslashreplace")
    return f'"{text}…"' if len(token) > SHOWN else f'"{text}"'


def _wrong(where: str, what: str) -> HelderError:
    return HelderError(
        f"{where + ': ' if where else ''}the default validator's arguments are wrong: {what}.",
        "It knows case_sensitive, space_change_sensitive, float_tolerance E, float_absolute_tolerance E and "
        "float_relative_tolerance E, each tolerance once.",
        "Correct them.",
    )
