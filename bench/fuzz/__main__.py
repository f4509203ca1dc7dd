"""`python -m bench.fuzz TARGET`: coverage-guided fuzzing for a given time, and its findings.

atheris (`pip install atheris`) is not among Helder's dependencies. It ends at inputs that hang or exhaust memory: it is
started again, on what it found so far, until the time is over.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

from bench.fuzz.harness import CORPUS, judge, kept
from bench.fuzz.targets import NAMES, target_of
from helder.errors import HelderError

SHARE = 24 << 10  # bytes of a kept corpus; all of them stay below 300 kB
TOTALS = re.compile(r"#(\d+)\s+\S+\s+cov: (\d+) ft: (\d+)")


@click.command()
@click.argument("name", metavar="TARGET", type=click.Choice(NAMES))
@click.option("--seconds", type=click.IntRange(1), default=600, show_default=True, help="How long.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("build/fuzz"), help="Corpus and findings.")
@click.option("--keep", is_flag=True, help="Put the smallest inputs that reach the same code into tests/fuzz/corpus.")
def main(name: str, seconds: int, folder: Path, keep: bool) -> None:
    """Fuzz one target; exit code 3 when something was found."""
    target = target_of(name)
    corpus, findings = folder / name / "corpus", folder / name / "findings"
    for place in (corpus, findings):
        place.mkdir(parents=True, exist_ok=True)
    for data in [*target.seeds(), *kept(name)]:
        if (found := judge(target, data)) is not None:
            raise HelderError(f"A seed of {name} is a finding.", found.told)
        _put(corpus, data)
    log = folder / name / "log.txt"
    log.unlink(missing_ok=True)
    started, runs = time.monotonic(), 0
    while (left := seconds - (time.monotonic() - started)) > 1:
        runs += _run(name, corpus, findings, log, left)
    text = log.read_text(encoding="utf-8", errors="replace")
    best = max((tuple(map(int, found[1:])) for found in map(list, TOTALS.findall(text))), default=(0, 0))
    told = sorted(path.name for path in findings.glob("*.txt"))
    took = round(time.monotonic() - started)
    print(json.dumps({"target": name, "seconds": took, "runs": runs, "branches": best[0], "features": best[1],
                      "corpus": len(list(corpus.iterdir())), "findings": told}))  # fmt: skip
    if keep:
        _keep(name, corpus, folder / name / "small")
    sys.exit(3 if told else 0)


def _command(name: str, findings: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "bench.fuzz.child", name, str(findings), *options]


def _run(name: str, corpus: Path, findings: Path, log: Path, seconds: float) -> int:
    """One life of the fuzzer: how many inputs it ran. What ended it early is a finding."""
    options = (str(corpus), f"-max_total_time={int(seconds)}", f"-artifact_prefix={findings}/died-")
    with log.open("a", encoding="utf-8") as file:
        start = file.tell()
        done = subprocess.run(_command(name, findings, *options), stdout=file, stderr=subprocess.STDOUT, check=False)
    text = log.read_bytes()[start:].decode("utf-8", "replace")
    if done.returncode:
        died = list(findings.glob("died-*"))
        if not died:
            raise HelderError(f"The fuzzer itself failed: see {log}.", text[-2000:], "pip install atheris")
        for path in died:
            told = path.with_suffix(".txt")
            if not told.exists():
                told.write_text(text[-8000:], encoding="utf-8")
    return max((int(found[0]) for found in TOTALS.findall(text)), default=0)


def _keep(name: str, corpus: Path, small: Path) -> None:
    """The fewest inputs that reach what the corpus reaches, smallest first, as many as fit.

    What once failed is kept by hand, under a name that begins with "found-", and stays.
    """
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    options = ("-merge=1", str(small), str(CORPUS / name), str(corpus))
    findings = [path.read_bytes() for path in (CORPUS / name).glob("found-*")]
    subprocess.run(_command(name, small.with_name("findings"), *options), capture_output=True, check=False)
    if not any(small.iterdir()):
        raise HelderError(f"The corpus of {name} could not be made smaller.", fix="Look into its log.")
    seeds = {_name(data) for data in target_of(name).seeds()}
    for path in (CORPUS / name).iterdir():
        if not path.name.startswith("found-"):
            path.unlink()
    size = 0
    for path in sorted(small.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        data = path.read_bytes()
        size += len(data)
        if size > SHARE:
            break
        if _name(data) not in seeds and data not in findings:
            _put(CORPUS / name, data)


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _put(folder: Path, data: bytes) -> None:
    (folder / _name(data)).write_bytes(data)


if __name__ == "__main__":
    main()
