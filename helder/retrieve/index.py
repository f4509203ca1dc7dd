"""The stage "passages": documents → passages, and an index of their words that BM25 is counted from.

The artifact holds whole numbers and text only, sorted, so that whoever makes it again has the same bytes whatever the
machine; what depends on logarithms is counted when it is opened. It says which document, and which bytes of its text, a
passage is: the documents are the records that trainings with `text` learn from, read by the same reader.

    passages.jsonl   {"document", "start", "stop" (bytes of its text), "tokens", "text"}, a line each, in order
    terms.txt        the words, sorted by code point, a line each
    offsets.npy      (words + 1,), where in `places` and `counts` those of a word begin
    places.npy       (postings,), the passages that hold a word, ascending
    counts.npy       (postings,), how often
    lengths.npy      (passages,), words of each passage
    index.json       settings and numbers

Scores are BM25 as Lucene counts it (Robertson and Zaragoza 2009, without the factor k1 + 1, which changes no order):
sum over the words of the question of ln(1 + (N - n + 0.5) / (n + 0.5)) · f / (f + k1 · (1 - b + b · length / mean)).
"""

from __future__ import annotations

import json
import math
import mmap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.errors import HelderError
from helder.retrieve.passages import passages
from helder.retrieve.words import Stem, words
from helder.tokens.documents import read_documents
from helder.tokens.fast import Differs, encoder
from helder.tokens.tokenizer import Tokenizer
from helder.trace.words import Words

