"""From folders of documents to tokens: speed beside datatrove, copies found, personal data found, memory, two workers.

    python -m bench.data --corpus FOLDER --model FOLDER              # FOLDER with documents, folder with a tokenizer
    python -m bench.data --corpus FOLDER --model FOLDER --datatrove PYTHON --slice 8
    python -m bench.data --only copies,personal,contamination,memory

A corpus: `apt-get download python3.11-doc linux-doc-6.1 debian-reference-en libreoffice-help-nl`, each unpacked with
`dpkg-deb -x`, what is compressed in it unpacked. datatrove wants an environment of its own (`pip install datatrove
spacy`); it is given the texts that were extracted, `--slice` MB of them, because all of them take it too long. Speeds
are MB of extracted text for each CPU-second of all processes. Ends with 1 when a bar is missed.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import measuring
from bench.planted import Generator
from helder.commands.talk import table
from helder.data import contamination, personal
from helder.data.clean import stage as clean
from helder.data.recognisers import KINDS
from helder.ledger.artifact import digest_path

ROUNDS = 3  # of both sides beside datatrove; the medians count
PARTS = ("whole", "copies", "personal", "contamination", "memory", "workers")


@dataclass(frozen=True)
class Bar:
    """A figure beside the least, or the most, that it must be."""

    name: str
    found: float
    bar: float
    most: bool = False
    told: str = ""

    @property
    def met(self) -> bool:
        return self.found <= self.bar if self.most else self.found >= self.bar


def quiet(event: str, **fields: Any) -> None:
    """A stage's `report` that says nothing."""


# -- the whole way ---------------------------------------------------------------------------------------

STEP = """\
import json, resource, sys, time
from pathlib import Path
job = json.loads(sys.argv[1])
from helder.stage_child import load, peak_memory
inputs = {name: Path(path) for name, path in job["inputs"].items()}
Path(job["output"]).mkdir(parents=True)
Path(job["scratch"]).mkdir(parents=True, exist_ok=True)
started = time.monotonic()
facts = load(job["function"])(job["settings"], inputs, Path(job["output"]), Path(job["scratch"]), lambda *_, **__: None)
spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "facts": facts, "seconds": time.monotonic() - started, "memory": max(peak_memory(), spent[1].ru_maxrss * 1024),
    "cpu_seconds": sum(one.ru_utime + one.ru_stime for one in spent),
}))
"""


