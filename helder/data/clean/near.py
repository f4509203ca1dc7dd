"""Which documents may be nearly the same: MinHash and locality-sensitive hashing, as one plan of Daft.

The plan is a dataframe: rows of text → signature → bands → groups of rows that share a band. Daft runs it on this
machine, or the same plan on a Ray cluster (the extra `scale`); what it gives is a set, so neither the number of workers
nor their order shows. A group is a reason to compare, never a finding: `helder.data.clean.pick` measures how alike two
texts really are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from helder.data.clean.forms import GRAM
from helder.errors import HelderError

SEED = 1  # of the permutations; other seeds miss other pairs
HASH: Literal["xxhash3_64"] = "xxhash3_64"
PART_BYTES = 32_000_000  # text of one file that the plan reads (assumption: a few per worker at 100 MB, 24 in 768 MB)
ROWS_IN_MEMORY = 1000  # rows of a row group, so that reading a file does not hold all of it
RUNNERS = ("native", "ray")
_runner: str | None = None


def bands(threshold: float) -> tuple[int, int]:
    """(bands, rows of a band) for pairs at least as alike as `threshold`.

    A pair of similarity s shares a band with probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and Ullman,
    "Mining of massive datasets", 3.4). Rows are the most, up to 8, with which a pair at the threshold is found with
    96 % and at most 128 hashes: at 0.8, 16 bands of 7 find 97.5 %, and 99.997 % at 0.9.
    """
    for rows in (8, 7, 6, 5, 4, 3, 2, 1):
        for count in (12, 16, 20, 24, 32):
            if 1 - (1 - threshold**rows) ** count >= 0.96 and rows * count <= 128:
                return count, rows
    return 128, 1


def start(runner: str, address: str | None = None) -> None:
    """Choose where plans run; once in a process.

    Args:
        runner: "native", this machine, or "ray".
        address: of a Ray cluster; None for the one that this process belongs to, or a new one on this machine.

    Raises:
        HelderError: Daft (or Ray) is not installed, or a plan of this process runs elsewhere already.
    """
    global _runner
    if runner not in RUNNERS:
        raise HelderError(
            f"There is no runner {runner!r}.", f"Known: {', '.join(RUNNERS)}.", 'Write runner = "native".'
        )
    library = _daft()
    if _runner == runner:
        return
    if _runner is not None:
        raise HelderError(
            f"This process already runs its plans on {_runner}.", "Daft chooses once.", "Start another one."
        )
    if runner == "ray":
        try:
            library.set_runner_ray(address, noop_if_initialized=True)
        except ImportError as error:
            raise HelderError("Ray is not installed.", str(error), "pip install 'helder[scale]'") from error
    else:
        library.set_runner_native()
    _runner = runner


def _daft() -> Any:
    # It would tell its makers about every plan, and draw bars into the log.
    os.environ |= {"DAFT_ANALYTICS_ENABLED": "0", "DO_NOT_TRACK": "true", "DAFT_PROGRESS_BAR": "0"}
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import daft
    except ModuleNotFoundError as error:
        raise HelderError(
            "Finding near-duplicates needs daft, which is not installed.",
            "The light install asks, serves and compares; it does not prepare documents.",
            "pip install 'helder[documents]', or write near_duplicates = 1.0 for exact copies only.",
        ) from error
    return daft


def write_parts(rows: Iterable[tuple[int, bytes]], folder: Path) -> list[Path]:
    """Near forms with their row numbers as Parquet files for the plan; one part is in memory at a time."""
    import pyarrow
    import pyarrow.parquet

    paths: list[Path] = []

    def flush(numbers: list[int], texts: list[bytes]) -> None:
        path = folder / f"part-{len(paths):05}.parquet"
        # From buffers: where pandas is installed, pyarrow imports it to convert a list, which takes 0.25 s.
        places = pyarrow.py_buffer(np.array(numbers, dtype=np.int64))
        ends = pyarrow.py_buffer(np.cumsum([0, *map(len, texts)], dtype=np.int64))
        columns = [
            pyarrow.Array.from_buffers(pyarrow.int64(), len(numbers), [None, places]),
            pyarrow.LargeStringArray.from_buffers(len(texts), ends, pyarrow.py_buffer(b"".join(texts))),
        ]
        table = pyarrow.Table.from_arrays(columns, names=["row", "text"])
        pyarrow.parquet.write_table(
            table, path, compression="none", use_dictionary=False, write_statistics=False, row_group_size=ROWS_IN_MEMORY
        )
        paths.append(path)

    numbers: list[int] = []
    texts: list[bytes] = []
    size = 0
    for number, text in rows:
        numbers.append(number)
        texts.append(text)
        size += len(text)
        if size >= PART_BYTES:
            flush(numbers, texts)
            numbers, texts, size = [], [], 0
    if numbers:
        flush(numbers, texts)
    return paths


def plan(parts: list[Path], threshold: float) -> Any:
    """The dataframe with a column `rows`: each is the list of rows that share one band of their signatures."""
    daft = _daft()
    from daft import functions

    count, size = bands(threshold)
    numbers = daft.DataType.list(daft.DataType.uint32())
    signature = functions.minhash(
        daft.col("text"), num_hashes=count * size, ngram_size=GRAM, seed=SEED, hash_function=HASH
    )
    signed = daft.read_parquet([str(path) for path in parts]).select(daft.col("row"), signature.alias("signature"))
    cut = functions.chunk(daft.col("signature").cast(numbers), size)
    banded = signed.select(daft.col("row"), cut.alias("key"), daft.lit(list(range(count))).alias("band"))
    keyed = banded.explode("key", "band").select(
        daft.col("row"), daft.col("band"), functions.hash(daft.col("key").cast(numbers)).alias("key")
    )
    grouped = keyed.groupby("band", "key").agg(
        daft.col("row").list_agg().alias("rows"), daft.col("row").count().alias("size")
    )
    return grouped.where(daft.col("size") > 1).select("rows")


def groups(parts: list[Path], threshold: float) -> list[tuple[int, ...]]:
    """Every set of rows that share a band, each once, sorted."""
    if not parts:
        return []
    found = {tuple(sorted(set(rows))) for rows in _rows(plan(parts, threshold))}
    return sorted(group for group in found if len(group) > 1)


def _rows(made: Any) -> Iterator[list[int]]:
    for batch in made.to_arrow_iter():
        yield from batch.to_pydict()["rows"]


def components(sets: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Rows that hang together through shared sets, each component sorted, in the order of its smallest row."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while parent.setdefault(row, row) != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for group in sets:
        first = root(group[0])
        for row in group[1:]:
            other = root(row)
            first, other = min(first, other), max(first, other)
            parent[other] = first
    members: dict[int, list[int]] = {}
    for row in sorted(parent):
        members.setdefault(root(row), []).append(row)
    return [tuple(rows) for _, rows in sorted(members.items())]
