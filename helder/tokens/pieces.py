"""Text → token ids for the cuts of GPT-2: cut here, whole arrays at a time, and every different piece is joined once.

`tokenizers` cuts a text by a regular expression, looks up every piece and joins its bytes. Here the cut is arithmetic
on the classes of characters (letter, digit, blank, other), a table of pieces gives what was joined before, and a piece
that is not there yet is joined by the tokenizer's own model: so only the cut is ours, and is what has to be checked
(`helder.tokens.fast`). Numpy only: nothing has to be compiled, so that small corpora are as fast as large ones.

What it does not know: other cuts; a text with the character NUL, with a token that is found before the text is cut, or
with a character that is marked as odd. Such a text is encoded with `tokenizers`.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

OTHER, LETTER, NUMBER, BLANK, END, ODD, UNSEEN = range(7)
"""Classes of characters. End: between two texts. Odd: unknown to this Python's Unicode, or cut in another way."""
BLANKS = frozenset(
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
)
"""Unicode's White_Space."""
BETWEEN = "\x00"  # stands between the texts of a batch
TOGETHER = 400_000  # characters of a batch: its arrays stay near the processor, and calls of numpy are few (measured)
MOST = 1 << 20  # pieces that are remembered, in about 150 MB with their table; beyond them all are forgotten
SHORT = 16  # bytes of a piece that is looked up by all of its bytes at once; longer ones are rare
_ENDINGS = {"s": 2, "d": 2, "m": 2, "t": 2, "ll": 3, "ve": 3, "re": 3}  # GPT-2: 's 'd 'm 't 'll 've 're are pieces
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xFF51AFD7ED558CCD))  # odd, no pattern

Bytes = NDArray[np.uint8]


def class_of(character: str) -> int:
    """The class by which a character is cut."""
    category = unicodedata.category(character)
    if character in BLANKS:
        return BLANK
    return ODD if category in ("Cn", "Cs") else {"L": LETTER, "N": NUMBER}.get(category[0], OTHER)


