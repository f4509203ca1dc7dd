"""Encoding with tiktoken, eight times as fast as `tokenizers` on text, where both give the same tokens.

Only for byte-level BPE that is cut in a way of `CUTS`, and only after a check that leaves no room:

1. The vocabulary, once. tiktoken joins any two tokens whose bytes together are a token, the lowest rank first;
   `tokenizers` joins listed pairs only. If every merge makes a token of its own, and `tokenizers` makes every token out
   of its own bytes, both do the same with any piece of text: take the first step in which they differ. tiktoken
   joins two neighbours to a token for which the list has no such pair; then `tokenizers`, given that token's bytes
   alone, comes to the same two neighbours, finds no pair either, and does not end with the token: which was checked.
2. The characters, for each corpus. How a text is cut depends on the class of its characters (letter, digit, blank,
   other) and on their case, and libraries know different versions of Unicode. Every character beyond ASCII that occurs
   is encoded by both, among letters, digits, blanks and signs.
3. Texts, for each corpus: those whose hash says so, about one in 256, and the first ones, whole, by both.

What does not pass is encoded with `tokenizers`, and the facts say why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helder.errors import HelderError
from helder.tokens.tokenizer import CUTS, Tokenizer, byte_alphabet, pre_tokenizer_name

if TYPE_CHECKING:
    import tiktoken

FIRST_TEXTS = 16  # texts of a corpus that are encoded twice whatever their hash
ONE_IN = 256
LONGEST_CHECKED = 20_000  # characters of a text that are encoded twice

_WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++"  # GPT-2's pattern (openai/gpt-2, encoder.py), said without backtracking
# By the names of `CUTS`; Llama 3's, GPT-4's and Qwen2's are written in the tokenizer itself.
_PATTERNS = {
    "gpt-2": _WORDS + r"| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s+(?!\S)|\s+",
    # Digits are cut off first, so a run of blanks before one ends its piece, as it does at the end of the text.
    "smollm": _WORDS + r"|\p{N}| ?[^\s\p{L}\p{N}]++|\s+(?![^\s\p{N}])|\s+",
}
# What stands around a character when it is checked: each kind of neighbour, and an apostrophe.
_AMONG = ("a{0}a", " {0}", "1{0}1", ".{0}.", "'{0}", "  {0}  a", "\n{0}\n", "{0}{0}", "{0}\u0301")


class Differs(Exception):
    """The two libraries gave different tokens, or tiktoken cannot do what is needed; the text says which."""


class FastEncoder:
    """Text → token ids through tiktoken, checked while it works.

    Raises:
        Differs: the tokenizer is of another kind, tiktoken is not installed, or a check of the vocabulary failed.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        try:
            import tiktoken
        except ModuleNotFoundError:
            raise Differs("tiktoken is not installed") from None
        self._tokenizer = tokenizer
        record = json.loads(tokenizer.path.read_text(encoding="utf-8"))
        try:
            cut = pre_tokenizer_name(tokenizer.path)
        except HelderError as error:
            raise Differs(error.what) from error
        ranks, self._ids = _ranks(tokenizer, record)
        pattern = CUTS[cut].pattern or _PATTERNS[cut]
        self._encoding: tiktoken.Encoding = tiktoken.Encoding(
            cut, pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        self._seen: set[str] = set()
        self.checked = {"texts": 0, "characters": 0}
        self._texts = 0

    def encode(self, text: str) -> NDArray[np.int32]:
        """Token ids of a text: (tokens,).

        Raises:
            HelderError: as `Tokenizer.encode`.
            Differs: this text, or a character of it, has other tokens in `tokenizers`.
        """
        self._tokenizer.check_writable(text)
        if not text.isascii():
            new = {character for character in set(text) if ord(character) > 127} - self._seen
            if new:
                self._check_characters(new)
        ids = self._fast(text)
        self._texts += 1
        if self._texts <= FIRST_TEXTS or _drawn(text):
            part = text[:LONGEST_CHECKED]
            self._compare(part, "a text")
            self.checked["texts"] += 1
        return ids

    def _fast(self, text: str) -> NDArray[np.int32]:
        made: NDArray[np.int32] = self._ids[self._encoding.encode_to_numpy(text, disallowed_special=())]
        return made

    def _check_characters(self, new: set[str]) -> None:
        for character in sorted(new):
            for among in _AMONG:
                self._compare(among.format(character), f"the character U+{ord(character):04X}")
        self._seen |= new
        self.checked["characters"] += len(new)

    def _compare(self, text: str, what: str) -> None:
        try:
            slow = self._tokenizer.encode(text)
        except HelderError:
            return  # it cannot be written, and the text that holds it was refused already
        if self._fast(text).tolist() != slow:
            raise Differs(f"tiktoken and tokenizers give {what} different tokens")


def _drawn(text: str) -> bool:
    """Whether the hash of a text says that it is encoded twice."""
    return hashlib.sha256(text.encode("utf-8")).digest()[0] % ONE_IN == 0


def _ranks(tokenizer: Tokenizer, record: Mapping[str, Any]) -> tuple[dict[bytes, int], NDArray[np.int32]]:
    """tiktoken's table, bytes → rank, and the id of each rank: (ranks,); see the module for what is checked.

    Raises:
        Differs: a check failed.
    """
    import tokenizers

    plain = [token["content"] for token in record.get("added_tokens", []) if not token.get("special")]
    if plain:
        raise Differs(f"the tokenizer finds {plain[0]!r} in text before it is cut")
    model = record["model"]
    vocabulary: dict[str, int] = model["vocab"]
    alphabet = {written: byte for byte, written in byte_alphabet().items()}
    special = set(tokenizer.specials)
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    made = ["".join(pair) for pair in pairs]
    singles = [token for token in vocabulary if len(token) == 1 and token in alphabet]
    if len(set(made)) != len(made) or set(made) & set(singles):
        raise Differs("two merges make the same token")
    rest = set(vocabulary) - set(made) - set(singles) - special
    if rest:
        raise Differs(f"the token {min(rest)!r} is made by no merge")
    # Only the model, without cutting and without taking whole pieces, which would hide that a merge is missing.
    bare = tokenizers.models.BPE(vocab=vocabulary, merges=[tuple(pair) for pair in pairs])
    for token in made:
        if [found.value for found in bare.tokenize(token)] != [token]:
            raise Differs(f"the token {token!r} does not come out of its own bytes")
    order = [*sorted(singles, key=lambda token: alphabet[token]), *made]
    written = {bytes(alphabet[character] for character in token): rank for rank, token in enumerate(order)}
    if len(written) != len(order):
        raise Differs("two tokens have the same bytes")
    return written, np.array([vocabulary[token] for token in order], dtype=np.int32)
