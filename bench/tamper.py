"""How many ways to tamper with a bundle are found, at the level that promises it, by a message that names the place.

    python -m bench.tamper

The ways are those of `tests/certify/mutations.py`, by somebody without the key (every file, a byte and one more way
each; envelopes; files too many), and of `forgeries.py` beside it, by an insider with the key who makes everything
consistent again (statements, training logs, data, weights, states, documents, page, scores, answers).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from helder.certify import bundle
from helder.certify.verdict import Result, Verdict
from helder.certify.verify import verify
from helder.commands.talk import table
from helder.ledger import keys
from tests.certify import documents_run, forgeries, mutations
from tests.certify.small_run import make, one_thread
from tests.certify.test_tamper import found, linked, nonce_for, told
from tests.examples.test_recipes import run_here


def main() -> None:
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch, one_thread():
        place = Path(temporary)
        os.environ |= {"HELDER_HOME": str(place / "home"), "OMP_NUM_THREADS": "1"}
        run_here(patch)
        small, key = bundle.certify(make(place / "project"), place / "small"), keys.signing_key()
        taken_in = bundle.certify(documents_run.make(place / "house"), place / "taken-in", audience="regulator")

        def from_outside() -> list[tuple[str, Verdict, int, str, Result]]:
            ended = []
            for number, mutation in enumerate(mutations.outside(small)):
                copy = linked(small, place / f"outside-{number}")
                mutation.apply(copy)
                ended.append(
                    (mutation.name, verify(copy, level=1, trusted=[key.public]), 1, mutation.place, mutation.result)
                )
                shutil.rmtree(copy)
            return ended

        def from_inside(
            which: Callable[[Path], Iterable[forgeries.Forgery]], level: int, small: Path = small
        ) -> list[tuple[str, Verdict, int, str, Result]]:
            ended = []
            for number, forgery in enumerate(which(small)):
                forged = forgery.apply(small, place / f"inside-{small.name}-{level}-{number}", key)
                if isinstance(forgery, forgeries.Slip):
                    nonce = nonce_for(forged, forgery.stage, forgery.first)
                    verdict = verify(forged, replay=1, nonce=nonce, trusted=[key.public])
                elif level == 5:
                    verdict = verify(forged, scores=1000, trusted=[key.public])
                else:
                    verdict = verify(forged, level=level, trusted=[key.public])
                ended.append((forgery.name, verdict, level, forgery.place, Result.FAILED))
                shutil.rmtree(forged)
            return ended

        groups = {
            "1 integrity, without the key": from_outside(),
            "2 lineage, with the key": from_inside(forgeries.lineage, 2),
            "3 rebuild, with the key": from_inside(forgeries.rebuild, 3),
            "3 rebuild of documents, with the key": from_inside(forgeries.documents, 3, taken_in),
            "4 replay, with the key": from_inside(forgeries.replay, 4),
            "5 scores, with the key": from_inside(forgeries.scores, 5),
        }
        missed: list[str] = []
        for name, ended in groups.items():
            left = [
                f"{what}: {told(verdict)}"
                for what, verdict, level, where, result in ended
                if not found(verdict, level, where, result)
            ]
            missed += left
            rows.append([name, str(len(ended)), str(len(ended) - len(left))])
        rows.append(["all", *(str(sum(int(row[column]) for row in rows)) for column in (1, 2))])
    print(table(rows, ["level and who", "ways", "found"], right=(1, 2)))
    for line in missed:
        print(line)


if __name__ == "__main__":
    main()
