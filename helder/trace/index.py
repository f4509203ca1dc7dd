"""The stage "index": a stream of tokens → suffix arrays, from which every place of any string can be read.

A suffix array lists the places of a stream in the order of what stands from there on. There is one right answer for a
stream, so that anybody who builds it again, with whatever library, has the same bytes. It is built by `pydivsufsort`
over the tokens as big-endian numbers of two bytes, of which the even places are kept; a vocabulary that needs more is
numbered anew, in its order, when fewer than 65,536 different tokens occur, and taken with four bytes otherwise. The new
numbers are only used to sort: they keep the order, so that the array is that of the tokens themselves.

What is indexed is what a model sees: the stream of documents of the stage "tokens", which stays where it is (4 bytes on
disk a token are the index, none of them a second copy), or questions and answers in their chat format, one training
example behind another, which are kept beside their suffix array.

A long stream is cut at documents into shards, each of which is sorted by itself; they can be built on a machine whose
memory holds one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.data.read import read_source
from helder.data.task import Task
from helder.errors import HelderError
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from helder.train.order import draw
from helder.train.settings import PAIRS_HELD_OUT

FUNCTION = "helder.trace.index:run"
FILE, STREAM = "index.json", "train"
SHARD_TOKENS = 1 << 27  # 134 M: about 600 MB of English text, 3 GB of memory while it is sorted (docs/log.md)
LARGEST_SHARD_BYTES = (1 << 31) - 1  # places of bytes are numbers of 31 bits in the library's array
BLOCK = 1 << 22  # entries that are copied at a time, so that no second array of the whole size is needed


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: shard_tokens: a shard ends at the first document behind so many tokens.
        inputs: "text", the artifact of the stage "tokens"; or "base", a model folder, whose tokenizer and chat format
            are used, with "data", the artifact of the stage "data", or "pairs", a file of preferences.

    Returns:
        documents, tokens, shards, width (bytes of a number while sorting), bytes on disk.

    Raises:
        HelderError: pydivsufsort is not installed, there is nothing to index, or one document is too long for a shard.
    """
    sort = _sorter()
    if "text" in inputs:
        source, kind = inputs["text"], "text"
    else:
        source, kind = output, "pairs" if "pairs" in inputs else "records"
        write_sequences(inputs, output)
    tokens = np.load(source / f"{STREAM}.npy", mmap_mode="r", allow_pickle=False)
    starts = [line["start"] for line in _lines(source / f"{STREAM}-documents.jsonl")]
    if not len(tokens):
        raise HelderError("There is no token to index.", f"{source.name} holds no documents.")
    cuts = cut(starts, len(tokens), int(settings["shard_tokens"]))
    widths = set()
    for number, (start, stop) in enumerate(cuts):
        widths.add(_shard(tokens, start, stop, output, number, sort))
        report("progress", done=number + 1, total=len(cuts), unit="shard")
    record = {"format": 1, "kind": kind, "tokens": len(tokens), "shards": [list(part) for part in cuts]}
    (output / FILE).write_text(json.dumps(record, sort_keys=True) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in output.iterdir())
    return {
        "documents": len(starts),
        "tokens": len(tokens),
        "shards": len(cuts),
        "width": max(widths),
        "bytes": size,
    }


def cut(starts: Sequence[int], tokens: int, most: int) -> list[tuple[int, int]]:
    """A stream as shards: (first token, token behind the last), each the shortest run of whole documents with `most`
    tokens."""
    bounds = [0]
    for start in [*starts[1:], tokens]:
        if start - bounds[-1] >= most:
            bounds.append(start)
    if bounds[-1] != tokens:
        bounds.append(tokens)
    return list(pairwise(bounds))


Sort = Callable[[NDArray[np.uint8]], NDArray[np.signedinteger[Any]]]


def _sorter() -> Sort:
    try:
        from pydivsufsort import divsufsort
    except ModuleNotFoundError as error:
        raise HelderError(
            "The index needs pydivsufsort, which is not installed.", fix="pip install 'helder[trace]'"
        ) from error
    sort: Sort = divsufsort
    return sort


