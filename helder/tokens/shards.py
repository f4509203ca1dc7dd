"""Documents as one stream of tokens, and where each begins: what pre-training reads.

A document is the token that marks the end of a text, its own tokens, and the end mark again: so its first real token is
predicted from something, and every byte of the document is accounted for. Light: numpy only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.errors import HelderError
from helder.tokens.tokenizer import Tokenizer

END_OF_TEXT = ("<|endoftext|>", "<|end_of_text|>", "</s>")  # by the names in use; the first that a tokenizer has


@dataclass(frozen=True)
class Shard:
    """A stream of documents.

    Attributes:
        ids: (tokens,), int32.
        starts: (documents,), int64: where each begins in `ids`.
        sizes: (documents,), int64: bytes of each in UTF-8.
        names: of the documents.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    names: Sequence[str]

    def __len__(self) -> int:
        """How many documents."""
        return len(self.starts)

    @property
    def tokens(self) -> int:
        return len(self.ids)

    @property
    def bytes(self) -> int:
        return int(self.sizes.sum())

    @cached_property
    def _documents(self) -> NDArray[np.int64]:
        """Which document each token belongs to: (tokens,)."""
        marks = np.zeros(len(self.ids), dtype=np.int64)
        marks[self.starts[1:]] = 1
        return np.cumsum(marks)

    def rows(self, length: int) -> Sequence[range]:
        """The stream cut into rows of `length` tokens; the last may be shorter."""
        return [range(start, min(start + length, self.tokens)) for start in range(0, self.tokens, length)]

    def document_of(self, row: range) -> NDArray[np.int64]:
        """The document of each token of a row: (len(row),)."""
        return self._documents[row.start : row.stop]

    def targets(self, row: range) -> NDArray[np.int64]:
        """What comes after each token of a row; -1 where a document ends: (len(row),)."""
        after = np.full(len(row), -1, dtype=np.int64)
        following = self.ids[row.start + 1 : row.stop + 1]
        same = self._documents[row.start + 1 : row.stop + 1] == self._documents[row.start : row.start + len(following)]
        after[: len(following)] = np.where(same, following, -1)
        return after

    def first_documents(self, tokens: int) -> Shard:
        """The first documents with at least `tokens` tokens together, or all."""
        count = min(len(self), 1 + int(np.searchsorted(self.starts[1:], tokens)))
        end = int(self.starts[count]) if count < len(self) else self.tokens
        return Shard(self.ids[:end], self.starts[:count], self.sizes[:count], self.names[:count])

    @classmethod
    def of(cls, documents: Sequence[tuple[str, str]], tokenizer: Tokenizer) -> Shard:
        """Encode documents, given as (name, text).

        Raises:
            HelderError: the tokenizer has no token for the end of a text, or cannot write a character.
        """
        end = end_of_text(tokenizer)
        ids: list[int] = []
        starts: list[int] = []
        for name, text in documents:
            starts.append(len(ids))
            try:
                ids += [end, *tokenizer.encode(text), end]
            except HelderError as error:
                raise HelderError(f"{name}: {error.what}", error.why, error.fix) from error
        return cls(
            np.array(ids, dtype=np.int32),
            np.array(starts, dtype=np.int64),
            np.array([len(text.encode("utf-8")) for _, text in documents], dtype=np.int64),
            [name for name, _ in documents],
        )

    def save(self, folder: Path, name: str) -> None:
        """Write `<name>.npy` with the stream and `<name>-documents.jsonl` with a line for each document."""
        np.save(folder / f"{name}.npy", self.ids, allow_pickle=False)
        with (folder / f"{name}-documents.jsonl").open("w", encoding="utf-8") as file:
            for document, start, size in zip(self.names, self.starts.tolist(), self.sizes.tolist(), strict=True):
                line: dict[str, Any] = {"id": document, "start": start, "bytes": size}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: Path, name: str) -> Shard:
        """Read what `save` wrote; the stream stays on disk and is mapped."""
        ids = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        with (folder / f"{name}-documents.jsonl").open(encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return cls(
            ids,
            np.array([line["start"] for line in lines], dtype=np.int64),
            np.array([line["bytes"] for line in lines], dtype=np.int64),
            [line["id"] for line in lines],
        )


def end_of_text(tokenizer: Tokenizer) -> int:
    """The id of the token that stands between documents.

    Raises:
        HelderError: the tokenizer has none that is known.
    """
    for name in END_OF_TEXT:
        if name in tokenizer.specials:
            return tokenizer.specials[name]
    raise HelderError(
        "The tokenizer has no token for the end of a text.",
        f"Known are {', '.join(END_OF_TEXT)}; it has {', '.join(sorted(tokenizer.specials)) or 'none'}.",
        "Use a base model that has one.",
    )
