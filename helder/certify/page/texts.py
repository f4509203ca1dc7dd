"""What the page says, in four languages at once.

A `Said` is a sentence that is not bound to a language yet: it becomes one `<span lang>` for each, of which the page
shows the chosen one, so that it can be read in every language without a script. What is put into a sentence is escaped
and isolated (`<bdi>`), whatever characters it brings along.
"""

from __future__ import annotations

import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup, escape

LANGUAGES = ("en", "nl", "de", "fr")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
CODE = re.compile(r"`([^`]+)`")
# Between digits, before decimals, before a percent sign. Spaces in numbers must not break a line.
THOUSANDS = {"en": ",", "nl": ".", "de": ".", "fr": "\u202f"}
DECIMAL = {"en": ".", "nl": ",", "de": ",", "fr": ","}
PERCENT = {"en": "%", "nl": "%", "de": "\u00a0%", "fr": "\u00a0%"}
MINUS = "\u2212"

Texts = Mapping[str, Mapping[str, str]]


@cache
def texts(package: str = "helder.certify.page") -> Texts:
    """language → key ("scores.title") → text, from the `texts.toml` of a package."""
    tables = tomllib.loads((resources.files(package) / "texts.toml").read_text(encoding="utf-8"))
    found = {language: dict(_flat(table, "")) for language, table in tables.items()}
    # French sets a space before these marks, and no line may begin with them.
    found["fr"] = {key: re.sub(r" (?=[:;?!])", "\u00a0", text) for key, text in found["fr"].items()}
    return found


def _flat(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(value)


def known(key: str) -> bool:
    """Whether there is a text of this name."""
    return key in texts()[LANGUAGES[0]]


class Spoken(ABC):
    """What all that reads differently in each language shares."""

    @abstractmethod
    def in_(self, language: str) -> Markup:
        """As it reads in a language."""

    def __html__(self) -> str:
        said = {language: self.in_(language) for language in LANGUAGES}
        if len(set(said.values())) == 1:
            return str(said[LANGUAGES[0]])
        spans = "".join(f'<span lang="{language}">{text}</span>' for language, text in said.items())
        return f'<span class="t">{spans}</span>'


@dataclass(frozen=True)
class Said(Spoken):
    """A text by its key, with values for its placeholders."""

    key: str
    values: Mapping[str, Any]

    def in_(self, language: str) -> Markup:
        parts, place, text = [], 0, texts()[language][self.key]
        for found in PLACEHOLDER.finditer(text):
            parts += [_plain(text[place : found.start()]), worded(self.values[found[1]], language)]
            place = found.end()
        return Markup("").join([*parts, _plain(text[place:])])


def say(key: str, /, **values: Any) -> Said:
    return Said(key, values)


def _plain(text: str) -> Markup:
    return Markup(CODE.sub(lambda found: f"<code>{found[1]}</code>", str(escape(text))))


def worded(value: Any, language: str) -> Markup:
    """A value inside a sentence: something sayable, a number, or text from elsewhere, which is isolated."""
    if isinstance(value, Spoken):
        return value.in_(language)
    if isinstance(value, Markup):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Number(value).in_(language)
    return Markup("<bdi>{}</bdi>").format(value)


@dataclass(frozen=True)
class Capital(Spoken):
    """The same with a capital at its beginning."""

    of: Spoken

    def in_(self, language: str) -> Markup:
        text = self.of.in_(language)
        return text if text.startswith("<") else text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Number(Spoken):
    """A number as the language writes it.

    Attributes:
        digits: after the decimal sign.
        unit: behind it, with a space that does not break.
        sign: whether a plus is written, too.
    """

    value: float
    digits: int = 0
    unit: str = ""
    sign: bool = False

    def in_(self, language: str) -> Markup:
        text = f"{abs(self.value):,.{self.digits}f}"
        text = text.translate({ord(","): THOUSANDS[language], ord("."): DECIMAL[language]})
        negative = self.value < 0 and any(digit in "123456789" for digit in text)
        mark = MINUS if negative else "+" if self.sign else ""
        unit = PERCENT[language] if self.unit == "%" else f"\u00a0{self.unit}" if self.unit else ""
        return Markup(escape(f"{mark}{text}{unit}"))


def percent(share: float) -> Number:
    """0.8375 → 83.8 %."""
    return Number(100 * share, 1, "%")


def size(count: float) -> Number:
    """Bytes in powers of ten."""
    for unit in ("B", "kB", "MB"):
        if round(count, 1) < 1000:
            return Number(count, 0 if unit == "B" else 1, unit)
        count /= 1000
    return Number(count, 2, "GB")


def energy(joules: float) -> Number:
    """J, Wh or kWh."""
    if joules < 36:
        return Number(joules, 1, "J")
    hours = joules / 3600
    if round(hours, 2) < 1000:
        return Number(hours, 2 if hours < 10 else 0, "Wh")
    return Number(hours / 1000, 1, "kWh")


@dataclass(frozen=True)
class Duration(Spoken):
    """Seconds as hours, minutes and seconds; their signs are the same in every language."""

    seconds: float

    def in_(self, language: str) -> Markup:
        if round(self.seconds, 1) < 60:
            return Number(self.seconds, 1, "s").in_(language)
        minutes, rest = divmod(round(self.seconds), 60)
        if minutes < 60:
            return Markup(f"{minutes}\u00a0min {rest:02d}\u00a0s")
        return Markup(f"{minutes // 60}\u00a0h {minutes % 60:02d}\u00a0min")


@dataclass(frozen=True)
class Power(Spoken):
    """A large number as 3.2 × 10¹⁵."""

    value: float

    def in_(self, language: str) -> Markup:
        if self.value < 1e6:
            return Number(self.value).in_(language)
        digits, _, exponent = f"{self.value:.1e}".partition("e")
        return Markup(f"{digits.replace('.', DECIMAL[language])}\u00a0×\u00a010<sup>{int(exponent)}</sup>")


@dataclass(frozen=True)
class Moment(Spoken):
    """A time as it was stated; what is no time is shown as it stands."""

    text: str

    def in_(self, language: str) -> Markup:
        try:
            time = datetime.fromisoformat(self.text)
        except ValueError:
            return Markup("<bdi>{}</bdi>").format(self.text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        table = texts()[language]
        parts = {
            "day": str(time.day),
            "month": table["months.list"].split()[time.month - 1],
            "year": str(time.year),
            "hour": f"{time.hour:02d}",
            "minute": f"{time.minute:02d}",
        }
        return Markup(escape(PLACEHOLDER.sub(lambda found: parts[found[1]], table["months.moment"])))


@dataclass(frozen=True)
class Listed(Spoken):
    """Several things with commas between them."""

    items: Sequence[Any]

    def in_(self, language: str) -> Markup:
        return Markup(", ").join(worded(item, language) for item in self.items)


class Joined(Spoken):
    """Parts beside one another, each in the language asked for; text is isolated only where it comes from elsewhere."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def in_(self, language: str) -> Markup:
        return Markup("").join(one.in_(language) if isinstance(one, Spoken) else one for one in self.parts)
