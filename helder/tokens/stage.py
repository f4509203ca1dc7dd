"""The stage "tokens": documents → streams of tokens for pre-training, an account of every document beside them.

Documents (`helder.tokens.documents`) are held out by the hash of their text, so that the same document lies on the same
side however many others there are. Empty ones are left out and counted; nothing else is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.tokens.documents import read_documents
from helder.tokens.shards import Shard
from helder.tokens.tokenizer import Tokenizer


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
    names = sorted((name for name in inputs if name.startswith("text")), key=lambda name: (len(name), name))
    documents = {name: list(read_documents(inputs[name])) for name in names}
    held = documents.pop("text-dev", None)
    train = [document for name in documents for document in documents[name]]
    empty = sum(not text.strip() for _, text in (*train, *(held or ())))
    train = [document for document in train if document[1].strip()]
    if held is None:
        share, seed = float(settings["holdout"]), int(settings["seed"])
        held = [document for document in train if position(document[1], seed) < share]
        train = [document for document in train if position(document[1], seed) >= share]
    else:
        held = [document for document in held if document[1].strip()]
    if not train:
        raise HelderError(
            "No document is left to learn from.",
            f"{empty} are empty, {len(held)} are held out.",
            "Give more documents, or lower `holdout`.",
        )
    if empty:
        report("warning", text=f"{empty} empty documents are left out.")
    facts: dict[str, Any] = {"empty": empty}
    for name, chosen in (("train", train), ("dev", held)):
        shard = Shard.of(chosen, tokenizer)
        shard.save(output, name)
        facts[name] = {"documents": len(shard), "tokens": shard.tokens, "bytes": shard.bytes}
        report("progress", done=len(facts) - 1, total=2, unit="part")
    (output / "summary.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return facts


def position(text: str, seed: int) -> float:
    """A number in [0, 1) that only the text and the seed decide."""
    digest = hashlib.sha256(f"helder text {seed}\n{text}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
