"""Markdown from text that nobody vouches for: names, data and words of models and recipes are shown, never obeyed."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

SIGNS = r"\`*_{}[]()<>#+-.!|~&:@$^="  # that could mean something to a reader of Markdown, or of HTML in it
HTML = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
PLAIN = frozenset("-.:()=+@^")  # that mean something at the begin of a line only, or in an address


def plain(value: Any) -> str:
    """Text in one line without characters that cannot be seen, such as those that turn the direction of writing."""
    words = "None" if value is None else str(value)
    kept = (" " if sign.isspace() else sign for sign in words)
    return "".join(sign for sign in kept if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn")).strip()


def text(value: Any) -> str:
    """Text as it is, whatever signs are in it, inside a line that does not begin with it."""
    shown = "".join(_sign(sign) for sign in plain(value))
    return shown.replace("://", ":\\//").replace("www.", "www\\.")  # no address becomes a link by itself


def line(shown: str) -> str:
    """A line that begins with text: what would make it a list, a heading or a rule is taken as a sign."""
    return re.sub(r"^(\d*)([-+=.):@^])", r"\1\\\2", shown)


def value(shown: Any, depth: int = 0) -> list[str]:
    """Lines that show a JSON value: lists and objects as nested lists."""
    indent = "  " * depth
    if isinstance(shown, dict):
        return [line for key, item in shown.items() for line in _item(f"{text(key)}: ", item, depth)] or [
            f"{indent}none"
        ]
    if isinstance(shown, list):
        return [line for item in shown for line in _item("", item, depth)] or [f"{indent}none"]
    return [f"{indent}{line(scalar(shown))}"]


def scalar(shown: Any) -> str:
    """One value as people write it."""
    if shown is None:
        return "not known"
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    if isinstance(shown, int):
        return f"{shown:,}"
    if isinstance(shown, float):
        return f"{shown:.6g}"
    return text(shown)


def table(heads: list[str], rows: list[list[Any]]) -> list[str]:
    """A table of values."""
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return lines + [f"| {' | '.join(scalar(cell) for cell in row)} |" for row in rows]


def _item(head: str, item: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(item, dict | list) and item:
        if isinstance(item, list) and all(not isinstance(one, dict | list) for one in item):
            return [f"{indent}- {head}{', '.join(scalar(one) for one in item)}"]
        inner = value(item, depth + 1)
        if head:
            return [f"{indent}- {head}".rstrip(), *inner]
        return [f"{indent}- {inner[0].lstrip()[2:]}", *inner[1:]] if inner[0].lstrip().startswith("- ") else inner
    shown = "none" if isinstance(item, dict | list) else scalar(item)
    return [f"{indent}- {head}{shown}" if head else f"{indent}- {line(shown)}"]


def _sign(sign: str) -> str:
    if sign in HTML:
        return HTML[sign]
    return f"\\{sign}" if sign in SIGNS and sign not in PLAIN else sign
