"""What is known of each document, and what became of it, in columns: some 60 bytes for each and its id, not 500.

`Entries` holds the columns, `Entry` is a view of one document that reads and writes them. Ids, rows and dates stand one
behind the other in one piece of memory (`Texts`); what only a few documents differ in is a number in a table
(`Coded`); and columns that nobody has written are pages of zeros that take no memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

STATES = ("kept", "redacted", "duplicate", "near-duplicate", "held", "refused")
Numbers = NDArray[np.int32]  # of documents, in the order in which they were read, from 0 on
Of = TypeVar("Of", bound=Hashable)
_PAD = bytes(8)
_MASKS = np.array(
    [(1 << 64) - (1 << (64 - 8 * size)) for size in range(9)], dtype=np.uint64
)  # the first bytes of eight
_AT_ONCE = 1 << 16  # digests whose places are made at once
_FEW = 1 << 32  # bytes up to which an end is a number of 32 bits


class Texts:
    """Many short texts in UTF-8, one behind the other; half of a surrogate pair may stand in them."""

    def __init__(self) -> None:
        self._data = bytearray(_PAD)  # ends with eight zeros, so that eight bytes can be read from any place
        self._ends = array("I")

    def __len__(self) -> int:
        return len(self._ends)

    def append(self, text: str) -> None:
        self._data[-8:] = text.encode("utf-8", "surrogatepass") + _PAD
        end = len(self._data) - 8
        if end >= _FEW and self._ends.typecode == "I":
            self._ends = array("Q", self._ends)
        self._ends.append(end)

    def __getitem__(self, number: int) -> str:
        start = self._ends[number - 1] if number else 0
        return self._data[start : self._ends[number]].decode("utf-8", "surrogatepass")

    def spans(self, numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(where texts begin, how many bytes they have)."""
        ends = np.frombuffer(self._ends, dtype=f"u{self._ends.itemsize}")
        stops = ends[numbers].astype(np.int64)
        starts = ends[numbers - 1].astype(np.int64)
        starts[numbers == 0] = 0
        return starts, stops - starts

    def words(self, numbers: NDArray[Any], place: int, inverted: bool = False) -> NDArray[np.uint64]:
        """The eight bytes of texts from `place` on as numbers in the order of the texts; zeros behind the end.

        Args:
            inverted: for the other way round, but that "a" comes before "ab".
        """
        starts, sizes = self.spans(numbers)
        sizes -= place
        np.clip(sizes, 0, 8, out=sizes)
        starts += place
        starts[sizes == 0] = 0
        eights = np.ndarray((len(self._data) - 7,), dtype=">u8", buffer=self._data, strides=(1,))
        words = eights[starts].astype(np.uint64)
        if inverted:
            np.invert(words, out=words)
        words &= _MASKS[sizes]
        return words


class Coded(Generic[Of]):
    """A value for each document, of which there are few different ones; the first is that of most."""

    def __init__(self, first: Of) -> None:
        self._values = [first]
        self._codes: dict[Of, int] = {first: 0}

    def code(self, value: Of) -> int:
        code = self._codes.setdefault(value, len(self._values))
        if code == len(self._values):
            self._values.append(value)
        return code

    def __getitem__(self, code: int) -> Of:
        return self._values[code]


class Known:
    """Digests of 16 bytes that were seen, each with a number in the order in which it first came: 25 to 40 bytes each.

    A table of numbers, at most half full, in which a digest stands at the first free place from its own on.
    """

    def __init__(self) -> None:
        self._digests = bytearray()
        self._table = array("I", [0]) * (1 << 10)  # number + 1; 0 is a free place

    def __len__(self) -> int:
        return len(self._digests) // 16

    def number(self, digest: bytes) -> int:
        """The number of a digest; a new one when it was not seen."""
        table, mask = self._table, len(self._table) - 1
        place = int.from_bytes(digest[:8], "little") & mask
        while number := table[place]:
            if self._digests[16 * number - 16 : 16 * number] == digest:
                return number - 1
            place = (place + 1) & mask
        self._digests += digest
        table[place] = len(self)
        if 2 * len(self) > len(table):
            self._grow()
        return len(self) - 1

    def _grow(self) -> None:
        mask = 2 * len(self._table) - 1
        self._table = array("I")  # the old one goes before the new one comes
        self._table = table = array("I", [0]) * (mask + 1)
        for first in range(0, len(self), _AT_ONCE):
            part = self._digests[16 * first : 16 * (first + _AT_ONCE)]
            own = np.frombuffer(part, dtype="<u8")[::2] & np.uint64(mask)
            for number, place in enumerate(own.tolist(), first + 1):
                while table[place]:
                    place = (place + 1) & mask
                table[place] = number


