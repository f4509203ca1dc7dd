"""Encoding with tiktoken, ten times as fast as `tokenizers`, where both give the same tokens.

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
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helder.errors import HelderError
from helder.tokens.tokenizer import CUTS, Tokenizer, byte_alphabet, pre_tokenizer_name

if TYPE_CHECKING:
    import tiktoken

FIRST_TEXTS = 16  # texts of a corpus that are encoded twice whatever their hash
ONE_IN = 256
LONGEST_CHECKED = 4000  # characters of a text that are encoded twice

# The patterns of `CUTS` say with a look ahead that the last blank of a run goes with what follows it. A pattern that
# looks ahead is tried character by character; one that does not runs as an automaton, more than twice as fast
# (measured). So that boundary is marked in the text, and the patterns are said without it.
_BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode's White_Space
_MARK = "\x00"  # a text that holds it itself is left to `tokenizers`
_WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+"  # GPT-2's pattern (openai/gpt-2, encoder.py)
_PATTERNS = {
    "gpt-2": _WORDS + r"| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+",
    "smollm": _WORDS + r"|\p{N}| ?[^\s\p{L}\p{N}]+|\s+",  # digits are cut off first, one by one
}
_LOOK_AHEAD = r"|\s+(?!\S)"  # in the patterns that are written in the tokenizer: Llama 3's, GPT-4's, Qwen2's
# What stands around a character when it is checked: each kind of neighbour, and an apostrophe.
_AMONG = "a{0}a {0}1{0}1.{0}.'{0}  {0}  a\n{0}\n{0}{0}a {0}\u0301  {0}{0}  1{0}  1"


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
        ranks, ids = _ranks(tokenizer, record)
        named = _found_before(record)
        self._ids = np.array([*ids, *named.values(), -1], dtype=np.int32)  # the last is the mark's
        self._named = {*named, _MARK}
        after = _boundary(cut, list(named))
        # Blanks that are frequent are found by themselves, the others as a class, when there are any.
        self._frequent = [(re.compile(blank + after), blank + _MARK) for blank in (" ", "\n", "\t")]
        self._rare = re.compile(f"[{_BLANKS.strip(chr(9) + chr(10)).replace(' ', '')}]{after}")
        self._encoding: tiktoken.Encoding = tiktoken.Encoding(
            cut,
            pat_str=_PATTERNS.get(cut) or (CUTS[cut].pattern or "").replace(_LOOK_AHEAD, ""),
            mergeable_ranks=ranks,
            special_tokens={name: len(ids) + n for n, name in enumerate([*named, _MARK])},
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
        if _MARK in text:
            return np.array(self._tokenizer.encode(text), dtype=np.int32)
        marked = text
        for pattern, written in self._frequent:
            marked = pattern.sub(written, marked)
        if not text.isascii() or "\r" in text or "\x0b" in text or "\x0c" in text:
            marked = self._rare.sub(lambda found: found[0] + _MARK, marked)
        found = self._encoding.encode_to_numpy(marked, allowed_special=self._named, disallowed_special=())
        made: NDArray[np.int32] = np.take(self._ids, found)
        return made if len(marked) == len(text) else made[made >= 0]

    def _check_characters(self, new: set[str]) -> None:
        for character in sorted(new):
            self._compare(_AMONG.format(character), f"the character U+{ord(character):04X}")
        self._seen |= new
        self.checked["characters"] += len(new)

    def _compare(self, text: str, what: str) -> None:
        try:
            slow = self._tokenizer.encode(text)
        except HelderError:
            return  # it cannot be written, and the text that holds it was refused already
        if self._fast(text).tolist() != slow:
            raise Differs(f"tiktoken and tokenizers give {what} different tokens")


def _boundary(cut: str, named: list[str]) -> str:
    """What stands behind a blank where the last of its run is cut off, because it goes with what follows.

    Not where tokens that are found before the text is cut follow: for the cut, the text ends there. Not before a digit
    where digits are cut off first. Not where the run ends with a line: the patterns that know lines take it whole.
    """
    after = f"[^{_BLANKS}{_MARK}]"
    if CUTS[cut].digits:
        after = f"(?!{_numbers()}){after}"
    if named:
        after = f"(?!{'|'.join(re.escape(name) for name in named)}){after}"
    last = f"[{_BLANKS}]" if CUTS[cut].pattern is None else f"(?![\\r\\n])[{_BLANKS}]"
    return f"(?={last}{after})"


@lru_cache(1)
def _numbers() -> str:
    """All characters of the class N, as a set of a regular expression."""
    points = [point for point in range(0x110000) if unicodedata.category(chr(point))[0] == "N"]
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]"


def _drawn(text: str) -> bool:
    """Whether the hash of a text says that it is encoded twice."""
    return hashlib.sha256(text.encode("utf-8")).digest()[0] % ONE_IN == 0


def _ranks(tokenizer: Tokenizer, record: Mapping[str, Any]) -> tuple[dict[bytes, int], list[int]]:
    """tiktoken's table, bytes → rank, and the id of each rank; see the module for what is checked.

    Raises:
        Differs: a check failed.
    """
    import tokenizers

    model = record["model"]
    vocabulary: dict[str, int] = model["vocab"]
    alphabet = {written: byte for byte, written in byte_alphabet().items()}
    special = {*tokenizer.specials, *_found_before(record)}
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
    return written, [vocabulary[token] for token in order]


def _found_before(record: Mapping[str, Any]) -> dict[str, int]:
    """Tokens that are looked for in a text before it is cut, with their ids; special ones are not, see `Tokenizer`.

    Raises:
        Differs: one of them is looked for in a way that tiktoken does not know.
    """
    found = {token["content"]: token for token in record.get("added_tokens", []) if not token.get("special")}
    for name, token in found.items():
        if any(token.get(key) for key in ("lstrip", "rstrip", "single_word", "normalized")):
            raise Differs(f"the tokenizer finds {name!r} in text before it is cut, and takes what is around it")
        if any(other != name and other.startswith(name) for other in found):
            raise Differs(
                f"the tokenizer finds {name!r} in text before it is cut, and longer tokens that begin with it"
            )
    return {name: int(token["id"]) for name, token in found.items()}
