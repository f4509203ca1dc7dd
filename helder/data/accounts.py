"""The two accounts of documents, read one line at a time: the manifest of "extract" and the account of "clean".

Of nine million documents either takes several GB as objects of Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helder.data.lines import loads
from helder.errors import HelderError

_IDS = b'"documents":['  # in a text of JSON, there would be a backslash before its quotation marks


def paths(extract: Path) -> Iterator[dict[str, Any]]:
    """What became of each path, as the manifest says; of its documents only how many they are, as a range."""
    for line in _listed(extract / "manifest.json", "paths"):
        if isinstance(line, dict):
            yield line
            continue
        begin = line.find(_IDS)
        end = line.find(b"]", begin)
        count = line.count(b'","', begin, end) + (end > begin + len(_IDS))
        yield loads(line[: begin + len(_IDS)] + line[end:]) | {"documents": range(count)}


def documents(clean: Path) -> Iterator[dict[str, Any]]:
    """What became of each document, as account.json says."""
    for line in _listed(clean / "account.json", "documents"):
        yield line if isinstance(line, dict) else loads(line)


def counts(clean: Path) -> dict[str, Any]:
    """{format, total, counts} of account.json."""
    with (clean / "account.json").open("rb") as lines:
        head = next(lines, b"")
    whole: dict[str, Any] = loads(head + b"]}" if _is_head(head) else (clean / "account.json").read_bytes())
    return {name: value for name, value in whole.items() if name != "documents"}


def _is_head(line: bytes) -> bool:
    return line.startswith(b"{") and line.endswith(b"[\n")


def _listed(path: Path, name: str) -> Iterator[bytes | dict[str, Any]]:
    """The values of the list of a file, one a line; as values where the file was made before that was so.

    Raises:
        HelderError: the file ends within its list.
    """
    with path.open("rb") as lines:
        if not _is_head(next(lines, b"")):
            whole = json.loads(path.read_bytes())
            yield from whole if isinstance(whole, list) else whole[name]
            return
        for line in lines:
            if line.startswith(b"]"):
                return
            yield line.rstrip(b",\n")
    raise HelderError(
        f"{path} ends within its list.", "It was cut off.", "Remove its folder, so that it is made again."
    )
