"""The process in which atheris runs one target: instrumented code, a finding kept and the next input tried.

python -m bench.fuzz.child TARGET FINDINGS [options of libFuzzer]
"""

from __future__ import annotations

import hashlib
import logging
import random
import shlex
import sys
import warnings
from pathlib import Path

PATIENCE = 25  # seconds of a clock before an input counts as hanging; 5 of the processor are `harness.SECONDS`
MEGABYTES = 1500  # of the whole process; one input's share is counted in the harness


def main() -> None:
    import atheris  # not among Helder's dependencies

    name, findings, *options = sys.argv[1:]
    # Loaded in here, and all that the seeds make it load later, code has its branches counted.
    with atheris.instrument_imports(include=["helder", "gguf", "yaml", "tomllib"]):
        from bench.fuzz import harness
        from bench.fuzz.targets import target_of

        target = target_of(name)
        for data in target.seeds():
            harness.judge(target, data)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")

    def one(data: bytes) -> None:
        found = harness.judge(target, data)
        if found is not None:
            key = hashlib.sha256(f"{found.kind} {found.place}".encode()).hexdigest()[:12]
            path = Path(findings) / f"{found.kind}-{key}"
            if not path.exists() or path.stat().st_size > len(data):
                path.write_bytes(data)
                path.with_suffix(".txt").write_text(
                    f"{found.place}\n\n{found.told}", encoding="utf-8", errors="replace"
                )

    def mutate(data: bytes, largest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if target.mutate is not None and chance.random() < 0.5:
            return harness.change(target, data, chance)[:largest]
        return bytes(atheris.Mutate(data, largest))

    limits = [
        f"-timeout={PATIENCE}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={target.largest}",
        "-print_final_stats=1",
    ]
    words = Path(findings).with_name("words.txt")
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words), encoding="ascii")
    # To make a corpus smaller libFuzzer starts itself again by this name, through a shell.
    itself = shlex.join([sys.executable, "-m", "bench.fuzz.child", name, findings])
    atheris.Setup([itself, *limits, f"-dict={words}", *options], one, custom_mutator=mutate)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
