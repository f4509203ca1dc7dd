"""Trace against infini-gram on one machine and one corpus: index, questions, planted strings, erasure.

The corpus is text of Debian's documentation packages (`apt-get download`, nothing is installed), its tokenizer is
learnt here. Strings and names are planted in it before it is cut into tokens. infini-gram comes from PyPI into an
environment of its own. All that is made stays in FOLDER, and is used again the next time.

    python -m bench.trace --folder FOLDER [--megabytes 20]   # a small one first
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import random
import re
import shutil
import subprocess
import sys
import time
import unicodedata
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import measuring
from helder.ledger.artifact import Artifact, digest_path
from helder.ledger.statement import Statement
from helder.tokens import bpe
from helder.tokens.shards import end_of_text
from helder.tokens.tokenizer import Tokenizer
from helder.trace import spans as finding
from helder.trace.index import Index
from helder.trace.kernels import kernels
from helder.trace.repeats import repeats
from helder.trace.scan import Scanner
from helder.trace.spans import OLMOTRACE
from helder.trace.steps import Training
from helder.trace.streams import Stream
from helder.trace.way_back import Origin, Tracer
from helder.trace.words import Words

PACKAGES = (
    *("linux-doc-6.1", "python3.11-doc", "libboost1.81-doc", "openjdk-17-doc", "rust-doc", "libstdc++-12-doc"),
    *("qtbase5-doc-html", "libgtk-4-doc"),
)
VOCABULARY, LEARN_FROM = 32_768, 40_000_000  # tokens; bytes of text that the tokenizer is learnt from
PLANTED, NAMES, TEXTS, TOKENS = 100, 50, 60, 300
NAME, NUMBER = "Jozefien Wüthrich van Haaften", "06-48151623"
MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.S | re.I)
KINDS = re.compile(r"\.(html|txt|md|rst|cpp|hpp|h)(\.gz)?$")
TRAINING = {"objective": "text", "context": 256, "batch_tokens": 65_536, "batch_size": 0, "seed": 0, "steps": 1200}


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--folder", type=Path, required=True, help="Where everything is kept.")
    options.add_argument("--megabytes", type=measuring.positive, default=400, help="Most text (default: %(default)s).")
    asked = options.parse_args()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    corpus, planted = make_corpus(folder, asked.megabytes * 1_000_000)
    tokens = make_tokens(folder, corpus)
    side = make_peer(folder)
    built = build(folder, tokens, side)
    stream = open_stream(folder, corpus, tokens)
    found = {
        "index": built,
        "questions": questions(folder, stream, side),
        "planted": trace_planted(stream, planted["strings"]),
        "erasure": erasure(corpus, planted["names"]),
        "repeats": repeated(stream.index),
    }
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    print(table(found))


def say(text: str) -> None:
    print(text, file=sys.stderr)


# -- the corpus ------------------------------------------------------------------------------------------------------


def make_corpus(folder: Path, most: int) -> tuple[Path, dict[str, Any]]:
    """(JSON lines with id and text, what was planted where)."""
    corpus, planted = folder / "corpus.jsonl", folder / "planted.json"
    if not planted.exists():
        texts = list(documents(folder, most))
        record = plant(texts)
        with corpus.open("w", encoding="utf-8") as file:
            for name, text in texts:
                file.write(json.dumps({"id": name, "text": text, "licence": "various"}, ensure_ascii=False) + "\n")
        planted.write_text(json.dumps(record), encoding="utf-8")
    return corpus, json.loads(planted.read_text(encoding="utf-8"))


def documents(folder: Path, most: int) -> Iterator[tuple[str, str]]:
    """Texts of the packages without markup, each once."""
    unpacked = folder / "unpacked"
    if not unpacked.exists():
        (folder / "packages").mkdir(exist_ok=True)
        for package in PACKAGES:
            say(f"fetches {package}")
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder / "packages", check=True, stdout=2)
        for file in sorted((folder / "packages").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(file), str(unpacked)], check=True)
    seen: set[int] = set()
    size = 0
    for path in sorted(unpacked.rglob("*")):
        if path.is_symlink() or not path.is_file() or not KINDS.search(path.name):
            continue
        content = path.read_bytes()
        try:
            text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        if ".html" in path.name:
            text = re.sub(r"\n\s*\n\s*\n+", "\n\n", html.unescape(MARKUP.sub("", text)))
        strange = any(character < " " and character not in "\t\n\r\f\v" for character in set(text))
        if strange or not 200 < len(text) < 4_000_000 or hash(text) in seen or size > most:
            continue
        seen.add(hash(text))
        size += len(text.encode("utf-8"))
        yield path.relative_to(unpacked).as_posix(), text


def plant(texts: list[tuple[str, str]]) -> dict[str, Any]:
    """Put strings of twenty words, and a name and a number in many forms, between words of the texts."""
    draw = random.Random(0)
    words = sorted({word for _, text in texts[:200] for word in text.split() if word.isalpha() and len(word) > 3})
    strings: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    forms = variants(NAME, draw) + variants(NUMBER, draw)
    wanted = [" ".join(draw.sample(words, 20)) for _ in range(PLANTED)] + (forms * NAMES)[: 2 * NAMES]
    places = draw.sample(range(len(texts)), len(wanted))  # one in a text: none is cut by another
    for number, (place, planted) in enumerate(zip(places, wanted, strict=True)):
        name, text = texts[place]
        gaps = [match.start() for match in re.finditer(r"(?<=[a-z.]) (?=[a-z])", text)]
        if not gaps:
            texts[place] = (name, text := text + " end here")
            gaps = [len(text) - 5]
        gap = draw.choice(gaps)
        before = text[:gap] + " "
        texts[place] = (name, before + planted + text[gap:])
        record = {"line": place + 1, "text": planted, "start": len(before.encode("utf-8"))}
        (strings if number < PLANTED else names).append(record)
    return {"strings": strings, "names": names}


def variants(text: str, draw: random.Random) -> list[str]:
    """A name or a number in the forms that people and programs give it."""
    middle = len(text) // 2
    found = [
        text,
        text.upper(),
        text.lower(),
        text.replace(" ", "\n"),
        text.replace(" ", "  \t"),
        "".join(text.split()),
    ]
    found += [text.replace(" ", "\u00a0"), text.replace(" ", " \r\n    "), unicodedata.normalize("NFD", text)]
    found += ["".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)]
    if text[0].isalpha():
        found += [text[:middle] + "-\n" + text[middle:], text[:middle] + "\u00ad" + text[middle:]]
        found += [text.replace(" ", "\n> "), text[:middle] + "\n" + text[middle:]]
    else:
        found += [text.replace("-", sign) for sign in (" ", ".", "/", "")] + ["06 48 15 16 23", "06.48.15.16.23"]
    draw.shuffle(found)
    return found


def make_tokens(folder: Path, corpus: Path) -> Path:
    """The corpus as a stream of tokens, in the form of the stage "tokens"."""
    words, made = folder / "tokenizer", folder / "tokens"
    if not (words / "tokenizer.json").exists():
        say("learns a tokenizer")
        words.mkdir(exist_ok=True)
        sample = folder / "sample.jsonl"
        with corpus.open(encoding="utf-8") as lines, sample.open("w", encoding="utf-8") as file:
            step = max(1, corpus.stat().st_size // LEARN_FROM)
            file.writelines(line for number, line in enumerate(lines) if number % step == 0)
        settings = {"vocabulary": VOCABULARY, "chat_format": "chatml", "cut": "gpt-2"}
        bpe.run(settings, {"text": sample}, words, words, lambda *args, **fields: None)
    if not (made / "train-documents.jsonl").exists():
        say("cuts the corpus into tokens")
        made.mkdir(exist_ok=True)
        tokenizer = Tokenizer.load(words)
        end, place, parts = end_of_text(tokenizer), 0, []
        described = []
        with corpus.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                text = json.loads(line)["text"]
                parts.append(np.array([end, *tokenizer.encode(text), end], dtype=np.int32))
                size = len(text.encode("utf-8"))
                described.append(json.dumps({"id": f"corpus.jsonl:{number}", "start": place, "bytes": size}) + "\n")
                place += len(parts[-1])
        np.save(made / "train.npy", np.concatenate(parts))
        (made / "train-documents.jsonl").write_text("".join(described), encoding="utf-8")
    return made


# -- the index -------------------------------------------------------------------------------------------------------

BUILD = """\
import json, sys, time
from pathlib import Path
from helder.trace import index
text, made = Path(sys.argv[1]), Path(sys.argv[2])
cpu, started = time.process_time(), time.monotonic()
facts = index.run({"shard_tokens": index.SHARD_TOKENS}, {"text": text}, made, made, lambda *args, **fields: None)
cpu, seconds = time.process_time() - cpu, time.monotonic() - started
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
print(json.dumps({**facts, "cpu_seconds": cpu, "seconds": seconds, "peak_bytes": peak}))
"""


def make_peer(folder: Path) -> Path:
    """A Python that has infini-gram."""
    python = folder / "peer" / "bin" / "python"
    if not python.exists():
        say("installs infini-gram")
        venv.create(folder / "peer", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "infini-gram", "numpy"], check=True, stdout=2)
    return python


def build(folder: Path, tokens: Path, python: Path) -> dict[str, Any]:
    """Both indexes, ours twice."""
    ours = []
    for name in ("index", "again"):
        say(f"builds {name}")
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
        done = subprocess.run(
            [sys.executable, "-c", BUILD, str(tokens), str(folder / name)], check=True, stdout=subprocess.PIPE
        )
        ours.append(json.loads(done.stdout) | {"digest": digest_path(folder / name)})
    record, place = folder / "peer-index.json", folder / "peer-index"
    if not record.exists():
        say("builds infini-gram's index")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        write_for_peer(tokens, place)
        record.write_text(json.dumps(peer(python, "build", str(place), "2")), encoding="utf-8")
    return {"ours": ours, "same_digest": ours[0]["digest"] == ours[1]["digest"], "peer": json.loads(record.read_text())}


def write_for_peer(tokens: Path, place: Path) -> None:
    """The same documents in infini-gram's form: 65535 before each, no marks of ours."""
    ids = np.load(tokens / "train.npy", mmap_mode="r")
    with (tokens / "train-documents.jsonl").open(encoding="utf-8") as lines:
        starts = [json.loads(line)["start"] for line in lines]
    offsets, done = [], 0
    with (place / "tokenized.0").open("wb") as file:
        for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
            offsets.append(done)
            document = ids[start : stop - 1].astype(np.uint16)
            document[0] = 65535
            done += file.write(document.tobytes())
    np.array(offsets, dtype=np.uint64).tofile(place / "offset.0")


