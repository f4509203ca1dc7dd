"""How long `helder verify` takes for levels 1 and 2 of a release of 2 GB, beside `openssl dgst -sha256` over its files.

    python -m bench.verify [--gigabytes 2] [--rounds 5]

A small run is certified and its weights are exchanged for as many random bytes as asked for, signed again. The files
are read once before, so that both find them in memory; the two take turns. Medians of wall-clock seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from helder.certify import bundle
from helder.certify.verdict import Result
from helder.certify.verify import verify
from helder.ledger import keys
from helder.project import Project
from tests.certify.forge import Forger
from tests.certify.small_run import make

CHUNK = 64 << 20


def enlarge(path: Path, size: int) -> None:
    """Random bytes in place of a file."""
    with path.open("wb") as file:
        for start in range(0, size, CHUNK):
            file.write(os.urandom(min(CHUNK, size - start)))


def seconds(run: Callable[[], object]) -> float:
    started = time.monotonic()
    run()
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        os.environ["HELDER_HOME"] = str(place / "home")
        project: Project = make(place / "project")
        forger = Forger(bundle.certify(project, place / "small"), place / "large", keys.signing_key())
        enlarge(forger.artifact("train", "model.safetensors"), int(options.gigabytes * 1e9))
        large = forger.close(rendered=False, page=False)
        files = [str(path) for path in sorted(large.rglob("*")) if path.is_file()]
        size = sum(Path(path).stat().st_size for path in files)
        trusted = [keys.signing_key().public]

        def ours() -> None:
            verdict = verify(large, trusted=trusted)
            assert verdict.result is Result.PASSED, verdict.problems()

        def whole_process() -> None:
            command = [sys.executable, "-m", "helder.cli", "verify", str(large), "--json"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def openssl() -> None:
            subprocess.run(["openssl", "dgst", "-sha256", *files], check=True, stdout=subprocess.DEVNULL)

        runs = {
            "openssl dgst -sha256": openssl,
            "verify, levels 1 and 2": ours,
            "the command, start-up too": whole_process,
        }
        for run in runs.values():
            run()
        took: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.rounds):
            for name, run in runs.items():
                took[name].append(seconds(run))
        peer = statistics.median(took["openssl dgst -sha256"])
        print(f"{len(files)} files, {size / 1e9:.2f} GB, {options.rounds} rounds")
        for name, values in took.items():
            middle = statistics.median(values)
            print(f"{name:<28} {middle:6.2f} s  {middle / peer:5.2f}x  (from {min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
