"""Lines of a documents.jsonl: written, and read without what is not needed of them.

orjson does it where it is installed: it reads a text with many line ends ten times as fast, and writes the same bytes.
"""

from __future__ import annotations

import contextlib
import json
from functools import lru_cache
from types import ModuleType
from typing import Any

_FORMS = ((b'"offsets":[[', b']],"'), (b'"offsets": [[', b']], "'))  # as `written` writes it, and as `json.dumps` does


def without_offsets(line: bytes) -> dict[str, Any]:
    """The document of a line with `offsets` empty: in a page they are more numbers than the text has words.

    A quotation mark inside a string of JSON is written with a backslash before it, so the name of the list can only be
    the list's; a place that holds the end mark leaves what is no JSON, and then everything is read.

    Raises:
        ValueError: it is no JSON.
    """
    for begin, behind in _FORMS:
        start = line.find(begin)
        end = line.find(behind, start) if start >= 0 else -1
        if end >= 0:
            try:
                record: dict[str, Any] = loads(line[: start + len(begin) - 1] + line[end + 1 :])
            except ValueError:
                break
            return record
    whole: dict[str, Any] = loads(line)
    if isinstance(whole, dict) and whole.get("offsets"):
        whole["offsets"] = []
    return whole


def loads(line: bytes) -> Any:
    """The value of a line of JSON.

    Raises:
        ValueError: it is no JSON.
    """
    quick = _quick()
    if quick is not None:
        try:
            return quick.loads(line)
        except ValueError:
            pass  # what it refuses, the other may know (half of a surrogate pair)
    return json.loads(line)


def written(value: Any, sort: bool = False) -> bytes:
    """A value as one line of JSON in UTF-8, without blanks and without its end.

    Args:
        sort: by the names of its keys.
    """
    quick = _quick()
    if quick is not None:
        with contextlib.suppress(TypeError):  # a number of more than 64 bits
            made: bytes = quick.dumps(value, option=quick.OPT_SORT_KEYS if sort else None)
            return made
    return json.dumps(value, ensure_ascii=False, sort_keys=sort, separators=(",", ":")).encode("utf-8")


@lru_cache(1)
def _quick() -> ModuleType | None:
    try:
        import orjson
    except ModuleNotFoundError:
        return None
    found: ModuleType = orjson
    return found
