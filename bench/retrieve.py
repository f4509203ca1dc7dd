"""How passages are found: recall of planted questions, time of a question, and what the index costs.

    python -m bench.retrieve [--passages 100000]

The text is made up from a vocabulary of 50,000 words whose frequencies fall as Zipf's law says, so that the lists of
passages are as long as those of real text; its words mean nothing. In some passages a fact is planted ("the key of NAME
is WORD") and asked for in other words around the same name; a name stands in three further passages, which are about
something else. Everything is drawn from a seed. Prints a table of JSON lines.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from helder.retrieve import index as indexing
from helder.retrieve.index import Index, recall
from helder.retrieve.words import words
from helder.tokens import bpe

VOCABULARY, SENTENCE, SENTENCES = 50_000, 12, 5
ASKED = 500
LETTERS = np.array(list("bcdfghklmnprstvwz")), np.array(list("aeiou"))


def vocabulary(generator: np.random.Generator) -> list[str]:
    """Words of two to four syllables, none twice."""
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        syllables = int(generator.integers(2, 5))
        pairs = zip(*(generator.choice(letters, syllables) for letters in LETTERS), strict=True)
        found["".join(map("".join, pairs))] = None
    return list(found)


def write(folder: Path, passages: int, generator: np.random.Generator) -> list[tuple[str, str]]:
    """Documents of 100 passages each, with planted facts; (question, what its passage says)."""
    names = vocabulary(generator)
    weights = 1 / np.arange(1, VOCABULARY + 1)
    drawn = generator.choice(VOCABULARY, size=(passages, SENTENCES, SENTENCE), p=weights / weights.sum())
    chosen = generator.permutation(passages)[: 4 * ASKED].reshape(ASKED, 4)
    people = generator.permutation(np.arange(VOCABULARY // 2, VOCABULARY))[:ASKED]
    secrets = generator.permutation(np.arange(VOCABULARY // 4, VOCABULARY // 2))[:ASKED]
    planted: dict[int, str] = {}
    questions = []
    for places, person, secret in zip(chosen, people, secrets, strict=True):
        fact = f"The key of {names[person]} is {names[secret]}."
        planted[int(places[0])] = fact
        for place in places[1:]:
            planted[int(place)] = f"People like {names[person]} very much."
        questions.append((f"Which key has {names[person]}?", fact))
    for first in range(0, passages, 100):
        paragraphs = []
        for place in range(first, min(first + 100, passages)):
            said = [" ".join(names[word] for word in sentence).capitalize() + "." for sentence in drawn[place]]
            paragraphs.append(" ".join([planted[place], *said[1:]] if place in planted else said))
        (folder / f"{first:08}.txt").write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
    return questions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        documents, model, made = place / "documents", place / "model", place / "index"
        for folder in (documents, model, made):
            folder.mkdir()
        questions = write(documents, asked.passages, np.random.default_rng(asked.seed))
        sample = place / "sample.txt"
        sample.write_bytes((documents / "00000000.txt").read_bytes())
        settings = {"vocabulary": 8192, "chat_format": "chatml", "cut": "smollm"}
        bpe.run(settings, {"text": sample}, model, place, lambda *a, **k: None)
        begun = time.process_time()
        settings = {"passage": 224, "overlap": 0, "stem": "none"}
        told = indexing.run(settings, {"base": model, "text": documents}, made, place, lambda *a, **k: None)
        seconds = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = sum(path.stat().st_size for path in made.iterdir())
        tell("index", **told, cpu_seconds=round(seconds, 1), mb_per_cpu_second=round(told["bytes"] / seconds / 1e6, 2))
        tell("cost", peak_mb=round(peak), disk_mb=round(size / 1e6, 1), disk_share=round(size / told["bytes"], 2))
        begun = time.process_time()
        index = Index(made)
        tell("open", cpu_seconds=round(time.process_time() - begun, 2))
        times = []
        for question, _ in questions:
            begun = time.process_time()
            index.search(question, 10)
            times.append(1000 * (time.process_time() - begun))
        tell("search", questions=len(times), **spread(times))
        long = [" ".join(words(index.passage(place)["text"])[:20]) for place in range(0, len(index), len(index) // 200)]
        times = []
        for question in long:
            begun = time.process_time()
            index.search(question, 10)
            times.append(1000 * (time.process_time() - begun))
        tell("search of 20 words", questions=len(times), **spread(times))
        found = recall(index, questions, [1, 3, 10])
        tell("recall", **{f"at_{top}": round(share, 3) for top, share in found.items()})


def spread(times: list[float]) -> dict[str, float]:
    ranked = sorted(times)
    return {
        "median_cpu_ms": round(statistics.median(ranked), 2),
        "p99_cpu_ms": round(ranked[int(0.99 * len(ranked))], 2),
    }


def tell(what: str, **numbers: object) -> None:
    print(json.dumps({"what": what, **numbers}), flush=True)


if __name__ == "__main__":
    main()
