"""Documents as one stream of tokens, and where each begins: what pre-training reads.

A document is the token that marks the end of a text, its own tokens, and the end mark again: so its first real token is
predicted from something, and every byte of the document is accounted for. Light: numpy only.
"""

from __future__ import annotations

import io
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

HEADER = 128  # bytes of the head of a .npy file with a short shape (numpy's format, version 1.0)
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


class Writer:
    """Writes a shard document by document, so that no stream has to fit in memory.

    `<name>.npy` holds the stream, byte for byte as `numpy.save` writes it; `<name>-documents.jsonl` a line a document.

    Args:
        end: the token between documents.
    """

    def __init__(self, folder: Path, name: str, end: int) -> None:
        self.documents = self.tokens = self.bytes = 0
        self._end = np.array([end], dtype=np.int32)
        self._stream = (folder / f"{name}.npy").open("wb")
        self._lines = (folder / f"{name}-documents.jsonl").open("w", encoding="utf-8")
        self._stream.write(b"\0" * HEADER)

    def add(self, name: str, text: str, ids: Sequence[int] | NDArray[np.int32]) -> None:
        """Write one document.

        Args:
            ids: its tokens: (tokens,).
        """
        size = len(text.encode("utf-8"))
        line: dict[str, Any] = {"id": name, "start": self.tokens, "bytes": size}
        self._lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        for part in (self._end, np.asarray(ids, dtype=np.int32), self._end):
            self._stream.write(part.tobytes())
            self.tokens += len(part)
        self.documents += 1
        self.bytes += size

    def close(self) -> None:
        """Write the head, which says how long the stream became."""
        head = io.BytesIO()
        form = {"descr": np.lib.format.dtype_to_descr(self._end.dtype), "fortran_order": False, "shape": (self.tokens,)}
        np.lib.format.write_array_header_1_0(head, form)
        assert len(head.getvalue()) == HEADER  # numpy leaves room for any length
        self._stream.seek(0)
        self._stream.write(head.getvalue())
        self._stream.close()
        self._lines.close()

    def facts(self) -> dict[str, int]:
        return {"documents": self.documents, "tokens": self.tokens, "bytes": self.bytes}


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