class Entry:
    """A view of one document as it stands in the file, without its text, and of what became of it.

    Attributes:
        id: of the document; copies of a text have the same.
        path: of its source. row: of its table, when it is one of several documents of a file.
        date: ISO 8601, or empty.
        at, size: where its line begins in documents.jsonl, and how long its text is, in bytes.
        held: why it waits for a person since it was extracted; empty when it does not.
        state: one of `STATES`.
        why: in words; empty when it is kept.
        of: which document is kept in its place, or is the reason that it waits. similarity: with that one.
        findings: personal data by kind. repeated: of passages that were taken out: {passages, bytes, of}.
    """

    __slots__ = ("_all", "number")

    def __init__(self, entries: Entries, number: int) -> None:
        self._all, self.number = entries, number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and other.number == self.number and other._all is self._all

    def __hash__(self) -> int:
        return hash(self.number)

    @property
    def id(self) -> str:
        return self._all.ids[self.number]

    @property
    def path(self) -> str:
        return self._all.paths[self._all.path_of[self.number]]

    @property
    def row(self) -> str:
        return self._all.rows[self.number]

    @property
    def date(self) -> str:
        return self._all.dates[self.number]

    @property
    def at(self) -> int:
        return self._all.at[self.number]

    @property
    def size(self) -> int:
        return self._all.size[self.number]

    @property
    def held(self) -> str:
        return self._all.reasons[self._all.held_of[self.number]]

    @property
    def state(self) -> str:
        return STATES[self._all.fates.state[self.number]]

    @state.setter
    def state(self, state: str) -> None:
        self._all.fates.state[self.number] = STATES.index(state)

    @property
    def why(self) -> str:
        return self._all.reasons[self._all.fates.why[self.number]]

    @why.setter
    def why(self, why: str) -> None:
        self._all.fates.why[self.number] = self._all.reasons.code(why)

    @property
    def of(self) -> Entry | None:
        number = int(self._all.fates.of[self.number])
        return Entry(self._all, number - 1) if number else None

    @of.setter
    def of(self, other: Entry | None) -> None:
        self._all.fates.of[self.number] = 0 if other is None else other.number + 1

    @property
    def similarity(self) -> float | None:
        return float(self._all.fates.similarity[self.number]) or None

    @similarity.setter
    def similarity(self, similarity: float | None) -> None:
        self._all.fates.similarity[self.number] = similarity or 0.0

    @property
    def findings(self) -> dict[str, int]:
        return dict(self._all.findings[self._all.fates.findings[self.number]])

    @findings.setter
    def findings(self, findings: Mapping[str, int]) -> None:
        self._all.fates.findings[self.number] = self._all.findings.code(tuple(findings.items()))

    @property
    def repeated(self) -> Mapping[str, Any]:
        return self._all.repeated.get(self.number, {})

    @repeated.setter
    def repeated(self, repeated: Mapping[str, Any]) -> None:
        self._all.repeated[self.number] = repeated

    @property
    def named(self) -> dict[str, str]:
        """What tells it from others, for the account."""
        return {"id": self.id, "path": self.path} | ({"row": self.row} if self.row else {})

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {**self.named, "state": self.state}
        if self.why:
            record["why"] = self.why
        if self.of is not None:
            record["of"] = self.of.named
        if self.similarity is not None:
            record["similarity"] = round(self.similarity, 4)
        if self.findings:
            record["personal_data"] = self.findings
        if self.repeated:
            record["repeated"] = self.repeated
        return record


class _Fates:
    """What became of each document, see `Entry`; zeros of the system, which take memory where something is written."""

    def __init__(self, size: int) -> None:
        self.state = np.zeros(size, dtype=np.uint8)  # place in `STATES`
        self.why = np.zeros(size, dtype=np.uint32)  # code of a reason
        self.of = np.zeros(size, dtype=np.uint32)  # number + 1
        self.similarity = np.zeros(size, dtype=np.float64)
        self.findings = np.zeros(size, dtype=np.uint32)  # code of findings


