"""Lines of a documents.jsonl, read without what is not needed of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_BEGIN, _END = b'"offsets": [[', b']], "'


def without_offsets(line: bytes) -> dict[str, Any]:
    """The document of a line with `offsets` empty: in a page they are more numbers than the text has words.

    A quotation mark inside a string of JSON is written with a backslash before it, so the name of the list can only be
    the list's; a place that holds the end mark leaves what is no JSON, and then everything is read.

    Raises:
        ValueError: it is no JSON.
    """
    loads = _reader()
    start = line.find(_BEGIN)
    end = line.find(_END, start) if start >= 0 else -1
    if end >= 0:
        try:
            record: dict[str, Any] = loads(line[: start + len(_BEGIN) - 1] + line[end + 1 :])
        except ValueError:
            pass
        else:
            return record
    try:
        whole: dict[str, Any] = loads(line)
    except ValueError:
        whole = json.loads(line)  # what one of them refuses, the other may know (half of a surrogate pair)
    if isinstance(whole, dict) and whole.get("offsets"):
        whole["offsets"] = []
    return whole


@lru_cache(1)
def _reader() -> Callable[[bytes], Any]:
    """orjson's where it is installed: it reads a text with many line ends ten times as fast, and the same."""
    try:
        import orjson
    except ModuleNotFoundError:
        return json.loads
    quick: Callable[[bytes], Any] = orjson.loads
    return quick
