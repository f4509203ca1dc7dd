"""datatrove's side of `bench.data`: exact copies and near-duplicates out, tokens written; run by its own Python.

    PYTHON datatrove_side.py DOCUMENTS.jsonl tokenizer.json FOLDER

Its MinHash gets the same shape as ours (16 bands of 7, five words); exact copies have the same signature, so that its
four MinHash steps take them out, too. Last line on stdout: {"cpu_seconds", "kept", "version"}.
"""

from __future__ import annotations

import json
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any


def main(source: Path, tokenizer: Path, folder: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    shape = MinhashConfig(n_grams=5, num_buckets=16, hashes_per_bucket=7)

    def reader(place: Path) -> Any:
        return JsonlReader(str(place), text_key="text", id_key="id")

    def run(*pipeline: Any, tasks: int = 1) -> None:
        logs = str(place / f"log-{len(list(place.glob('log-*')))}")
        LocalPipelineExecutor(list(pipeline), tasks=tasks, workers=1, skip_completed=False, logging_dir=logs).run()

    place = folder
    run(reader(source.parent), MinhashDedupSignature(str(place / "signatures"), config=shape))
    buckets = MinhashDedupBuckets(str(place / "signatures"), str(place / "buckets"), config=shape)
    run(buckets, tasks=shape.num_buckets)
    run(MinhashDedupCluster(str(place / "buckets"), str(place / "remove"), config=shape))
    kept = JsonlWriter(str(place / "kept"), compression=None)
    run(reader(source.parent), MinhashDedupFilter(str(place / "remove")), kept)
    run(reader(place / "kept"), DocumentTokenizer(str(place / "tokens"), tokenizer_name_or_path=str(tokenizer)))
    count = sum(sum(1 for _ in path.open("rb")) for path in sorted((place / "kept").glob("*.jsonl")))
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in spent)
    print(json.dumps({"cpu_seconds": seconds, "kept": count, "version": version("datatrove")}))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