def parts(text: str) -> list[str]:
    """A text cut where it can be cut without changing a token: where a run of blanks begins, there a piece ends.

    It keeps the arrays of a batch small, and a character that is not known costs its part and not the whole text.
    """
    found, at = [], 0
    while len(text) - at > TOGETHER and (end := _END.search(text, at + TOGETHER // 2)):
        found.append(text[at : end.end()])
        at = end.end()
    return [*found, text[at:]]


class Pieces:
    """Cuts and encodes batches of texts.

    Args:
        digits: digits are cut off one by one first; see `helder.tokens.tokenizer.Cut`.
        join: bytes of a piece → its token ids.
        check: is given characters beyond ASCII that were not there before, gives back those that are cut otherwise. It
            may encode texts with them.
    """

    def __init__(
        self,
        digits: bool,
        join: Callable[[bytes], Sequence[int]],
        check: Callable[[list[str]], Iterable[str]] = lambda new: (),
    ) -> None:
        self._digits, self._join, self._check = digits, join, check
        self._classes = np.full(0x110000, UNSEEN, dtype=np.uint8)
        self._classes[:128] = [class_of(chr(point)) for point in range(128)]
        self._classes[ord(BETWEEN)] = END
        self._forget()

    def _forget(self) -> None:
        self._long: dict[bytes, int] = {}
        self._known = 1
        self._first = np.zeros(1 << 12, dtype=np.int64)  # where a piece's tokens begin; piece 0 stands between texts
        self._count = np.zeros(1 << 12, dtype=np.int64)
        self._tokens = np.zeros(1 << 13, dtype=np.int32)
        self._used = 0
        self._resize(14)
        nothing = np.zeros(1, dtype=np.uint64)
        self._insert(nothing, nothing, np.zeros(1, dtype=np.int64))  # piece 0, which has no tokens: `BETWEEN`

    def _meet(self, points: NDArray[np.uint32]) -> Bytes:
        """The classes of characters, some of which may be new: (characters,)."""
        classes = self._classes[points]
        new = [chr(point) for point in np.unique(points[classes == UNSEEN]).tolist()]
        if not new:
            return classes
        for character in new:
            self._classes[ord(character)] = class_of(character)
        known = [character for character in new if self._classes[ord(character)] != ODD]
        for character in self._check(known):
            self._classes[ord(character)] = ODD
        return self._classes[points]

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32] | None]:
        """Token ids of each text, (tokens,); None for a text that is not cut here."""
        found: list[NDArray[np.int32] | None] = [None] * len(texts)
        plain = [number for number, text in enumerate(texts) if BETWEEN not in text]
        begin = 0
        while begin < len(plain):
            end, size = begin, 0
            while end < len(plain) and (end == begin or size + len(texts[plain[end]]) <= TOGETHER):
                size += len(texts[plain[end]])
                end += 1
            numbers = plain[begin:end]
            for number, ids in zip(numbers, self._batch([texts[number] for number in numbers]), strict=True):
                found[number] = ids
            begin = end
        return found

    def _batch(self, texts: list[str]) -> list[NDArray[np.int32] | None]:
        joined = BETWEEN.join(texts) + BETWEEN
        if joined.isascii():
            data = joined.encode("ascii")
            classes = self._classes[:128][np.frombuffer(data, dtype=np.uint8)]
            starts = self._starts(classes, np.frombuffer(data, dtype=np.uint8))
        else:
            points = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4")
            classes = self._meet(points)
            if (classes == ODD).any():
                odd = [bool((self._classes[_points(text)] == ODD).any()) for text in texts]
                rest = iter(self._batch([text for text, is_odd in zip(texts, odd, strict=True) if not is_odd]))
                return [None if is_odd else next(rest) for is_odd in odd] if not all(odd) else [None] * len(texts)
            data = joined.encode("utf-8")
            sizes = np.ones(len(points), dtype=np.int8)
            for least in (0x80, 0x800, 0x10000):
                sizes += points >= least
            starts = self._starts(classes, points)
            starts = (np.cumsum(sizes, dtype=np.int64) - sizes)[starts]
        pieces = self._look_up(data, starts)
        counts = self._count[pieces]
        ends = np.cumsum(counts)
        total = int(ends[-1])
        places = np.repeat(self._first[pieces] - (ends - counts), counts) + np.arange(total)
        ids = self._tokens[places]
        cuts = ends[pieces == 0].tolist()
        return [ids[first:last] for first, last in zip([0, *cuts], cuts, strict=False)]

    def _starts(self, classes: Bytes, points: NDArray[np.integer]) -> NDArray[np.int64]:
        """Where pieces begin, as places in the text: (pieces,).

        Args:
            classes: of its characters, the last of them END: (characters,). points: the characters: (characters,).
        """
        before, here = classes[:-1], classes[1:]
        start = np.empty(len(classes), dtype=np.bool_)
        start[0] = True
        np.not_equal(before, here, out=start[1:])
        start[1:] |= here == END
        blank = classes == BLANK
        # What follows a blank takes it along if it is a space; of a run of blanks, the last is cut off in any case, but
        # not before the end of a text, and where digits were cut off, their places are ends.
        nothing = (END, NUMBER) if self._digits else (END,)
        followed = blank[:-1] & (here != BLANK)
        for one in nothing:
            followed &= here != one
        start[:-1] |= followed
        start[1:] &= ~(followed & (points[:-1] == 32))
        if self._digits:
            start |= classes == NUMBER
        quotes = np.flatnonzero(points[:-1] == 39)
        if len(quotes):
            self._contract(classes, points, quotes, start)
        return np.flatnonzero(start)

    @staticmethod
    def _contract(
        classes: Bytes, points: NDArray[np.integer], quotes: NDArray[np.int64], start: NDArray[np.bool_]
    ) -> None:
        """Mend `start` where an apostrophe begins a piece and one of `_ENDINGS` follows: that is the piece."""
        quotes = quotes[start[quotes]]
        one, two = points[quotes + 1], points[np.minimum(quotes + 2, len(points) - 1)]
        size = np.zeros(len(quotes), dtype=np.int64)
        for ending, length in _ENDINGS.items():
            fits = one == ord(ending[0])
            if length == 3:
                fits &= two == ord(ending[1])
            size[fits] = length
        quotes, size = quotes[size > 0], size[size > 0]
        start[quotes + 1] = False
        start[quotes + size] = True

    # -- the table of pieces -----------------------------------------------------------------------------

    def _look_up(self, data: bytes, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of each piece: (pieces,); new ones are joined and get one."""
        if self._known > MOST:
            self._forget()
        lengths = np.diff(starts, append=len(data))
        words = np.ndarray((len(data) + 8,), dtype="<u8", buffer=data + bytes(16), strides=(1,))
        low, high = words[starts], words[np.minimum(starts + 8, len(data))]
        low &= _MASKS[np.minimum(lengths, 8)]
        high &= _MASKS[np.clip(lengths - 8, 0, 8)]
        pieces = self._find(low, high)
        pieces[lengths > SHORT] = -1
        missing = np.flatnonzero(pieces < 0)
        if len(missing):
            self._learn(data, starts, lengths, low, high, pieces, missing)
        return pieces

    def _find(self, low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The numbers of pieces by their bytes; -1 for those that are not known."""
        slots = self._slots(low, high)
        pieces = self._numbers[slots].astype(np.int64)
        wrong = np.flatnonzero((self._low[slots] != low) | (self._high[slots] != high))
        while len(wrong):
            empty = pieces[wrong] < 0
            wrong = wrong[~empty]
            slots[wrong] = (slots[wrong] + 1) & self._wrap
            at = slots[wrong]
            pieces[wrong] = self._numbers[at]
            wrong = wrong[(self._low[at] != low[wrong]) | (self._high[at] != high[wrong])]
        return pieces

    def _slots(self, low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.int64]:
        mixed = low * _MIX[0]
        mixed ^= high * _MIX[1]
        mixed ^= mixed >> np.uint64(32)
        mixed *= _MIX[2]
        mixed >>= self._shift
        return mixed.astype(np.int64)

    def _learn(
        self,
        data: bytes,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        low: NDArray[np.uint64],
        high: NDArray[np.uint64],
        pieces: NDArray[np.int64],
        missing: NDArray[np.int64],
    ) -> None:
        """Join what is not known yet, once each, and fill in its numbers."""
        new: dict[bytes, int] = {}
        added: list[int] = []  # places of short pieces that go into the table
        made: list[Sequence[int]] = []
        known = self._known
        spans = zip(missing.tolist(), starts[missing].tolist(), lengths[missing].tolist(), strict=True)
        for place, start, length in spans:
            piece = data[start : start + length]
            kept = self._long if length > SHORT else new
            number = kept.get(piece)
            if number is None:
                number = kept[piece] = known + len(made)
                made.append(self._join(piece))
                if length <= SHORT:
                    added.append(place)
            pieces[place] = number
        self._add(made)
        self._insert(low[added], high[added], pieces[added])

    def _add(self, made: list[Sequence[int]]) -> None:
        """Keep the tokens of new pieces, which get the next numbers."""
        counts = np.fromiter(map(len, made), np.int64, len(made))
        ids = np.fromiter(itertools.chain.from_iterable(made), np.int32, int(counts.sum()))
        known, used = self._known + len(made), self._used + len(ids)
        while known > len(self._first):
            self._first, self._count = (np.resize(one, 2 * len(one)) for one in (self._first, self._count))
        while used > len(self._tokens):
            self._tokens = np.resize(self._tokens, 2 * len(self._tokens))
        self._count[self._known : known] = counts
        self._first[self._known : known] = self._used + np.cumsum(counts) - counts
        self._tokens[self._used : used] = ids
        self._known, self._used = known, used

    def _insert(self, low: NDArray[np.uint64], high: NDArray[np.uint64], numbers: NDArray[np.signedinteger]) -> None:
        """Put different pieces, none of which is there, into the table; it stays at most half full."""
        if 2 * (self._filled + len(low)) > len(self._numbers):
            there = self._numbers >= 0
            old = self._low[there], self._high[there], self._numbers[there]
            self._resize(max(15, int(4 * (self._filled + len(low)) - 1).bit_length()))
            self._insert(*old)
        self._filled += len(low)
        slots = self._slots(low, high)
        while len(slots):
            free = np.flatnonzero(self._numbers[slots] < 0)
            taken, first = np.unique(slots[free], return_index=True)
            chosen = free[first]
            self._low[taken], self._high[taken], self._numbers[taken] = low[chosen], high[chosen], numbers[chosen]
            left = np.ones(len(slots), dtype=np.bool_)
            left[chosen] = False
            low, high, numbers = low[left], high[left], numbers[left]
            slots = (slots[left] + 1) & self._wrap

    def _resize(self, bits: int) -> None:
        self._shift, self._wrap = np.uint64(64 - bits), (1 << bits) - 1
        self._low = np.zeros(1 << bits, dtype=np.uint64)
        self._high = np.zeros(1 << bits, dtype=np.uint64)
        self._numbers = np.full(1 << bits, -1, dtype=np.int32)
        self._filled = 0


_END = re.compile(r"[!-~](?=[ \n])")
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], dtype=np.uint64)


def _points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
