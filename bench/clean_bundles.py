"""How often `helder verify` raises a false alarm: as many clean bundles as asked for, no two alike, all verified.

    python -m bench.clean_bundles [--bundles 1000] [--deep 20]

A small run is certified. Each bundle says something else: purpose, version, stated time, facts and timings of its
statements, file names, records of its data, one signer or two; everything that follows is made consistent and signed.
Levels 1 and 2 of each are verified, and level 3 of as many as `--deep` says, whose data, tokens, files and page are
made again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
from pathlib import Path

from helder.certify import bundle
from helder.certify.verdict import Result
from helder.certify.verify import verify
from helder.ledger import keys
from helder.ledger.keys import SigningKey
from tests.certify.forge import Forger
from tests.certify.small_run import make

WORDS = ("maaltijd", "dosis", "ligne", "über", "名前", "قلب", "e\u0301", "<b>", '"', "\\", "&amp;", "😀", "ß", " ")


def vary(forger: Forger, chance: random.Random) -> None:
    """Say something else that is still true of nothing and wrong about nothing."""

    def words(most: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(chance.randrange(1, most))).strip() or "x"

    forger.release["purpose"] = words(30)
    forger.release["version"] = words(3)
    forger.release["made"] = (
        f"20{chance.randrange(26, 99)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}T00:00:00Z"
    )
    forger.release["people"] = {"intended_use": words(40), "contact": words(5)}
    for said in forger.said.values():
        timings = said["predicate"]["timings"]
        timings["seconds"] = chance.random() * 10 ** chance.randrange(-3, 6)
        timings["peak_memory"] = chance.randrange(1 << 50)
        said["predicate"]["facts"][words(2)] = [chance.random(), words(4), None, {"n": chance.randrange(1 << 60)}]
    notes = {words(3): chance.random() for _ in range(chance.randrange(1, 20))}
    forger.edit("train", "evaluation.jsonl", lambda data: data + json.dumps(notes).encode() + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundles", type=int, default=1000)
    parser.add_argument("--deep", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        os.environ["HELDER_HOME"] = str(place / "home")
        small = bundle.certify(make(place / "project"), place / "small")
        own, second = keys.signing_key(), SigningKey.generate()
        alarms = []
        for number in range(options.bundles):
            chance = random.Random(f"{options.seed}/{number}")
            deep = number < options.deep
            forger = Forger(small, place / "clean", own)
            if not deep:
                vary(forger, chance)
            made = forger.close(rendered=deep, page=deep)
            if number % 3 == 0:
                bundle.cosign(made, second)
            verdict = verify(made, level=3 if deep else 2, trusted=[own.public])
            if verdict.result is not Result.PASSED:
                alarms.append((number, verdict.problems()))
            shutil.rmtree(made)
        print(f"{options.bundles} clean bundles, {options.deep} of them to level 3: {len(alarms)} false alarms")
        for number, problems in alarms[:5]:
            print(number, problems)


if __name__ == "__main__":
    main()