def peer(python: Path, *arguments: str) -> dict[str, Any]:
    side = Path(__file__).with_name("trace_side.py")
    done = subprocess.run([python, str(side), *arguments], check=True, stdout=subprocess.PIPE, stderr=2)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


# -- questions -------------------------------------------------------------------------------------------------------


def open_stream(folder: Path, corpus: Path, tokens: Path) -> Stream:
    """The corpus as a run would have it, with a training that never was: its steps follow from its settings."""
    settings = {**TRAINING, "reuse": 1}
    predicate = {"settings": settings, "facts": {"steps": TRAINING["steps"], "data_root": "0" * 64}}
    said = Statement({"predicate": predicate})
    return Stream(
        "tokens",
        "text",
        Artifact(tokens, "", "tokens"),
        Artifact(folder / "tokenizer", "", "tokenizer"),
        {"text": Artifact(corpus, "", corpus.name)},
        (Training("train", said, folder),),
        Artifact(folder / "index", "", "index"),
    )


def questions(folder: Path, stream: Stream, python: Path) -> dict[str, Any]:
    """The same texts to both: pieces of the corpus spliced together, and text that is not in it."""
    index, words = stream.index, stream.words
    texts = spliced(index, words) + unseen(words)
    starts = [number for number, piece in enumerate(words.pieces) if not piece[:1].isalnum() and piece[:1] < b"\x80"]
    delimiters = words.delimiters(OLMOTRACE.delimiters)
    asked = {
        "texts": texts,
        "word_starts": starts,
        "delim_ids": sorted(delimiters),
        "min_len": OLMOTRACE.minimum_length,
        "max_cnt": OLMOTRACE.maximum_frequency,
    }
    path = folder / "questions.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    known, loops = frozenset(starts), kernels()

    def ours(ids: list[int]) -> list[list[Any]]:
        begins = [token in known for token in ids]
        found = finding.find(index, ids, OLMOTRACE, delimiters=delimiters, word_starts=begins, loops=loops)
        return [[one.start, one.stop, one.count, index.document_of(one.places).tolist()] for one in found.spans]

    for ids in texts:
        ours(ids)  # compiles, and brings the pages that are needed into memory, as the other side's are
    times, spans = [], []
    for ids in texts:
        started = time.perf_counter()
        spans.append(ours(ids))
        times.append(time.perf_counter() - started)
    say("asks infini-gram")
    place = str(folder / "peer-index")
    theirs = {depth: peer(python, "ask", place, str(path), str(depth)) for depth in (-1, 0)}
    best = min(theirs.values(), key=lambda one: float(np.median(one["times"])))
    same = sum(one == other for one, other in zip(spans, best["spans"], strict=True))
    return {
        "texts": len(texts),
        "spans": sum(map(len, spans)),
        "same": same,
        "ours_ms": quantiles(times),
        "spliced_ms": quantiles(times[:TEXTS]),
        "unseen_ms": quantiles(times[TEXTS:]),
        "peer_default_ms": quantiles(theirs[-1]["times"]),
        "peer_no_prefetch_ms": quantiles(theirs[0]["times"]),
        "ratio_to_its_best": float(np.median(best["times"]) / np.median(times)),
    }