def step(function: str, settings: dict[str, Any], inputs: dict[str, Path], output: Path) -> dict[str, Any]:
    """One stage in a process of its own, start of Python counted: facts, seconds, CPU-seconds, bytes of memory.

    The memory is that of the largest process: the stage's own, or one of its workers.
    """
    job = {
        "function": function,
        "settings": settings,
        "inputs": {name: str(path.resolve()) for name, path in inputs.items()},
        "output": str(output),
        "scratch": str(output.with_name(output.name + "-scratch")),
    }
    done = subprocess.run([sys.executable, "-c", STEP, json.dumps(job)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{function} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def whole(place: Path, corpus: Path, model: Path, datatrove: Path | None, slice_mb: int) -> Iterator[Bar]:
    """Extraction, deduplication with personal data looked for, token shards; then datatrove on a part of the texts."""
    steps = {
        "extract": step("helder.data.extract.stage:run", {}, {"folder": corpus}, place / "extract"),
        "clean": step("helder.data.clean.stage:run", {}, {"extract": place / "extract"}, place / "clean"),
        "tokens": step(
            "helder.tokens.stage:run",
            {"holdout": 0.01, "seed": 0},
            {"base": model, "text": place / "clean"},
            place / "tokens",
        ),
    }
    size = sum(len(line["text"].encode("utf-8")) for line in _lines(place / "extract" / "documents.jsonl")) / 1e6
    spent = sum(one["cpu_seconds"] for one in steps.values())
    parts = ", ".join(f"{name} {one['cpu_seconds']:.1f} s" for name, one in steps.items())
    told = f"{size:.0f} MB, {spent:.1f} CPU s: {parts}; encoder {steps['tokens']['facts']['encoder']['library']}"
    yield Bar("extracted text, MB per CPU-second", size / spent, 8.0, told=told)
    if datatrove is not None:
        yield beside_datatrove(place, model, datatrove, slice_mb)


def beside_datatrove(place: Path, model: Path, datatrove: Path, slice_mb: int, rounds: int = ROUNDS) -> Bar:
    """The same texts through both: copies out, near-duplicates out, tokens; extraction is no part of it."""
    part = place / "slice" / "documents.jsonl"
    part.parent.mkdir()
    size = 0
    with part.open("w", encoding="utf-8") as file:
        for line in _lines(place / "extract" / "documents.jsonl"):
            if line.get("held") or int(line["id"][:4], 16) % 4:
                continue  # a quarter of the documents, from all over the corpus
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            size += len(line["text"].encode("utf-8"))
            if size >= slice_mb * 1e6:
                break
    side = Path(__file__).with_name("datatrove_side.py")
    mine: list[float] = []
    others: list[float] = []
    for number in range(rounds):  # taking turns, so that whatever else the machine does meets both
        ours = [
            step("helder.data.clean.stage:run", {}, {"extract": part}, place / f"slice-clean-{number}"),
            step(
                "helder.tokens.stage:run",
                {"holdout": 0.01, "seed": 0},
                {"base": model, "text": place / f"slice-clean-{number}"},
                place / f"slice-tokens-{number}",
            ),
        ]
        mine.append(sum(one["cpu_seconds"] for one in ours))
        folder = place / f"datatrove-{number}"
        command = [str(datatrove), str(side), str(part), str(model / "tokenizer.json"), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"datatrove failed:\n{done.stderr[-3000:]}")
        theirs = json.loads(done.stdout.splitlines()[-1])
        others.append(theirs["cpu_seconds"])
    told = (
        f"{size / 1e6:.1f} MB, {rounds} rounds: ours {_shown(mine)} CPU s, "
        f"datatrove {theirs['version']} {_shown(others)} CPU s; "
        f"kept {ours[0]['facts']['counts']['kept']} and {theirs['kept']}"
    )
    times = statistics.median(others) / statistics.median(mine)
    return Bar(f"times as fast as datatrove, {size / 1e6:.0f} MB", times, 10.0, told=told)


def _shown(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


# -- planted copies --------------------------------------------------------------------------------------


def sentences(drawn: random.Random, count: int) -> str:
    """Text of made-up words, no two texts alike."""
    syllables = ("ba", "de", "fi", "go", "ku", "la", "me", "nu", "po", "ra", "se", "ti", "vu", "wa", "zo")
    words = [
        "".join(drawn.choice(syllables) for _ in range(drawn.randrange(1, 4))) for _ in range(drawn.randrange(20, 400))
    ]
    return " ".join(drawn.choice(words) for _ in range(count))


def alike(one: str, other: str) -> float:
    """Jaccard of runs of five words, said in another way than where it is measured."""
    mine, theirs = (
        {" ".join(words[n : n + 5]) for n in range(len(words) - 4)} for words in (one.split(), other.split())
    )
    return len(mine & theirs) / len(mine | theirs)


def changed(text: str, drawn: random.Random, runs: int) -> str:
    """A text that is 90 % alike, or a little more: other words in `runs` places, as many as that allows."""
    words, size = text.split(), len(text.split()) // 15 // runs
    while True:
        other = list(words)
        for _ in range(runs):
            place = drawn.randrange(len(words) - size)
            other[place : place + size] = ["x" + "".join(drawn.choices("abcdefghij", k=6)) for _ in range(size)]
        if alike(text, made := " ".join(other)) >= 0.9:
            return made
        size = max(1, size - 1)


def copies(place: Path, count: int = 1000) -> Iterator[Bar]:
    """Exact copies with other white space; copies that are 90 % alike, changed in one place and in three."""
    drawn = random.Random(5)
    originals = [sentences(drawn, drawn.randrange(350, 800)) for _ in range(4 * count)]
    made = [("original", text) for text in originals]
    made += [("exact", text.replace(" ", "\n", 3) + " ") for text in originals[:count]]
    made += [("near", changed(text, drawn, 1)) for text in originals[count : 2 * count]]
    made += [("scattered", changed(text, drawn, 3)) for text in originals[2 * count : 3 * count]]
    source = place / "copies.jsonl"
    with source.open("w", encoding="utf-8") as file:
        for number, (kind, text) in enumerate(made):
            name = hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
            date = "2024-01-01" if kind == "original" else "2020-01-01"
            line = {"id": name, "path": f"{kind}/{number}", "text": text, "date": date}
            file.write(json.dumps(line) + "\n")
    (place / "copies").mkdir()
    clean.run({}, {"extract": source}, place / "copies", place / "copies-scratch", quiet)
    account = json.loads((place / "copies" / "account.json").read_text(encoding="utf-8"))["documents"]
    out = {
        kind: [one for one in account if one["path"].startswith(kind) and one["state"] != "kept"]
        for kind in ("original", "exact", "near", "scattered")
    }
    yield Bar("exact copies removed, %", 100 * len(out["exact"]) / count, 100.0)
    yield Bar("copies of 90 % removed, changed in one place, %", 100 * len(out["near"]) / count, 95.0)
    yield Bar("copies of 90 % removed, changed in three places, %", 100 * len(out["scattered"]) / count, 95.0)
    named = ", ".join(one["path"] for one in out["original"][:5])
    yield Bar("originals removed", len(out["original"]), 0, most=True, told=named)


# -- personal data ---------------------------------------------------------------------------------------


def personal_data(count: int = 2000, megabytes: int = 20) -> Iterator[Bar]:
    """Recall by kind, look-alikes flagged, and the speed over text without findings."""
    generator = Generator(2026)
    for kind in KINDS:
        found = 0
        for _ in range(count):
            planted = generator.plant(kind)
            found += any(
                one.kind == kind and one.start <= planted.start and one.end >= planted.end
                for one in personal.find(planted.text)
            )
        yield Bar(f"{kind} found, %", 100 * found / count, 98.0)
    for kind in ("iban", "card", "bsn", "nhs"):
        flagged = sum(bool(personal.find(generator.plant_false(kind).text)) for _ in range(count))
        yield Bar(f"{kind} with a wrong check digit flagged", flagged, 0, most=True)
    texts = [generator.prose(20_000) for _ in range(megabytes * 50)]
    yield Bar("clean text, MB per CPU-second", _speed(texts, lambda text: personal.find(text)), 50.0)


def _speed(texts: list[str], work: Callable[[str], Any]) -> float:
    started = time.process_time()
    for text in texts:
        work(text)
    return sum(len(text.encode("utf-8")) for text in texts) / 1e6 / (time.process_time() - started)


def contaminated() -> Iterator[Bar]:
    """Speed of looking for 10,000 items, and whether planted ones are all named and no others."""
    drawn = random.Random(9)
    items = [contamination.Question("set", str(n), sentences(drawn, drawn.randrange(13, 80))) for n in range(10_000)]
    texts = [sentences(drawn, 2000) for _ in range(500)]
    planted = {n: items[n * 20] for n in range(500)}
    texts = [f"{text} {planted[n].text} {text[:100]}" for n, text in enumerate(texts)]
    index = contamination.Index.of(items)
    started = time.process_time()
    for n, text in enumerate(texts):
        index.look_in(str(n), text)
    seconds = time.process_time() - started
    words = sum(len(text.split()) for text in texts)
    found = {one.name for one in index.found()}
    expected = {item.name for item in planted.values()}
    yield Bar("contamination, million words per CPU-second", words / 1e6 / seconds, 0.5)
    yield Bar("planted test items named, %", 100 * len(found & expected) / len(expected), 100.0)
    yield Bar("other test items named", len(found - expected), 0, most=True)


# -- memory and workers ----------------------------------------------------------------------------------


def write_large(path: Path, gigabytes: float, words: int) -> int:
    """JSON lines with texts of made-up words, all different; gives back how many.

    Args:
        words: of a text: 720 of them make about 3 kB, 42 of them 200 bytes.
    """
    drawn = random.Random(3)
    blocks = [sentences(drawn, words // 6) for _ in range(1_440_000 // words)]
    size, number = 0, 0
    with path.open("w", encoding="utf-8") as file:
        while size < gigabytes * 1e9 - 100_000:  # the largest file that is read
            text = " ".join(drawn.choice(blocks) for _ in range(6)) + f" {number}"
            size += file.write(json.dumps({"text": text}) + "\n")
            number += 1
    return number


def memory(place: Path, model: Path | None, gigabytes: float) -> Iterator[Bar]:
    """The most memory of each stage over one large JSONL file, of long rows and of short ones, in GB."""
    for rows, words in (("long rows", 720), ("rows of 200 bytes", 42)):
        folder = place / f"large-{words}"
        (folder / "in").mkdir(parents=True)
        count = write_large(folder / "in" / "records.jsonl", gigabytes, words)
        steps: list[tuple[str, str, dict[str, Any], dict[str, Path]]] = [
            ("extract", "helder.data.extract.stage:run", {}, {"folder": folder / "in"}),
            ("clean", "helder.data.clean.stage:run", {}, {"extract": folder / "extract"}),
        ]
        if model is not None:
            inputs = {"base": model, "text": folder / "clean"}
            steps.append(("tokens", "helder.tokens.stage:run", {"holdout": 0.01, "seed": 0}, inputs))
        for name, function, settings, inputs in steps:
            made = step(function, settings, inputs, folder / name)
            told = f"{count:,} rows, {made['cpu_seconds']:.0f} CPU s"
            yield Bar(
                f"memory of {name}, {gigabytes:g} GB of {rows}, GB", made["memory"] / 1e9, 1.5, most=True, told=told
            )
        shutil.rmtree(folder)


CLUSTER = """\
import sys
from pathlib import Path
from ray.cluster_utils import Cluster
from helder.data.clean import stage
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
for _ in range(2):
    cluster.add_node(num_cpus=1)
settings = {"runner": "ray", "ray_address": cluster.address}
output = Path(sys.argv[2])
output.mkdir()
stage.run(settings, {"extract": Path(sys.argv[1])}, output, output.with_name("scratch"), lambda *_, **__: None)
"""


def workers(place: Path) -> Iterator[Bar]:
    """The same documents on this machine and on a Ray cluster of two workers: the same digest."""
    source = place / "copies.jsonl"
    if not source.exists():
        list(copies(place))
    done = subprocess.run([sys.executable, "-c", CLUSTER, str(source), str(place / "ray")], check=False)
    same = not done.returncode and digest_path(place / "copies") == digest_path(place / "ray")
    yield Bar("the same digest on two Ray workers", float(same), 1.0)


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--corpus", type=Path, help="A folder of documents, 100 MB or more.")
    options.add_argument("--model", type=Path, help="A model folder, for its tokenizer.")
    options.add_argument("--datatrove", type=Path, help="The Python of an environment with datatrove.")
    options.add_argument("--slice", type=measuring.positive, default=8, help="MB of text for datatrove (%(default)s).")
    options.add_argument("--gigabytes", type=float, default=2.0, help="Size of the file for memory (%(default)s).")
    options.add_argument("--only", default=",".join(PARTS), help=f"Parts, separated by commas: {', '.join(PARTS)}.")
    options.add_argument("--folder", type=Path, help="Measure in this new folder and keep it; else it is removed.")
    given = options.parse_args()
    asked = given.only.split(",")
    if set(asked) - set(PARTS) or ("whole" in asked and not (given.corpus and given.model)):
        options.error("--only names no such part, or --corpus and --model are missing")
    bars: list[Bar] = []
    with measuring.workplace(given.folder) as place:
        made: dict[str, Callable[[], Iterator[Bar]]] = {
            "whole": lambda: whole(place, given.corpus, given.model, given.datatrove, given.slice),
            "copies": lambda: copies(place),
            "personal": personal_data,
            "contamination": contaminated,
            "memory": lambda: memory(place, given.model, given.gigabytes),
            "workers": lambda: workers(place),
        }
        for part in asked:
            measuring.note(part)
            for bar in made[part]():
                measuring.note(f"  {bar.name}: {bar.found:.4g} ({bar.told})")
                bars.append(bar)
    cells = [
        [
            bar.name,
            f"{bar.found:.4g}",
            f"{'≤' if bar.most else '≥'} {bar.bar:g}",
            "met" if bar.met else "MISSED",
            bar.told,
        ]
        for bar in bars
    ]
    found = {"bars": [{**vars(bar), "met": bar.met} for bar in bars]}
    measuring.tell(found, table(cells, ["what", "found", "bar", "", ""], right=(1, 2)), given.json)
    sys.exit(0 if all(bar.met for bar in bars) else 1)


if __name__ == "__main__":
    main()