FUNCTION = "helder.retrieve.index:run"
K1, B = 1.2, 0.75  # Lucene's; Robertson and Zaragoza 2009 recommend 1.2 to 2, and 0.5 to 0.8
FILE, PASSAGES, TERMS = "index.json", "passages.jsonl", "terms.txt"
ARRAYS = {"offsets": "<i8", "places": "<u4", "counts": "<u2", "lengths": "<u4"}
MOST_COUNT = (1 << 16) - 1
REPORTED = 10_000  # passages between two reports of progress


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: passage (tokens of one), overlap (tokens), stem.
        inputs: "base", a model folder, whose tokens are counted; "text", "text-2", …: files, folders, or artifacts of
            the stages "extract" and "clean".

    Returns:
        documents, passages, words (different ones), bytes (of text).

    Raises:
        HelderError: a document cannot be read, or there is none.
    """
    vocabulary = Words(Tokenizer.load(inputs["base"]))
    encode = _encoding(vocabulary.tokenizer)
    stem: Stem = settings["stem"]
    length, overlap = int(settings["passage"]), int(settings["overlap"])
    numbers: dict[str, int] = {}
    terms: list[int] = []  # of each posting, in the order of the passages
    counts: list[int] = []
    held: list[int] = []  # different words of each passage
    lengths: list[int] = []
    documents = size = 0
    with (output / PASSAGES).open("w", encoding="utf-8", newline="\n") as file:
        for name, text in _documents(inputs):
            documents += 1
            data = text.encode("utf-8")
            size += len(data)
            for one in passages(text, vocabulary, length, overlap, encode(text)):
                part = data[one.start : one.stop].decode("utf-8")
                line = {"document": name, "start": one.start, "stop": one.stop, "tokens": one.tokens, "text": part}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                found = words(part, stem)
                tally = Counter(found)
                terms += [numbers.setdefault(word, len(numbers)) for word in tally]
                counts += [min(count, MOST_COUNT) for count in tally.values()]
                held.append(len(tally))
                lengths.append(len(found))
                if len(lengths) % REPORTED == 0:
                    report("progress", done=len(lengths), total=None, unit="passage")
    if not lengths:
        raise HelderError("There is no passage to find.", "The documents of [retrieve] hold no text.")
    ordered = sorted(numbers)
    # Numbers were given as words came; from here on they are places in the sorted list.
    place_of = np.empty(len(ordered), dtype=np.int64)
    place_of[[numbers[word] for word in ordered]] = np.arange(len(ordered))
    of_word = place_of[np.array(terms, dtype=np.int64)]
    of_passage = np.repeat(np.arange(len(lengths)), held)
    order = np.argsort(of_word, kind="stable")  # passages stay ascending within a word
    arrays = {
        "offsets": np.searchsorted(of_word[order], np.arange(len(ordered) + 1)),
        "places": of_passage[order],
        "counts": np.array(counts, dtype=np.int64)[order],
        "lengths": np.array(lengths),
    }
    for name, kind in ARRAYS.items():
        np.save(output / f"{name}.npy", arrays[name].astype(kind), allow_pickle=False)
    (output / TERMS).write_text("".join(f"{word}\n" for word in ordered), encoding="utf-8", newline="\n")
    told = {"documents": documents, "passages": len(lengths), "words": len(ordered), "bytes": size}
    kept = {name: settings[name] for name in ("passage", "overlap", "stem")}
    (output / FILE).write_text(json.dumps({"format": 1, **kept, **told}, sort_keys=True) + "\n", encoding="utf-8")
    return told


def _encoding(tokenizer: Tokenizer) -> Callable[[str], NDArray[np.int32]]:
    """Text → tokens, in the fast way as long as it gives the same ones."""
    slow = False
    try:
        fast = encoder(tokenizer)
    except (Differs, ModuleNotFoundError):
        slow = True

    def encode(text: str) -> NDArray[np.int32]:
        nonlocal slow
        if not slow:
            try:
                return fast.encode(text)
            except Differs:
                slow = True
        return np.array(tokenizer.encode(text), dtype=np.int32)

    return encode


def _documents(inputs: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    for name in sorted((one for one in inputs if one.startswith("text")), key=lambda one: (len(one), one)):
        yield from read_documents(inputs[name])


@dataclass(frozen=True)
class Found:
    """A passage that fits a question.

    Attributes:
        place: in the index.
        document: its name.
        start, stop: bytes of the document's text.
        tokens: see `helder.retrieve.passages.Passage`.
        score: BM25.
        share: of the weight of the question's words, so much is that of words that stand in it: 0 to 1. A word that
            stands in no passage weighs most of all.
    """

    place: int
    document: str
    start: int
    stop: int
    tokens: int
    text: str
    score: float
    share: float

    @property
    def id(self) -> str:
        """By which it is known: its document and its bytes."""
        return f"{self.document}#{self.start}-{self.stop}"


class Index:
    """An index that was opened; arrays are mapped into memory, passages are read when they are found."""

    def __init__(self, folder: Path) -> None:
        """Open an index.

        Raises:
            HelderError: it is none, or not whole.
        """
        try:
            self.about: Mapping[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
            listed = (folder / TERMS).read_text(encoding="utf-8").split("\n")[:-1]
            arrays = {
                name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)) for name in ARRAYS
            }
            with (folder / PASSAGES).open("rb") as file:
                self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.stem: Stem = self.about["stem"]
            whole = (len(listed), len(arrays["lengths"])) == (self.about["words"], self.about["passages"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HelderError(f"The index {folder.name} cannot be read.", str(error), "Make it again.") from error
        self._offsets, self._places, self._counts = arrays["offsets"], arrays["places"], arrays["counts"]
        self._lines = self._line_starts()
        whole = whole and len(self._lines) == len(arrays["lengths"]) + 1 and self._lines[-1] == len(self._text)
        if not whole or len(self._offsets) != len(listed) + 1 or self._offsets[-1] != len(self._places):
            raise HelderError(f"The index {folder.name} is not whole.", "", "Make it again: helder run")
        self._terms = {word: number for number, word in enumerate(listed)}
        lengths = arrays["lengths"].astype(np.float64)
        self._room = K1 * (1 - B + B * lengths / max(1.0, float(lengths.mean())))

    def __len__(self) -> int:
        return len(self._room)

    def weight(self, word: str) -> float:
        """The inverse document frequency of a word."""
        number = self._terms.get(word)
        held = 0 if number is None else int(self._offsets[number + 1] - self._offsets[number])
        return math.log1p((len(self) - held + 0.5) / (held + 0.5))

    def scores(self, question: str) -> NDArray[np.float64]:
        """BM25 of every passage: (passages,)."""
        total = np.zeros(len(self))
        for word, times in Counter(words(question, self.stem)).items():
            number = self._terms.get(word)
            if number is None:
                continue
            first, stop = int(self._offsets[number]), int(self._offsets[number + 1])
            places = self._places[first:stop]
            often = self._counts[first:stop].astype(np.float64)
            # A passage stands once among those of a word, so that nothing is added twice.
            total[places] += times * self.weight(word) * often / (often + self._room[places])
        return total

    def search(self, question: str, top: int) -> list[Found]:
        """The passages that fit a question best, the best first; among equals the one that comes first in the index.

        A passage that holds no word of the question is never found.
        """
        total = self.scores(question)
        fitting = np.flatnonzero(total > 0)
        if len(fitting) > top:
            least = np.partition(total[fitting], len(fitting) - top)[len(fitting) - top]
            fitting = fitting[total[fitting] >= least]
        ranked = fitting[np.lexsort((fitting, -total[fitting]))][:top]
        asked = {word: self.weight(word) for word in words(question, self.stem)}
        return [self._found(int(place), float(total[place]), asked) for place in ranked]

    def passage(self, place: int) -> Mapping[str, Any]:
        """A line of passages.jsonl."""
        record: Mapping[str, Any] = json.loads(self._text[self._lines[place] : self._lines[place + 1]])
        return record

    def _found(self, place: int, score: float, asked: Mapping[str, float]) -> Found:
        record = self.passage(place)
        there = set(words(record["text"], self.stem))
        share = sum(weight for word, weight in asked.items() if word in there) / sum(asked.values())
        told = {key: record[key] for key in ("document", "start", "stop", "tokens", "text")}
        return Found(place=place, score=score, share=share, **told)

    def _line_starts(self) -> NDArray[np.int64]:
        """Where each line of passages.jsonl begins, and where the last ends."""
        ends = np.flatnonzero(np.frombuffer(self._text, dtype=np.uint8) == ord("\n")) + 1
        return np.concatenate([[0], ends])


def recall(index: Index, questions: Sequence[tuple[str, str]], tops: Sequence[int]) -> dict[int, float]:
    """For each k, the share of questions whose text stands in one of the k best passages.

    Args:
        questions: (question, text that its passage holds).
    """
    most = max(tops)
    ranks = []
    for question, wanted in questions:
        found = index.search(question, most)
        ranks.append(next((rank for rank, one in enumerate(found) if wanted in one.text), most))
    return {top: sum(rank < top for rank in ranks) / len(ranks) for top in tops}
