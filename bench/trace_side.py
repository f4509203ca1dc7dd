"""infini-gram's side of `bench.trace`, run by a Python that has it: JSON in, JSON out; nothing of Helder is imported.

python trace_side.py build FOLDER THREADS     FOLDER/tokenized.0 → FOLDER/table.0, with its own Rust program
python trace_side.py ask FOLDER QUESTIONS.json PREFETCH    → times and spans on stdout
"""

from __future__ import annotations

import bisect
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HACK = 100_000  # bytes by which its parts overlap (its indexing.py)


def build(folder: Path, threads: int) -> dict[str, Any]:
    """The three steps of its indexing.py, without its tokenizers, which it fetches from a hub."""
    import infini_gram

    program = str(Path(infini_gram.__file__).parent / "rust_indexing")
    tokens, parts, merged = folder / "tokenized.0", folder / "parts", folder / "merged"
    size = tokens.stat().st_size
    common = ["--data-file", str(tokens), "--ratio", str(math.ceil(math.log2(size) / 8)), "--token-width", "2"]
    for place in (parts, merged):
        place.mkdir()
    step = size // threads // 2 * 2 + 2
    started = time.monotonic()
    jobs = []
    for part in range(threads):
        span = ["--start-byte", str(part * step), "--end-byte", str(min((part + 1) * step + HACK, size))]
        command = [program, "make-part", "--parts-dir", str(parts), *span, *common]
        jobs.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    if any([job.wait() for job in jobs]):
        raise SystemExit("infini-gram's indexing failed")
    where = ["--merged-dir", str(merged), "--num-threads", str(threads)]
    for last in (
        ["merge", "--parts-dir", str(parts), "--hacksize", str(HACK), *where],
        ["concat", "--merged-file", str(folder / "table.0"), *where],
    ):
        subprocess.run([program, *last, *common], stdout=subprocess.DEVNULL, check=True)
    for place in (parts, merged):
        shutil.rmtree(place)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": time.monotonic() - started,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
        "disk_bytes": (folder / "table.0").stat().st_size + size,
    }


def ask(folder: Path, questions: dict[str, Any], prefetch: int) -> dict[str, Any]:
    """Spans of every text with the documents that hold them.

    Args:
        prefetch: depth of its three ways of reading ahead; -1 for its defaults.
    """
    from infini_gram.engine import InfiniGramEngine

    bow = folder / "bow.txt"
    bow.write_text("\n".join(map(str, questions["word_starts"])), encoding="utf-8")
    depths = {f"{name}_prefetch_depth": prefetch for name in ("ds", "sa", "od")} if prefetch >= 0 else {}
    engine = InfiniGramEngine(str(folder), eos_token_id=0, vocab_size=65535, bow_ids_path=str(bow), **depths)
    starts = memoryview((folder / "offset.0").read_bytes()).cast("Q").tolist()
    how = {key: questions[key] for key in ("delim_ids", "min_len", "max_cnt")}
    for ids in questions["texts"]:  # brings the pages that are needed into this process, as on our side
        engine.attribute(input_ids=ids, enforce_bow=True, **how)
    times, spans = [], []
    for ids in questions["texts"]:
        started = time.perf_counter()
        found = engine.attribute(input_ids=ids, enforce_bow=True, **how)["spans"]
        times.append(time.perf_counter() - started)
        spans.append(
            [
                [one["l"], one["r"], one["count"], sorted(bisect.bisect(starts, doc["ptr"]) - 1 for doc in one["docs"])]
                for one in found
            ]
        )
    return {"times": times, "spans": spans}


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    verb, place, *rest = sys.argv[1:]
    made = (
        build(Path(place), int(rest[0]))
        if verb == "build"
        else ask(Path(place), json.loads(Path(rest[0]).read_text()), int(rest[1]))
    )
    print(json.dumps(made))
