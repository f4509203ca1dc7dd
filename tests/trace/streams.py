"""Small streams and their indexes, and slow ways to find things in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helder.trace import index as indexing
from helder.trace.index import Index


def save(folder: Path, documents: Sequence[Sequence[int]]) -> Path:
    """A stream in the form of the stage "tokens"."""
    folder.mkdir(parents=True)
    ids = [token for document in documents for token in document]
    np.save(folder / "train.npy", np.array(ids, dtype=np.int32))
    start = 0
    with (folder / "train-documents.jsonl").open("w", encoding="utf-8") as file:
        for number, document in enumerate(documents):
            file.write(json.dumps({"id": f"document {number}", "start": start, "bytes": len(document)}) + "\n")
            start += len(document)
    return folder


def build(folder: Path, text: Path, shard_tokens: int = indexing.SHARD_TOKENS) -> Path:
    """Its index, as the stage makes it."""
    folder.mkdir()
    indexing.run({"shard_tokens": shard_tokens}, {"text": text}, folder, folder, lambda *a, **k: None)
    return folder


def opened(folder: Path, documents: Sequence[Sequence[int]], shard_tokens: int = indexing.SHARD_TOKENS) -> Index:
    """A stream with its index."""
    text = save(folder / "text", documents)
    return Index.load(build(folder / "index", text, shard_tokens), text)


def longest(index: Index, query: Sequence[int]) -> list[int]:
    """The longest match from each token on, by comparing with every place."""
    found = []
    for start in range(len(query)):
        best = 0
        for part in index.shards:
            tokens = part.tokens.tolist()
            for at in range(len(tokens)):
                same = 0
                while (
                    start + same < len(query) and at + same < len(tokens) and tokens[at + same] == query[start + same]
                ):
                    same += 1
                best = max(best, same)
        found.append(best)
    return found


def places(index: Index, passage: Sequence[int]) -> list[int]:
    """Every place of a passage, by comparing with every place."""
    found = []
    for part in index.shards:
        tokens = part.tokens.tolist()
        ends = len(tokens) - len(passage) + 1
        found += [part.start + at for at in range(ends) if tokens[at : at + len(passage)] == list(passage)]
    return found
