"""Which documents may be nearly the same: MinHash and locality-sensitive hashing, as one plan of Daft.

The plan is a dataframe: rows of text → signatures. Daft runs it on this machine, or the same plan on a Ray cluster (the
extra `scale`). The rows that share a band of their signatures are a group; what comes of it is a set, so neither the
number of workers nor their order shows. A group is a reason to compare, never a finding: `helder.data.clean.pick`
measures how alike two texts really are.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from helder.data.clean.forms import GRAM
from helder.errors import HelderError

SEED = 1  # of the permutations; other seeds miss other pairs
HASH: Literal["xxhash3_64"] = "xxhash3_64"
PART_BYTES = 32_000_000  # text of one file that the plan reads (assumption: a few per worker at 100 MB, 24 in 768 MB)
ROWS_IN_MEMORY = 1000  # rows of a row group, so that reading a file does not hold all of it
RUNNERS = ("native", "ray")
_FACTOR = np.uint64(0xFF51AFD7ED558CCD)  # odd, of MurmurHash3
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
        # One file after the other: reading is quick, and what was read and waits took 200 MB more (measured).
        library.context.set_execution_config(scantask_max_parallel=1)
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
    """The dataframe with the columns `row` and `signature`: as many numbers of 32 bits as `bands` says."""
    daft = _daft()
    from daft import functions

    count, size = bands(threshold)
    signature = functions.minhash(
        daft.col("text"), num_hashes=count * size, ngram_size=GRAM, seed=SEED, hash_function=HASH
    )
    return daft.read_parquet([str(path) for path in parts]).select(daft.col("row"), signature.alias("signature"))


def groups(parts: list[Path], threshold: float) -> list[tuple[int, ...]]:
    """Every set of rows that share a band, each once, sorted.

    The bands lie in files beside the parts, and one is in memory at a time: 24 bytes for each row.
    """
    if not parts:
        return []
    count, size = bands(threshold)
    rows = parts[0].with_name("rows.bin")
    keys = [parts[0].with_name(f"band-{band:03}.bin") for band in range(count)]
    with contextlib.ExitStack() as open_:
        numbers, *written = [open_.enter_context(path.open("wb")) for path in (rows, *keys)]
        for batch in plan(parts, threshold).to_arrow_iter():
            signatures = batch.column("signature").flatten().to_numpy().reshape(len(batch), count, size)
            numbers.write(batch.column("row").to_numpy().astype(np.int64).tobytes())
            for file, band in zip(written, _keys(signatures).T, strict=True):
                file.write(band.tobytes())
    order = np.fromfile(rows, dtype=np.int64)
    found = {group for path in keys for group in _same(order, np.fromfile(path, dtype=np.uint64))}
    for path in (rows, *keys):
        path.unlink()
    return sorted(found)


def _keys(signatures: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """One number for each band: (rows, bands), of (rows, bands, rows of a band).

    Two different bands that get the same number, by a chance of 2^-64, are compared in vain and nothing else.
    """
    keys = np.zeros(signatures.shape[:2], dtype=np.uint64)
    for place in range(signatures.shape[2]):
        keys ^= signatures[:, :, place]
        keys *= _FACTOR
        keys ^= keys >> np.uint64(32)
    return keys


def _same(rows: NDArray[np.int64], keys: NDArray[np.uint64]) -> Iterator[tuple[int, ...]]:
    """The rows that have the same key, where there are several, each set sorted."""
    order = np.argsort(keys)
    keys = keys[order]
    same = np.concatenate([[False], keys[1:] == keys[:-1], [False]])
    begins, ends = np.flatnonzero(~same[:-1] & same[1:]), np.flatnonzero(same[:-1] & ~same[1:]) + 1
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        yield tuple(sorted(rows[order[begin:end]].tolist()))


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
