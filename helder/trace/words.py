"""Tokens as bytes: how long each is, where words begin, and what ends a span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.tokens.tokenizer import Tokenizer, byte_alphabet


@dataclass(frozen=True)
class Words:
    """The tokens of a byte-level vocabulary as bytes; special tokens have none."""

    tokenizer: Tokenizer

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of each token."""
        byte_of = {written: byte for byte, written in byte_alphabet().items()}
        found = [b""] * self.tokenizer.vocabulary_size
        special = set(self.tokenizer.specials)
        for token, number in self.tokenizer.vocabulary().items():
            if token in special:
                continue
            try:
                found[number] = bytes(byte_of[character] for character in token)
            except KeyError:  # an added token, which is written as it reads
                found[number] = token.encode("utf-8")
        return found

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The bytes of each token, counted: (vocabulary,)."""
        return np.array([len(piece) for piece in self.pieces], dtype=np.int64)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text.

        Raises:
            HelderError: a character that the vocabulary cannot write.
        """
        return self.tokenizer.encode(text)

    def offsets(self, ids: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
        """Where each token begins in the bytes of a text, and where the text ends: (tokens + 1,)."""
        return np.concatenate([[0], np.cumsum(self.lengths[np.asarray(ids, dtype=np.int64)])])

    def bytes(self, ids: Sequence[int] | NDArray[Any]) -> bytes:
        """The bytes of a run of tokens."""
        pieces = self.pieces
        return b"".join(pieces[number] for number in ids)

    def starts(self, ids: Sequence[int]) -> list[bool]:
        """For each token of a text, whether a word begins with it: letters and digits stand on both sides inside one.

        Bytes beyond ASCII count as letters.
        """
        pieces = self.pieces
        found = [True]
        for before, token in pairwise(ids):
            left, right = pieces[before][-1:], pieces[token][:1]
            found.append(not (_inside(left) and _inside(right)))
        return found[: len(ids)]

    def delimiters(self, characters: Sequence[str]) -> frozenset[int]:
        """The tokens that end a span: each of the characters, spaces around it aside; any token with a line end, when
        that is among them."""
        plain = {character.encode("utf-8") for character in characters if character != "\n"}
        lines = "\n" in characters
        return frozenset(
            number
            for number, piece in enumerate(self.pieces)
            if piece.strip(b" ") in plain or (lines and b"\n" in piece)
        )


def _inside(byte: bytes) -> bool:
    return byte.isalnum() or byte >= b"\x80"