class Entries(Sequence[Entry]):
    """The documents of a file, each with its number in the order of the file; all are taken in before any is judged."""

    def __init__(self) -> None:
        self.ids, self.rows, self.dates, self.paths = Texts(), Texts(), Texts(), Texts()
        self.path_of = array("I")  # number in `paths`, where a path may stand twice, but not in a row
        self.at, self.size = array("Q"), array("Q")
        self.held_of = array("I")  # code of a reason
        self.reasons: Coded[str] = Coded("")
        self.findings: Coded[tuple[tuple[str, int], ...]] = Coded(())
        self.repeated: dict[int, Mapping[str, Any]] = {}
        self._path: str | None = None  # the last of `paths`

    def add(
        self, id: str, path: str = "", row: str = "", date: str = "", at: int = 0, size: int = 0, held: str = ""
    ) -> None:
        """Take a document in, see `Entry`."""
        if path != self._path:
            self.paths.append(path)
            self._path = path
        self.ids.append(id)
        self.rows.append(row)
        self.dates.append(date)
        self.path_of.append(len(self.paths) - 1)
        self.held_of.append(self.reasons.code(held))
        self.size.append(size)
        self.at.append(at)

    def __len__(self) -> int:
        return len(self.at)

    @overload
    def __getitem__(self, number: int) -> Entry: ...
    @overload
    def __getitem__(self, number: slice) -> Some: ...
    def __getitem__(self, number: int | slice) -> Entry | Some:
        return Entry(self, number) if isinstance(number, int) else Some(self, self.numbers[number])

    def __iter__(self) -> Iterator[Entry]:
        return (Entry(self, number) for number in range(len(self)))

    @property
    def numbers(self) -> Numbers:
        return np.arange(len(self), dtype=np.int32)

    @cached_property
    def fates(self) -> _Fates:
        return _Fates(len(self))

    def held(self) -> Numbers:
        """Those that wait since they were extracted."""
        return np.flatnonzero(np.frombuffer(self.held_of, dtype=np.uint32)).astype(np.int32)

    def counts(self) -> dict[str, int]:
        """How many are in each state."""
        return dict(zip(STATES, np.bincount(self.fates.state, minlength=len(STATES)).tolist(), strict=True))

    def in_state(self, *states: str) -> Some:
        return Some(self, self.numbers).in_state(*states)

    @cached_property
    def _path_ranks(self) -> NDArray[np.uint32]:
        """The place of each of `paths` among the different ones, sorted."""
        order = _Order(np.arange(len(self.paths), dtype=np.int32))
        order.by_texts(self.paths)
        ranks = np.empty(len(self.paths), dtype=np.uint32)
        ranks[order.numbers] = np.cumsum(~order.tied)
        return ranks

    def paths_of(self, numbers: Numbers) -> NDArray[np.uint32]:
        """Numbers in the order of the paths of documents."""
        return self._path_ranks[np.frombuffer(self.path_of, dtype=np.uint32)[numbers]]


class Some(Sequence[Entry]):
    """Some of the documents, in an order: their numbers and nothing else."""

    def __init__(self, entries: Entries, numbers: Numbers) -> None:
        self._all, self.numbers = entries, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> Some: ...
    def __getitem__(self, place: int | slice) -> Entry | Some:
        if isinstance(place, slice):
            return Some(self._all, self.numbers[place])
        return Entry(self._all, int(self.numbers[place]))

    def __iter__(self) -> Iterator[Entry]:
        return (Entry(self._all, int(number)) for number in self.numbers)

    def in_state(self, *states: str) -> Some:
        """Those that are in one of some states now."""
        wanted = np.array([state in states for state in STATES])
        return Some(self._all, self.numbers[wanted[self._all.fates.state[self.numbers]]])

    def sorted(self) -> Some:
        """In the order of id, path, row and place."""
        order = _Order(self.numbers)
        self._by_names(order)
        return Some(self._all, order.numbers)

    def by_preference(self) -> Some:
        """In the order of `helder.data.clean.pick.preferred`."""
        dates, sizes = self._all.dates, np.frombuffer(self._all.size, dtype=np.uint64)
        order = _Order(self.numbers)
        order.by(lambda numbers: dates.spans(numbers)[1] == 0)
        order.by_texts(dates, inverted=True)
        order.by(lambda numbers: ~sizes[numbers])
        self._by_names(order)
        return Some(self._all, order.numbers)

    def _by_names(self, order: _Order) -> None:
        order.by_texts(self._all.ids)
        order.by(self._all.paths_of)
        order.by_texts(self._all.rows)


class _Order:
    """Numbers that are put in order by one key after the other, each only where those before say nothing.

    What is the same in all keys stays in the order in which it was given, for which the numbers are sorted first.
    """

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = np.sort(numbers)
        self.tied = np.ones(len(numbers), dtype=np.bool_)  # whether one is like that before it, so far
        self.tied[:1] = False

    def _open(self) -> NDArray[np.int64]:
        """The places of those that are like the one before or behind."""
        like = self.tied.copy()
        like[:-1] |= self.tied[1:]
        return np.flatnonzero(like)

    def by(self, key: Callable[[Numbers], NDArray[Any]]) -> None:
        """Put in order by a number for each, the smallest first."""
        places = self._open()
        if not len(places):
            return
        numbers, tied = self.numbers[places], self.tied[places]
        keys = key(numbers)
        order = np.lexsort((keys, np.cumsum(~tied, dtype=np.int32)))
        self.numbers[places] = numbers[order]
        keys = keys[order]
        tied[1:] &= keys[1:] == keys[:-1]
        self.tied[places] = tied

    def by_texts(self, texts: Texts, inverted: bool = False) -> None:
        """Put in order by a text for each, see `Texts.words`."""
        longest = texts.spans(self.numbers[self._open()])[1].max(initial=0)
        for place in range(0, int(longest), 8):
            self.by(lambda numbers, place=place: texts.words(numbers, place, inverted))  # type: ignore[misc]
        self.by(lambda numbers: texts.spans(numbers)[1])  # "a" and "a\0"
