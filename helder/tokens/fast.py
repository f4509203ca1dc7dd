"""Encoding many times as fast as `tokenizers` does it by itself, where the tokens are the same.

Two ways, by how the tokenizer cuts text. Both are checked while they work, in ways that leave no room:

**Pieces** (`helder.tokens.pieces`), for the cuts of GPT-2 and SmolLM. The tokenizer's own model joins every piece, so
only the cut could differ: steps 2 and 3 below.

**tiktoken**, for the cuts with a pattern of their own (Llama 3, GPT-4, Qwen2):

1. The vocabulary, once. tiktoken joins any two tokens whose bytes together are a token, the lowest rank first;
   `tokenizers` joins listed pairs only. If every merge makes a token of its own, and `tokenizers` makes every token out
   of its own bytes, both do the same with any piece of text: take the first step in which they differ. tiktoken
   joins two neighbours to a token for which the list has no such pair; then `tokenizers`, given that token's bytes
   alone, comes to the same two neighbours, finds no pair either, and does not end with the token: which was checked.
2. The characters, for each corpus. How a text is cut depends on the class of its characters (letter, digit, blank,
   other) and on their case, and libraries know different versions of Unicode. Every character beyond ASCII that occurs
   is encoded by both, among letters, digits, blanks and signs.
3. Texts, for each corpus: those whose beginning's hash says so, about one in 256, and the first ones, by both.

What does not pass is encoded with `tokenizers`, and the facts say why.
"""

from __future__ import annotations

import abc
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helder.errors import HelderError
from helder.tokens.pieces import BETWEEN, BLANKS, Pieces, parts
from helder.tokens.tokenizer import CUTS, Tokenizer, byte_alphabet, pre_tokenizer_name

if TYPE_CHECKING:
    import tiktoken

FIRST_TEXTS = 16  # texts of a corpus that are encoded twice whatever their hash
ONE_IN = 256
LONGEST_CHECKED = 4000  # characters of a text that are encoded twice

# The patterns of `CUTS` say with a look ahead that the last blank of a run goes with what follows it. A pattern that
# looks ahead is tried character by character; one that does not runs as an automaton, more than twice as fast
# (measured). So that boundary is marked in the text, and the patterns are said without it.
_BLANKS = "".join(sorted(BLANKS))
_FREQUENT = " \n\t"
_MARK = BETWEEN  # a text that holds it itself is left to `tokenizers`
_LOOK_AHEAD = r"|\s+(?!\S)"  # in the patterns that are written in the tokenizer: Llama 3's, GPT-4's, Qwen2's
# What stands around a character when it is checked: each kind of neighbour, and an apostrophe.
_AMONG = "a{0}a {0}1{0}1.{0}.'{0}  {0}  a\n{0}\n{0}{0}a {0}\u0301  {0}{0}  1{0}  1"


class Differs(Exception):
    """The two libraries gave different tokens, or tiktoken cannot do what is needed; the text says which."""


def encoder(tokenizer: Tokenizer) -> Encoder:
    """The fast way for a tokenizer.

    Raises:
        Differs: there is none.
    """
    try:
        cut = CUTS[pre_tokenizer_name(tokenizer.path)]
    except HelderError as error:
        raise Differs(error.what) from error
    return PieceEncoder(tokenizer, cut.digits) if cut.pattern is None else TiktokenEncoder(tokenizer)


