"""The stage "tokens": documents → streams of tokens for pre-training, an account of every document beside them.

Documents (`helder.tokens.documents`) are held out by the hash of their text, so that the same document lies on the same
side however many others there are. Empty ones are left out and counted; nothing else is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.errors import HelderError
from helder.tokens import shards
from helder.tokens.documents import read_documents
from helder.tokens.fast import Differs, encoder
from helder.tokens.tokenizer import Tokenizer

Encode = Callable[[Sequence[str]], Iterable[Sequence[int] | NDArray[np.int32]]]
BATCH = 1 << 20  # characters of documents that are encoded together: short ones cost little more than long ones


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: {"holdout": part of the documents that is held out, 0 to 1; "seed": decides which}.
        inputs: "base", a model folder, whose tokenizer is used; "text", "text-2", …: files or folders; "text-dev", what
            is held out, instead of a part.

    Raises:
        HelderError: a file cannot be read, a column is missing, or nothing is left to learn from.
    """
    tokenizer = Tokenizer.load(inputs["base"])
    share, seed = float(settings["holdout"]), int(settings["seed"])
    try:
        fast = encoder(tokenizer)
        library: dict[str, Any] = {"library": fast.library, "checked": fast.checked}
        facts = _write(inputs, tokenizer, fast.encode_all, share, seed, output, report)
    except Differs as error:  # perhaps in the middle: all of it again, so that one library made all of it
        library = {"library": "tokenizers", "why": str(error)}
        facts = _write(
            inputs, tokenizer, lambda texts: [tokenizer.encode(text) for text in texts], share, seed, output, report
        )
    (output / "summary.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return {**facts, "encoder": library}


def _write(
    inputs: dict[str, Path],
    tokenizer: Tokenizer,
    encode: Encode,
    share: float,
    seed: int,
    output: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Write both streams, a batch of documents at a time, and count."""
    names = sorted((name for name in inputs if name.startswith("text")), key=lambda name: (len(name), name))
    given = "text-dev" in inputs
    facts: dict[str, Any] = {"empty": 0}
    end = shards.end_of_text(tokenizer)
    with contextlib.ExitStack() as open_:
        parts = {
            part: open_.enter_context(contextlib.closing(shards.Writer(output, part, end))) for part in ("train", "dev")
        }
        for input_name in names:
            for documents in _batches(read_documents(inputs[input_name])):
                full = [(name, text) for name, text in documents if text and not text.isspace()]
                facts["empty"] += len(documents) - len(full)
                for (name, text), ids in zip(full, _encoded(full, encode), strict=True):
                    held = input_name == "text-dev" if given else position(text, seed) < share
                    parts["dev" if held else "train"].add(name, text, ids)
            report("progress", done=names.index(input_name) + 1, total=len(names), unit="part")
    if not parts["train"].documents:
        raise HelderError(
            "No document is left to learn from.",
            f"{facts['empty']} are empty, {parts['dev'].documents} are held out.",
            "Give more documents, or lower `holdout`.",
        )
    if facts["empty"]:
        report("warning", text=f"{facts['empty']} empty documents are left out.")
    return facts | {part: writer.facts() for part, writer in parts.items()}


def _batches(documents: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Documents, up to `BATCH` characters or one of any length at a time."""
    batch: list[tuple[str, str]] = []
    size = 0
    for document in documents:
        if batch and size + len(document[1]) > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += len(document[1])
    if batch:
        yield batch


def _encoded(documents: Sequence[tuple[str, str]], encode: Encode) -> list[Sequence[int] | NDArray[np.int32]]:
    """The tokens of each document.

    Raises:
        HelderError: a character that cannot be written, with the name of its document.
    """
    try:
        return list(encode([text for _, text in documents]))
    except HelderError as error:
        for name, text in documents:
            try:
                list(encode([text]))
            except HelderError as one:
                raise HelderError(f"{name}: {one.what}", one.why, one.fix) from one
        raise error


def position(text: str, seed: int) -> float:
    """A number in [0, 1) that only the text and the seed decide."""
    digest = hashlib.sha256(f"helder text {seed}\n{text}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