def _shard(tokens: NDArray[Any], start: int, stop: int, output: Path, number: int, sort: Sort) -> int:
    """Sort one shard and write it; the bytes of a number that it was sorted by."""
    counts = _counted(tokens, start, stop)
    ordered, width = _ordered(tokens, start, stop, counts, sort)
    suffixes = np.lib.format.open_memmap(
        output / f"suffixes-{number}.npy", mode="w+", dtype="<u4", shape=(stop - start,)
    )
    _keep(ordered, width, suffixes)
    suffixes.flush()
    firsts = np.concatenate([[0], np.cumsum(counts)]).astype("<u4")
    np.save(output / f"firsts-{number}.npy", firsts, allow_pickle=False)
    return width


def sorted_suffixes(tokens: NDArray[Any]) -> NDArray[np.uint32]:
    """The suffix array of some tokens, none negative, without an index around it.

    Raises:
        HelderError: pydivsufsort is not installed, or there are too many for one array.
    """
    counts = _counted(tokens, 0, len(tokens))
    ordered, width = _ordered(tokens, 0, len(tokens), counts, _sorter())
    suffixes = np.empty(len(tokens), dtype=np.uint32)
    _keep(ordered, width, suffixes)
    return suffixes


def _counted(tokens: NDArray[Any], start: int, stop: int) -> NDArray[np.int64]:
    """How often each token occurs: (largest + 1,)."""
    counts = np.zeros(1, dtype=np.int64)
    for place in range(start, stop, BLOCK):
        part = np.bincount(tokens[place : min(stop, place + BLOCK)])
        counts = np.pad(counts, (0, max(0, len(part) - len(counts))))
        counts[: len(part)] += part
    return counts


def _ordered(
    tokens: NDArray[Any], start: int, stop: int, counts: NDArray[np.int64], sort: Sort
) -> tuple[NDArray[np.signedinteger[Any]], int]:
    """(the suffix array over the bytes of some tokens, bytes of each)."""
    occur = np.flatnonzero(counts)
    width = 2 if len(occur) <= 1 << 16 else 4
    if (stop - start) * width > LARGEST_SHARD_BYTES:
        raise HelderError(
            f"A shard of {stop - start:,} tokens is too long.",
            f"Its places must be below 2^31 / {width}; a document is never cut.",
            "Lower shard_tokens, or cut the longest document.",
        )
    numbers = np.empty(stop - start, dtype=f">u{width}")
    renumber = None
    if width == 2 and len(counts) > 1 << 16:
        renumber = np.zeros(len(counts), dtype=np.uint16)
        renumber[occur] = np.arange(len(occur), dtype=np.uint16)
    for place in range(start, stop, BLOCK):
        part = tokens[place : min(stop, place + BLOCK)]
        numbers[place - start : place - start + len(part)] = part if renumber is None else renumber[part]
    return sort(numbers.view(np.uint8)), width


def _keep(ordered: NDArray[np.signedinteger[Any]], width: int, suffixes: NDArray[np.uint32]) -> None:
    """Fill `suffixes` with the places in `ordered` at which a token begins."""
    done, shift = 0, width.bit_length() - 1
    for place in range(0, len(ordered), BLOCK):
        part = ordered[place : place + BLOCK]
        kept = part[(part & (width - 1)) == 0]
        suffixes[done : done + len(kept)] = kept >> shift
        done += len(kept)