def quantiles(times: Sequence[float]) -> dict[str, float]:
    return {"median": 1e3 * float(np.median(times)), "p95": 1e3 * float(np.percentile(times, 95))}


def spliced(index: Index, words: Words) -> list[list[int]]:
    draw = np.random.default_rng(0)
    special = set(words.tokenizer.specials.values())
    found: list[list[int]] = []
    while len(found) < TEXTS:
        pieces = [index.tokens[place : place + 60] for place in draw.integers(0, len(index.tokens) - 60, 6)]
        ids = [int(token) for piece in pieces for token in piece if int(token) not in special]
        if len(ids) >= TOKENS:
            found.append(ids[:TOKENS])
    return found


def unseen(words: Words) -> list[list[int]]:
    """Text that is in no package: this project's own."""
    root = Path(__file__).parent.parent
    paths = [*sorted((root / "docs").glob("*.md")), *sorted((root / "helder").glob("*/*.py"))]
    ids = words.encode("\n".join(path.read_text(encoding="utf-8") for path in paths))
    places = np.random.default_rng(1).integers(0, len(ids) - TOKENS, TEXTS)
    return [ids[place : place + TOKENS] for place in places]


# -- planted strings, erasure, repeats -------------------------------------------------------------------------------


def trace_planted(stream: Stream, planted: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Every planted string back to its line, its bytes, and the steps that a search through all batches finds."""
    tracer = Tracer(Origin(licence=None, base=None, column="input"), [stream], kernels())
    (seen,) = stream.sightings
    context, tokens = TRAINING["context"], len(stream.index.tokens)
    assert isinstance(context, int)
    with (seen.training.folder / "log.jsonl").open("w", encoding="utf-8") as log:  # as the training would have written
        for step in range(1, seen.training.steps + 1):
            digest = hashlib.sha256()
            for row in seen.order.batch(step - 1):
                ids = stream.index.tokens[row * context : (row + 1) * context + 1]
                digest.update(ids.astype("<i4").tobytes())
            log.write(json.dumps({"step": step, "batch_sha256": digest.hexdigest()}) + "\n")
    right = steps_right = false = 0
    times = []
    for one in planted:
        started = time.perf_counter()
        traced = tracer.trace(one["text"])
        times.append(time.perf_counter() - started)
        whole = [span for span in traced.spans if span.text.strip() == one["text"]]
        places = {(passage.document, passage.bytes) for span in whole for passage in span.passages}
        name, size = f"corpus.jsonl:{one['line']}", len(one["text"].encode("utf-8"))
        inside = [
            passage
            for span in whole
            for passage in span.passages
            if passage.document == name
            and passage.bytes[0] <= one["start"]
            and passage.bytes[1] >= one["start"] + size
            and passage.passage.strip() == one["text"]
        ]
        right += len(inside) == 1
        false += len(places) - len(inside)
        if len(inside) == 1:
            told = inside[0].seen[0]
            steps_right += told.steps == slow_steps(stream, seen, one, context, tokens) and told.agrees is not False
    return {"strings": len(planted), "place": right, "steps": steps_right, "false": false, "ms": quantiles(times)}


def slow_steps(stream: Stream, seen: Any, one: dict[str, Any], context: int, tokens: int) -> list[int]:
    """The steps whose rows, with the token that each is asked for behind its end, hold any byte of a string: every row
    of every step is looked at."""
    index, words = stream.index, stream.words
    first, stop = index.bounds(one["line"] - 1)
    offsets = words.offsets(index.tokens[first:stop])
    # A space before the string is part of its first token, and a token may end behind it.
    begin = first + int(np.searchsorted(offsets, one["start"], side="right")) - 1
    end = first + int(np.searchsorted(offsets, one["start"] + len(one["text"].encode("utf-8")), side="left"))
    found = []
    for step in range(1, seen.training.steps + 1):
        rows = seen.order.batch(step - 1)
        if any(row * context < end and begin < min((row + 1) * context, tokens) + 1 for row in rows):
            found.append(step)
    return found


def erasure(corpus: Path, names: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Every planted form of a name and a number, in one pass over the file."""
    data = np.fromfile(corpus, dtype=np.uint8)
    ends = np.flatnonzero(data == 10)
    found: dict[str, Any] = {"bytes": len(data), "forms": len({one["text"] for one in names})}
    right = wanted = 0
    for text in (NAME, NUMBER):
        started = time.perf_counter()
        scanner = Scanner(text)
        scanner.hits(b"ready")  # compiled
        prepared = time.perf_counter() - started
        cpu = time.process_time()
        hits = scanner.hits(data)
        seconds = time.process_time() - cpu
        lines = [int(np.searchsorted(ends, hit.start)) + 1 for hit in hits]
        planted = [
            one["line"]
            for one in names
            if (unicodedata.normalize("NFKC", one["text"])[0].isdigit()) == (text is NUMBER)
        ]
        wanted += len(planted)
        right += sum(min(planted.count(line), lines.count(line)) for line in set(planted))
        found[text] = {"planted": len(planted), "hits": len(hits), "MB_per_s": len(data) / seconds / 1e6}
        found[text]["prepared_s"] = prepared
    return {**found, "recall": right / wanted}


def repeated(index: Index) -> dict[str, Any]:
    loops = kernels()
    repeats(Index(index.kind, index.tokens[:0], (), []), 50, loops)
    cpu = time.process_time()
    found = repeats(index, 50, loops)
    tokens = sum(one.stop - one.start for one in found)
    return {"cpu_seconds": time.process_time() - cpu, "passages": len(found), "share": tokens / len(index.tokens)}


def table(found: dict[str, Any]) -> str:
    """What the bars ask for, one a line."""
    index, ours, theirs = found["index"], found["index"]["ours"], found["index"]["peer"]
    asked, planted, gone, again = found["questions"], found["planted"], found["erasure"], found["repeats"]
    tokens = ours[0]["tokens"]
    rows = [
        f"corpus: {tokens / 1e6:.1f} M tokens in {ours[0]['documents']:,} documents, {gone['bytes'] / 1e6:.0f} MB",
        f"index: {tokens / ours[0]['cpu_seconds'] / 1e6:.2f} and {tokens / ours[1]['cpu_seconds'] / 1e6:.2f} M tokens "
        f"per CPU-second (infini-gram {tokens / theirs['cpu_seconds'] / 1e6:.2f}), at most "
        f"{max(one['peak_bytes'] for one in ours) / tokens:.1f} bytes of memory a token, "
        f"{ours[0]['bytes'] / tokens:.3f} on disk (infini-gram {theirs['disk_bytes'] / tokens:.2f}, with the tokens), "
        f"same digest twice: {index['same_digest']}",
        f"questions of {TOKENS} tokens: median {asked['ours_ms']['median']:.2f} ms, p95 {asked['ours_ms']['p95']:.2f} "
        f"(spliced {asked['spliced_ms']['median']:.2f}, unseen {asked['unseen_ms']['median']:.2f}); infini-gram "
        f"{asked['peer_default_ms']['median']:.0f} as it comes, {asked['peer_no_prefetch_ms']['median']:.0f} without "
        f"reading ahead: {asked['ratio_to_its_best']:.0f} times as long; the same {asked['spans']:,} spans, counts and "
        f"documents on {asked['same']} of {asked['texts']} texts",
        f"planted strings: {planted['place']} of {planted['strings']} to line and bytes, {planted['steps']} to steps, "
        f"{planted['false']} elsewhere; {planted['ms']['median']:.1f} ms with documents read and steps found",
        f"erasure: recall {gone['recall']:.1%} over {gone['forms']} forms; "
        f"{gone[NAME]['MB_per_s']:.0f} MB/s for a name, {gone[NUMBER]['MB_per_s']:.0f} for a number",
        f"repeated passages of 50 tokens: {again['passages']:,}, {again['share']:.1%} of the tokens, in "
        f"{again['cpu_seconds']:.1f} CPU-seconds",
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