class Encoder(abc.ABC):
    """Texts → token ids, checked while it works."""

    library: str

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.checked = {"texts": 0, "characters": 0}
        self._texts = 0

    def encode(self, text: str) -> NDArray[np.int32]:
        """Token ids of one text: (tokens,); as `encode_all`."""
        return self.encode_all([text])[0]

    def encode_all(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Token ids of each text: (tokens,).

        Raises:
            HelderError: as `Tokenizer.encode`.
            Differs: one of them, or a character of it, has other tokens in `tokenizers`.
        """
        self._tokenizer.check_writable("".join(texts))
        made = self._fast(texts)
        for text in texts:
            self._texts += 1
            part = text[:LONGEST_CHECKED]
            if self._texts <= FIRST_TEXTS or _drawn(part):
                self._compare([part], "a text")
                self.checked["texts"] += 1
        return made

    @abc.abstractmethod
    def _fast(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Encode without checking texts."""

    def _slow(self, text: str) -> NDArray[np.int32]:
        return np.array(self._tokenizer.encode(text), dtype=np.int32)

    def _compare(self, texts: Sequence[str], what: str) -> None:
        """Encode by both.

        Raises:
            Differs: they give different tokens.
        """
        for text, quick in zip(texts, self._fast(texts), strict=True):
            if not np.array_equal(quick, self._slow(text)):
                raise Differs(f"{self.library} and tokenizers give {what} different tokens")


class PieceEncoder(Encoder):
    """The text is cut by `helder.tokens.pieces`, its pieces joined by the tokenizer's own model.

    A text with a character that both cut in different ways is encoded with `tokenizers`.
    """

    library = "helder.tokens.pieces"

    def __init__(self, tokenizer: Tokenizer, digits: bool) -> None:
        super().__init__(tokenizer)
        alphabet = byte_alphabet()
        written = str.maketrans({chr(byte): character for byte, character in alphabet.items()})
        join = tokenizer.join

        def joined(piece: bytes) -> list[int]:
            return join(piece.decode("latin-1").translate(written))

        record = json.loads(tokenizer.path.read_text(encoding="utf-8"))
        self._named = [token["content"] for token in record.get("added_tokens", []) if not token.get("special")]
        self._pieces = Pieces(digits, joined, self._odd)

    def _fast(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        made: list[NDArray[np.int32] | None] = [None] * len(texts)
        plain = [n for n, text in enumerate(texts) if not any(name in text for name in self._named)]
        cut = [parts(texts[number]) for number in plain]
        flat = [part for of in cut for part in of]
        ids = iter(zip(flat, self._pieces.encode(flat), strict=True))
        for number, of in zip(plain, cut, strict=True):
            found = [self._slow(part) if one is None else one for part, one in itertools.islice(ids, len(of))]
            made[number] = found[0] if len(found) == 1 else np.concatenate(found)
        return [self._slow(text) if one is None else one for text, one in zip(texts, made, strict=True)]

    def _odd(self, new: list[str]) -> list[str]:
        """Characters around which `tokenizers` cuts in another way."""
        texts, odd = [_AMONG.format(character) for character in new], []
        for character, text, ids in zip(new, texts, self._pieces.encode(texts), strict=True):
            try:
                same = ids is not None and np.array_equal(ids, self._slow(text))
            except HelderError:
                same = False  # what stands around it cannot be written
            if not same:
                odd.append(character)
        self.checked["characters"] += len(new)
        return odd


class TiktokenEncoder(Encoder):
    """Text → token ids through tiktoken.

    Raises:
        Differs: the tokenizer is of another kind, tiktoken is not installed, or a check of the vocabulary failed.
    """

    library = "tiktoken"

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        try:
            import tiktoken
        except ModuleNotFoundError:
            raise Differs("tiktoken is not installed") from None
        record = json.loads(tokenizer.path.read_text(encoding="utf-8"))
        cut = pre_tokenizer_name(tokenizer.path)
        ranks, ids = _ranks(tokenizer, record)
        named = _found_before(record)
        self._ids = np.array([*ids, *named.values(), -1], dtype=np.int32)  # the last is the mark's
        self._named = {*named, _MARK}
        after = _boundary(list(named))
        # Blanks that are frequent are found by themselves, the others as a class, when there are any.
        self._frequent = [(re.compile(blank + after), blank + _MARK) for blank in _FREQUENT]
        self._rare = re.compile(f"[{''.join(sorted(BLANKS - set(_FREQUENT)))}]{after}")
        self._encoding: tiktoken.Encoding = tiktoken.Encoding(
            cut,
            pat_str=(CUTS[cut].pattern or "").replace(_LOOK_AHEAD, ""),
            mergeable_ranks=ranks,
            special_tokens={name: len(ids) + n for n, name in enumerate([*named, _MARK])},
        )
        self._seen: set[str] = set()

    def _fast(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        for text in texts:
            if not text.isascii() and (new := {one for one in set(text) if ord(one) > 127} - self._seen):
                self._seen |= new
                self._check_characters(new)
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> NDArray[np.int32]:
        if _MARK in text:
            return self._slow(text)
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
            text = _AMONG.format(character)
            try:
                slow = self._slow(text)
            except HelderError:
                continue  # it cannot be written, and the text that holds it is refused
            if not np.array_equal(self._one(text), slow):
                raise Differs(f"tiktoken and tokenizers give the character U+{ord(character):04X} different tokens")
        self.checked["characters"] += len(new)


def _boundary(named: list[str]) -> str:
    """What stands behind a blank where the last of its run is cut off, because it goes with what follows.

    Not where tokens that are found before the text is cut follow: for the cut, the text ends there. Not where the run
    ends with a line: the patterns take it whole.
    """
    after = f"[^{_BLANKS}{_MARK}]"
    if named:
        after = f"(?!{'|'.join(re.escape(name) for name in named)}){after}"
    return f"(?=(?![\\r\\n])[{_BLANKS}]{after})"


def _drawn(text: str) -> bool:
    """Whether the hash of a text's beginning says that it is encoded twice."""
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