# -- training examples as a stream -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """One training example as a model sees it.

    Attributes:
        name: of the record, or of the pair with "/chosen" or "/rejected".
        ids: question and answer in the model's chat format.
        answer: index of the first token of the answer.
    """

    name: str
    ids: list[int]
    answer: int


def write_sequences(inputs: Mapping[str, Path], output: Path) -> None:
    """Write the training examples of a task, or the answers of pairs, in the form of a stream of documents.

    All are there, also those that are too long for a training's context: which it saw is for `helder.trace.steps`.
    """
    tokenizer, form = Tokenizer.load(inputs["base"]), chat.format_of(inputs["base"])
    sequences = list((_pairs if "pairs" in inputs else _records)(inputs, tokenizer, form))
    largest = max((max(one.ids) for one in sequences), default=0)
    ids = np.fromiter((token for one in sequences for token in one.ids), dtype="<u2" if largest < 1 << 16 else "<i4")
    np.save(output / f"{STREAM}.npy", ids, allow_pickle=False)
    start = 0
    with (output / f"{STREAM}-documents.jsonl").open("w", encoding="utf-8") as file:
        for one in sequences:
            file.write(json.dumps({"id": one.name, "start": start, "answer": one.answer}, ensure_ascii=False) + "\n")
            start += len(one.ids)


def _records(inputs: Mapping[str, Path], tokenizer: Tokenizer, form: str) -> Iterator[Example]:
    task = Task.load(inputs["data"] / "task.json")
    for record in _lines(inputs["data"] / "train.jsonl"):
        messages = [{"role": "user", "content": record["input"]}]
        ids, answer = chat.render(tokenizer, form, messages, task.encode(record["output"]))
        yield Example(record["id"], ids, answer)


def _pairs(inputs: Mapping[str, Path], tokenizer: Tokenizer, form: str) -> Iterator[Example]:
    rows, _ = read_source(inputs["pairs"], ("input", "chosen", "rejected"))
    for row in rows:
        question = row.values["input"]
        if draw("dev", question)[0] < PAIRS_HELD_OUT:  # as `helder.train.objectives.preference` holds them out
            continue
        for answer in ("chosen", "rejected"):
            ids, start = chat.render(tokenizer, form, [{"role": "user", "content": question}], row.values[answer])
            yield Example(f"{row.file}:{row.line}/{answer}", ids, start)


# -- reading it ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """One shard: its tokens, and their suffix array.

    Attributes:
        start: its first token in the stream.
        tokens: (tokens of the shard,).
        suffixes: (tokens of the shard,), uint32: places in `tokens`, sorted by what stands from there on.
        firsts: (largest token + 2,), uint32: where in `suffixes` those that begin with each token begin.
    """

    start: int
    tokens: NDArray[Any]
    suffixes: NDArray[np.uint32]
    firsts: NDArray[np.uint32]


@dataclass(frozen=True)
class Index:
    """A stream with its suffix arrays, mapped into memory, not read.

    Attributes:
        kind: "text", "records" or "pairs".
        tokens: (tokens,), the whole stream.
        shards: in order.
        documents: what is known of each document: {id, start, bytes or answer}.
    """

    kind: str
    tokens: NDArray[Any]
    shards: tuple[Part, ...]
    documents: Sequence[Mapping[str, Any]]

    @classmethod
    def load(cls, folder: Path, text: Path | None = None) -> Index:
        """Open an index.

        Args:
            folder: what the stage "index" made.
            text: the artifact of the stage "tokens" that it was made of; None when it holds its sequences itself.

        Raises:
            HelderError: a file is missing, or the stream is not the one that was indexed.
        """
        source = text or folder
        try:
            record = json.loads((folder / FILE).read_text(encoding="utf-8"))
            tokens = np.asarray(np.load(source / f"{STREAM}.npy", mmap_mode="r", allow_pickle=False))
            documents = list(_lines(source / f"{STREAM}-documents.jsonl"))
            shards = []
            for number, (start, stop) in enumerate(record["shards"]):
                # Plain views: an element of a memmap costs several times as much as one of an array.
                suffixes, firsts = (
                    np.asarray(np.load(folder / f"{name}-{number}.npy", mmap_mode="r", allow_pickle=False))
                    for name in ("suffixes", "firsts")
                )
                shards.append(Part(start, tokens[start:stop], suffixes, firsts))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HelderError(f"The index {folder.name} cannot be read.", str(error), "Make it again.") from error
        if len(tokens) != record["tokens"] or any(len(part.tokens) != len(part.suffixes) for part in shards):
            raise HelderError(
                f"The index {folder.name} is not one of {source.name}.",
                f"It is one of {record['tokens']:,} tokens; there are {len(tokens):,}.",
                "Make it again.",
            )
        return cls(record["kind"], tokens, tuple(shards), documents)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each document begins in the stream: (documents,)."""
        return np.array([one["start"] for one in self.documents], dtype=np.int64)

    def bounds(self, document: int) -> tuple[int, int]:
        """First token of a document, and the token behind its last."""
        stop = len(self.tokens) if document + 1 == len(self.starts) else int(self.starts[document + 1])
        return int(self.starts[document]), stop

    def document_of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The document that each place of the stream lies in."""
        return np.searchsorted(self.starts, places, side="right") - 1


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
